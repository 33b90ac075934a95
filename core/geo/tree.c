/* Building the packed tree. The one difficulty: a median split whose left side is always a power of
 * two of leaves, so that every 16 neighbours in the final order are one node and no child needs a
 * pointer. */
#include "geo/tree.h"

#include "geo/mem.h"
#include <math.h>
#include <string.h>

/* An f32 of a coordinate is wrong by 3e-8 at most, the query's too: 1e-7 (0.6 m) covers both. */
static const double BOX_MARGIN = 1e-7;

static double along(const struct geo_entry *entry, int axis)
{
    return axis == 0 ? entry->at.x : axis == 1 ? entry->at.y : entry->at.z;
}

static int widest_axis(const struct geo_entry *entries, size_t count)
{
    double lo[3] = {2, 2, 2};
    double hi[3] = {-2, -2, -2};
    int best = 0;

    for (size_t i = 0; i < count; i++) {
        const double at[3] = {entries[i].at.x, entries[i].at.y, entries[i].at.z};
        for (int axis = 0; axis < 3; axis++) {
            lo[axis] = at[axis] < lo[axis] ? at[axis] : lo[axis];
            hi[axis] = at[axis] > hi[axis] ? at[axis] : hi[axis];
        }
    }
    for (int axis = 1; axis < 3; axis++)
        best = hi[axis] - lo[axis] > hi[best] - lo[best] ? axis : best;
    return best;
}

static void swap(struct geo_entry *a, struct geo_entry *b)
{
    struct geo_entry kept = *a;

    *a = *b;
    *b = kept;
}

/* Hoare's FIND: puts the `rank` smallest first. It stops on equals, so a thousand shops in one
 * house do not make it quadratic; the pivot is drawn, so nobody can lay out shops that do. */
static void select_smallest(struct geo_entry *entries, size_t count, size_t rank, int axis)
{
    ptrdiff_t lo = 0;
    ptrdiff_t hi = (ptrdiff_t)count - 1;
    uint64_t draw = 0x9E3779B97F4A7C15u ^ count;

    while (lo < hi) {
        ptrdiff_t i = lo;
        ptrdiff_t j = hi;
        double pivot;
        draw = draw * 6364136223846793005u + 1442695040888963407u;
        pivot = along(&entries[lo + (ptrdiff_t)((draw >> 33) % (uint64_t)(hi - lo + 1))], axis);
        while (i <= j) {
            while (along(&entries[i], axis) < pivot)
                i++;
            while (along(&entries[j], axis) > pivot)
                j--;
            if (i <= j)
                swap(&entries[i++], &entries[j--]);
        }
        if (j < (ptrdiff_t)rank)
            lo = i;
        if (i > (ptrdiff_t)rank)
            hi = j;
    }
}

static void sort_into_leaves(struct geo_entry *entries, size_t count)
{
    while (count > GEO_LANES) {
        size_t leaves = (count + GEO_LANES - 1) / GEO_LANES;
        size_t left = GEO_LANES;
        while (left / GEO_LANES * 2 < leaves)
            left *= 2;
        select_smallest(entries, count, left, widest_axis(entries, count));
        sort_into_leaves(entries, left);
        entries += left;
        count -= left;
    }
}

void geo_leaf_clear(struct geo_leaf *leaf)
{
    for (int lane = 0; lane < GEO_LANES; lane++) {
        leaf->x[lane] = leaf->y[lane] = leaf->z[lane] = NAN;
        leaf->mask[lane] = 0;
        leaf->slot[lane] = UINT32_MAX;
    }
}

void geo_leaf_set(struct geo_leaf *leaf, int lane, const struct geo_entry *entry)
{
    leaf->x[lane] = entry->at.x;
    leaf->y[lane] = entry->at.y;
    leaf->z[lane] = entry->at.z;
    leaf->mask[lane] = entry->mask;
    leaf->slot[lane] = entry->slot;
}

