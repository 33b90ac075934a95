/* Building the packed tree. Sorted are not the points but 16-byte keys, f32 axes and where the
 * point lies: exact enough to choose a leaf, and a third of the memory to move. The one difficulty:
 * a median split whose left side is always a power of two of leaves, so that every 16 neighbours in
 * the final order are one node and no child needs a pointer. */
#include "geo/tree.h"

#include "geo/mem.h"
#include <assert.h>
#include <string.h>

/* An f32 of a coordinate is wrong by 3e-8 at most, the query's too: 1e-7 (0.6 m) covers both. */
static const double BOX_MARGIN = 1e-7;

struct key {
    float at[3];
    uint32_t number; /* among all places of all sources */
};

struct sources {
    const struct geo_points *const *at;
    size_t count;
};

static struct key *keys_of(struct sources sources, size_t *count)
{
    size_t total = 0;
    size_t before = 0;
    struct key *keys;

    for (size_t i = 0; i < sources.count; i++)
        total += sources.at[i]->count;
    assert(total < UINT32_MAX);
    keys = geo_lines(total + 1, sizeof(*keys));
    *count = 0;
    for (size_t i = 0; i < sources.count; i++) {
        const struct geo_points *points = sources.at[i];
        for (uint32_t place = 0; place < points->count; place++) {
            const struct geo_leaf *leaf = &points->leaves[place / GEO_LANES];
            size_t lane = place % GEO_LANES;
            if (geo_points_mask(points, place) != 0)
                keys[(*count)++] =
                    (struct key){{(float)leaf->x[lane], (float)leaf->y[lane], (float)leaf->z[lane]},
                                 (uint32_t)(before + place)};
        }
        before += points->count;
    }
    return keys;
}

static int widest_axis(const struct key *keys, size_t count)
{
    float lo[3] = {2, 2, 2};
    float hi[3] = {-2, -2, -2};
    int best = 0;

    for (size_t i = 0; i < count; i++)
        for (int axis = 0; axis < 3; axis++) {
            float at = keys[i].at[axis];
            lo[axis] = at < lo[axis] ? at : lo[axis];
            hi[axis] = at > hi[axis] ? at : hi[axis];
        }
    for (int axis = 1; axis < 3; axis++)
        best = hi[axis] - lo[axis] > hi[best] - lo[best] ? axis : best;
    return best;
}

static float middle_of(float a, float b, float c)
{
    float lower = a < b ? a : b;
    float upper = a < b ? b : a;

    return c < lower ? lower : c > upper ? upper : c;
}

/* Hoare's FIND: puts the `rank` smallest first. It stops on equals, so a thousand shops in one
 * house do not make it quadratic; pivots are drawn, so nobody can lay out shops that do. */
static void select_smallest(struct key *keys, size_t count, size_t rank, int axis)
{
    ptrdiff_t lo = 0;
    ptrdiff_t hi = (ptrdiff_t)count - 1;
    uint64_t draw = 0x9E3779B97F4A7C15u ^ count;

    while (lo < hi) {
        uint64_t room = (uint64_t)(hi - lo + 1);
        ptrdiff_t i = lo;
        ptrdiff_t j = hi;
        float drawn[3];
        float pivot;
        for (int n = 0; n < 3; n++) {
            draw = draw * 6364136223846793005u + 1442695040888963407u;
            drawn[n] = keys[lo + (ptrdiff_t)((draw >> 33) % room)].at[axis];
        }
        pivot = middle_of(drawn[0], drawn[1], drawn[2]);
        while (i <= j) {
            struct key kept;
            while (keys[i].at[axis] < pivot)
                i++;
            while (keys[j].at[axis] > pivot)
                j--;
            if (i > j)
                break;
            kept = keys[i];
            keys[i++] = keys[j];
            keys[j--] = kept;
        }
        if (j < (ptrdiff_t)rank)
            lo = i;
        if (i > (ptrdiff_t)rank)
            hi = j;
    }
}

static void sort_into_leaves(struct key *keys, size_t count)
{
    while (count > GEO_LANES) {
        size_t leaves = (count + GEO_LANES - 1) / GEO_LANES;
        size_t left = GEO_LANES;
        while (left / GEO_LANES * 2 < leaves)
            left *= 2;
        select_smallest(keys, count, left, widest_axis(keys, count));
        sort_into_leaves(keys, left);
        keys += left;
        count -= left;
    }
}

/* A point is looked up so long before it is copied: it waits in memory meanwhile. */
enum { AHEAD = 8 };

struct location {
    const struct geo_points *points;
    uint32_t place;
};

static struct location locate(struct sources sources, const size_t *before, uint32_t number)
{
    size_t lo = 0;
    size_t hi = sources.count;

    while (hi - lo > 1) {
        size_t middle = (lo + hi) / 2;
        if (before[middle] <= number)
            lo = middle;
        else
            hi = middle;
    }
    return (struct location){sources.at[lo], (uint32_t)(number - before[lo])};
}

static void prefetch_point(const struct geo_points *points, uint32_t place)
{
    const struct geo_leaf *leaf = &points->leaves[place / GEO_LANES];
    size_t lane = place % GEO_LANES;

    __builtin_prefetch(&leaf->x[lane]);
    __builtin_prefetch(&leaf->y[lane]);
    __builtin_prefetch(&leaf->z[lane]);
    __builtin_prefetch(&leaf->mask[lane]);
    __builtin_prefetch(&points->ids[place]);
}

/* The sources' points in the order of the keys. */
static void gather(struct geo_points *out, struct sources sources, const struct key *keys, size_t n)
{
    size_t *before = geo_resize(NULL, sources.count + 1, sizeof(*before));
    struct location ahead[AHEAD];

    before[0] = 0;
    for (size_t i = 0; i < sources.count; i++)
        before[i + 1] = before[i] + sources.at[i]->count;
    for (size_t i = 0; i < n + AHEAD; i++) {
        struct location *at = &ahead[i % AHEAD];
        if (i >= AHEAD) {
            struct geo_entry entry = geo_points_at(at->points, at->place);
            geo_points_add(out, &entry);
        }
        if (i < n) {
            *at = locate(sources, before, keys[i].number);
            prefetch_point(at->points, at->place);
        }
    }
    free(before);
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

/* A child that is not there has an empty mask and an infinite box: no search goes there. */
static void clear_node(struct geo_node *node)
{
    memset(node->any, 0, sizeof(node->any));
    for (int axis = 0; axis < 3; axis++)
        for (int child = 0; child < GEO_LANES; child++) {
            node->lo[axis][child] = 1e9f;
            node->hi[axis][child] = -1e9f;
        }
}

static void lay_out_levels(struct geo_tree *tree)
{
    size_t below = geo_points_leaves(&tree->points);
    size_t at = 0;

    do {
        size_t size = (below + GEO_LANES - 1) / GEO_LANES;
        tree->level_at[tree->levels] = at;
        tree->level_size[tree->levels++] = size;
        at += size;
        below = size;
    } while (below > 1);
    tree->nodes = geo_lines(at, sizeof(*tree->nodes));
    for (size_t i = 0; i < at; i++)
        clear_node(&tree->nodes[i]);
}

static void fill_nodes(struct geo_tree *tree)
{
    size_t leaves = geo_points_leaves(&tree->points);

    for (int level = 0; level < tree->levels; level++) {
        size_t below = level == 0 ? leaves : tree->level_size[level - 1];
        for (size_t i = 0; i < below; i++) {
            struct geo_node *node = &tree->nodes[tree->level_at[level] + i / GEO_LANES];
            int child = (int)(i % GEO_LANES);
            if (level == 0) {
                box_of_leaf(node, child, &tree->points.leaves[i]);
            } else {
                size_t beneath = level == 1 ? leaves : tree->level_size[level - 2];
                size_t rest = beneath - i * GEO_LANES;
                box_of_node(node, child, &tree->nodes[tree->level_at[level - 1] + i],
                            rest < GEO_LANES ? (int)rest : GEO_LANES);
            }
        }
    }
}

struct geo_tree *geo_tree_new(const struct geo_points *const *sources, size_t source_count)
{
    struct geo_tree *tree = NULL;
    struct sources from = {sources, source_count};
    size_t count;
    struct key *keys = keys_of(from, &count);

    if (count > 0) {
        sort_into_leaves(keys, count);
        tree = geo_resize(NULL, 1, sizeof(*tree));
        *tree = (struct geo_tree){0};
        geo_points_init(&tree->points, count, false);
        gather(&tree->points, from, keys, count);
        geo_points_make_findable(&tree->points);
        lay_out_levels(tree);
        fill_nodes(tree);
    }
    free(keys);
    return tree;
}

void geo_tree_free(struct geo_tree *tree)
{
    if (!tree)
        return;
    geo_points_done(&tree->points);
    free(tree->nodes);
    free(tree);
}

void geo_tree_prefetch(const struct geo_tree *tree, uint32_t place)
{
    size_t child = place / GEO_LANES;

    prefetch_point(&tree->points, place);
    __builtin_prefetch(&tree->nodes[child / GEO_LANES].any[child % GEO_LANES]);
}

void geo_tree_set_mask(struct geo_tree *tree, uint32_t place, uint64_t mask)
{
    size_t child = place / GEO_LANES;

    geo_points_set_mask(&tree->points, place, mask);
    for (int level = 0; level < tree->levels; level++, child /= GEO_LANES) {
        uint64_t *any =
            &tree->nodes[tree->level_at[level] + child / GEO_LANES].any[child % GEO_LANES];
        if ((*any & mask) == mask)
            return; /* above it, all have it too */
        *any |= mask;
    }
}

size_t geo_tree_bytes(const struct geo_tree *tree)
{
    const struct geo_points *points = &tree->points;

    return geo_points_leaves(points) * sizeof(*points->leaves) +
           points->table.size * sizeof(*points->table.cells) +
           (tree->level_at[tree->levels - 1] + 1) * sizeof(*tree->nodes);
}