static void box_of_leaf(struct geo_node *node, int child, const struct geo_leaf *leaf)
{
    const double *const at[3] = {leaf->x, leaf->y, leaf->z};

    node->any[child] = 0;
    for (int axis = 0; axis < 3; axis++) {
        double lo = 2;
        double hi = -2;
        for (int lane = 0; lane < GEO_LANES; lane++) { /* NAN is neither less nor more */
            lo = at[axis][lane] < lo ? at[axis][lane] : lo;
            hi = at[axis][lane] > hi ? at[axis][lane] : hi;
        }
        node->lo[axis][child] = (float)(lo - BOX_MARGIN);
        node->hi[axis][child] = (float)(hi + BOX_MARGIN);
    }
    for (int lane = 0; lane < GEO_LANES; lane++)
        node->any[child] |= leaf->mask[lane];
}

static void box_of_node(struct geo_node *node, int child, const struct geo_node *below, int count)
{
    node->any[child] = 0;
    for (int axis = 0; axis < 3; axis++) {
        float lo = below->lo[axis][0];
        float hi = below->hi[axis][0];
        for (int i = 1; i < count; i++) {
            lo = below->lo[axis][i] < lo ? below->lo[axis][i] : lo;
            hi = below->hi[axis][i] > hi ? below->hi[axis][i] : hi;
        }
        node->lo[axis][child] = lo;
        node->hi[axis][child] = hi;
    }
    for (int i = 0; i < count; i++)
        node->any[child] |= below->any[i];
}

static void lay_out_levels(struct geo_tree *tree)
{
    size_t below = tree->leaf_count;
    size_t at = 0;

    do {
        size_t size = (below + GEO_LANES - 1) / GEO_LANES;
        tree->level_at[tree->levels] = at;
        tree->level_size[tree->levels++] = size;
        at += size;
        below = size;
    } while (below > 1);
    tree->nodes = geo_lines(at, sizeof(*tree->nodes));
    memset(tree->nodes, 0, at * sizeof(*tree->nodes));
}

static void fill_nodes(struct geo_tree *tree)
{
    for (int level = 0; level < tree->levels; level++) {
        size_t below = level == 0 ? tree->leaf_count : tree->level_size[level - 1];
        for (size_t i = 0; i < below; i++) {
            struct geo_node *node = &tree->nodes[tree->level_at[level] + i / GEO_LANES];
            int child = (int)(i % GEO_LANES);
            if (level == 0) {
                box_of_leaf(node, child, &tree->leaves[i]);
            } else {
                size_t beneath = level == 1 ? tree->leaf_count : tree->level_size[level - 2];
                size_t rest = beneath - i * GEO_LANES;
                box_of_node(node, child, &tree->nodes[tree->level_at[level - 1] + i],
                            rest < GEO_LANES ? (int)rest : GEO_LANES);
            }
        }
    }
}

struct geo_tree *geo_tree_new(struct geo_entry *entries, size_t count)
{
    struct geo_tree *tree = geo_resize(NULL, 1, sizeof(*tree));

    *tree = (struct geo_tree){.leaf_count = (count + GEO_LANES - 1) / GEO_LANES, .alive = count};
    sort_into_leaves(entries, count);
    tree->leaves = geo_lines(tree->leaf_count, sizeof(*tree->leaves));
    geo_leaf_clear(&tree->leaves[tree->leaf_count - 1]);
    for (size_t i = 0; i < count; i++)
        geo_leaf_set(&tree->leaves[i / GEO_LANES], (int)(i % GEO_LANES), &entries[i]);
    lay_out_levels(tree);
    fill_nodes(tree);
    return tree;
}

void geo_tree_free(struct geo_tree *tree)
{
    if (!tree)
        return;
    free(tree->leaves);
    free(tree->nodes);
    free(tree);
}

void geo_tree_set_mask(struct geo_tree *tree, uint32_t place, uint64_t mask)
{
    size_t child = place / GEO_LANES;

    tree->leaves[child].mask[place % GEO_LANES] = mask;
    for (int level = 0; level < tree->levels; level++, child /= GEO_LANES)
        tree->nodes[tree->level_at[level] + child / GEO_LANES].any[child % GEO_LANES] |= mask;
}

void geo_tree_remove(struct geo_tree *tree, uint32_t place)
{
    struct geo_leaf *leaf = &tree->leaves[place / GEO_LANES];

    leaf->x[place % GEO_LANES] = NAN;
    leaf->slot[place % GEO_LANES] = UINT32_MAX;
    tree->alive--;
}
