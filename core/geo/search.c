/* The search. The one difficulty: hits are ordered by (metres, id), but metres cost an arc sine and
 * two different chords may round to the same metres. So chords are compared as they are while they
 * differ clearly, and by metres and id only when they are within a few roundings of each other. */
#include "geo/search.h"

#include <math.h>
#include <string.h>

/* Chords that differ by more than this share never give the same metres. */
static const double CLEARLY = 1e-13;
/* For the f32 boxes: covers the roundings of their arithmetic. */
static const float BOX_SLACK = 1.000001f;
/* More than any chord between two points of the sphere, less than the infinity of a box without
 * points. */
static const double BOUND_ALL = 5;

/* The leaves that are read in most searches; more would push out what is needed. */
enum { PREFETCHED = 3 };

void geo_search_init(struct geo_search *search,
                     const struct geo_query *query,
                     const struct geo_item *items)
{
    search->query = query;
    search->items = items;
    search->center = geo_unit(query->center);
    search->center_f[0] = (float)search->center.x;
    search->center_f[1] = (float)search->center.y;
    search->center_f[2] = (float)search->center.z;
    search->radius_m = query->radius_km * 1000;
    search->radius_chord2 = geo_m_to_chord2(search->radius_m);
    search->after_chord2 =
        isnan(query->after_distance_m) ? -1 : geo_m_to_chord2(query->after_distance_m);
    search->bound =
        search->radius_chord2 >= 4 ? BOUND_ALL : search->radius_chord2 * (1 + CLEARLY) + 1e-300;
    search->count = 0;
    search->work = (struct geo_work){0};
}

static int compare_ids(const struct geo_id *a, const struct geo_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool
is_nearer(const struct geo_search *search, const struct geo_found *a, const struct geo_found *b)
{
    double margin = b->chord2 * CLEARLY;
    double a_m, b_m;

    if (a->chord2 < b->chord2 - margin)
        return true;
    if (a->chord2 > b->chord2 + margin)
        return false;
    if (a->chord2 != b->chord2) {
        a_m = geo_chord2_to_m(a->chord2);
        b_m = geo_chord2_to_m(b->chord2);
        if (a_m != b_m)
            return a_m < b_m;
    }
    return compare_ids(&search->items[a->slot].id, &search->items[b->slot].id) < 0;
}

static bool is_in_radius(const struct geo_search *search, double chord2)
{
    if (chord2 <= search->radius_chord2 * (1 - CLEARLY))
        return true;
    return geo_chord2_to_m(chord2) <= search->radius_m;
}

static bool is_after(const struct geo_search *search, const struct geo_found *it)
{
    double after = search->after_chord2;
    double distance_m;

    if (it->chord2 > after * (1 + CLEARLY) + 1e-300)
        return true;
    if (it->chord2 < after * (1 - CLEARLY))
        return false;
    distance_m = geo_chord2_to_m(it->chord2);
    if (distance_m != search->query->after_distance_m)
        return distance_m > search->query->after_distance_m;
    return compare_ids(&search->items[it->slot].id, &search->query->after_id) > 0;
}

/* Puts `it` where the heap's place `at` was vacated, moving nearer ones' parents down. */
static void sift_down(struct geo_search *search, size_t at, struct geo_found it)
{
    struct geo_found *heap = search->found;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= search->count)
            break;
        if (child + 1 < search->count && is_nearer(search, &heap[child], &heap[child + 1]))
            child++;
        if (!is_nearer(search, &it, &heap[child]))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = it;
}

static void sift_up(struct geo_search *search, size_t at, struct geo_found it)
{
    struct geo_found *heap = search->found;

    while (at > 0 && is_nearer(search, &heap[(at - 1) / 2], &it)) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = it;
}

static void keep(struct geo_search *search, struct geo_found it)
{
    if (search->count < search->query->limit) {
        search->count++;
        sift_up(search, search->count - 1, it);
        if (search->count < search->query->limit)
            return;
    } else if (is_nearer(search, &it, &search->found[0])) {
        sift_down(search, 0, it);
    } else {
        return;
    }
    /* Full: only what may come before the farthest kept is still of interest. */
    if (search->found[0].chord2 * (1 + CLEARLY) < search->bound)
        search->bound = search->found[0].chord2 * (1 + CLEARLY);
}

void geo_search_leaf(struct geo_search *search, const struct geo_leaf *leaf)
{
    const struct geo_unit center = search->center;
    const uint64_t all_mask = search->query->all_mask;
    double chord2[GEO_LANES];

    search->work.leaves++;
    for (int lane = 0; lane < GEO_LANES; lane++) { /* the same arithmetic as geo_chord2() */
        double dx = leaf->x[lane] - center.x;
        double dy = leaf->y[lane] - center.y;
        double dz = leaf->z[lane] - center.z;
        chord2[lane] = dx * dx + dy * dy + dz * dz;
    }
    for (int lane = 0; lane < GEO_LANES; lane++) {
        struct geo_found it = {chord2[lane], leaf->mask[lane], leaf->slot[lane]};
        if (!(it.chord2 <= search->bound)) /* an empty lane's NAN is refused here too */
            continue;
        if ((it.mask & all_mask) == all_mask && is_in_radius(search, it.chord2) &&
            is_after(search, &it))
            keep(search, it);
    }
}

struct near_child {
    float chord2;
    int at;
};

/* The children that may hold a hit, nearest box first. */
static int children_in_order(const struct geo_search *search,
                             const struct geo_node *node,
                             int count,
                             struct near_child near[GEO_LANES])
{
    const uint64_t all_mask = search->query->all_mask;
    const float bound = (float)search->bound * BOX_SLACK;
    float chord2[GEO_LANES] = {0};
    int found = 0;

    for (int axis = 0; axis < 3; axis++) {
        const float at = search->center_f[axis];
        for (int i = 0; i < GEO_LANES; i++) {
            float below = node->lo[axis][i] - at;
            float above = at - node->hi[axis][i];
            float off = below > above ? below : above;
            off = off > 0 ? off : 0;
            chord2[i] += off * off;
        }
    }
    for (int i = 0; i < count; i++) {
        int place = found;
        if (!(chord2[i] <= bound) || (node->any[i] & all_mask) != all_mask)
            continue;
        for (; place > 0 && near[place - 1].chord2 > chord2[i]; place--)
            near[place] = near[place - 1];
        near[place] = (struct near_child){chord2[i], i};
        found++;
    }
    return found;
}

static void prefetch_leaf(const struct geo_leaf *leaf)
{
    for (size_t at = 0; at < sizeof(*leaf); at += 64)
        __builtin_prefetch((const char *)leaf + at);
}

/* Depth is the tree's: at most GEO_LEVELS_MAX. */
static void
search_node(struct geo_search *search, const struct geo_tree *tree, int level, size_t at)
{
    size_t below = level == 0 ? tree->leaf_count : tree->level_size[level - 1];
    size_t rest = below - at * GEO_LANES;
    struct near_child near[GEO_LANES];
    int count = children_in_order(search, &tree->nodes[tree->level_at[level] + at],
                                  rest < GEO_LANES ? (int)rest : GEO_LANES, near);

    search->work.nodes++;
    for (int i = 0; level == 0 && i < count && i < PREFETCHED; i++)
        prefetch_leaf(&tree->leaves[at * GEO_LANES + (size_t)near[i].at]);
    for (int i = 0; i < count; i++) {
        size_t child = at * GEO_LANES + (size_t)near[i].at;
        if (!(near[i].chord2 <= (float)search->bound * BOX_SLACK))
            return;
        if (level == 0)
            geo_search_leaf(search, &tree->leaves[child]);
        else
            search_node(search, tree, level - 1, child);
    }
}

void geo_search_tree(struct geo_search *search, const struct geo_tree *tree)
{
    search_node(search, tree, tree->levels - 1, 0);
}

size_t geo_search_finish(struct geo_search *search, struct geo_hit *hits)
{
    size_t total = search->count;

    /* Items lie in order of arrival, so each id is a cache miss: all of them wait at once. */
    for (size_t i = 0; i < total; i++)
        __builtin_prefetch(&search->items[search->found[i].slot]);
    while (search->count > 0) {
        struct geo_found farthest = search->found[0];
        struct geo_found last = search->found[--search->count];
        if (search->count > 0)
            sift_down(search, 0, last);
        hits[search->count] = (struct geo_hit){
            .id = search->items[farthest.slot].id,
            .distance_m = geo_chord2_to_m(farthest.chord2),
            .mask = farthest.mask,
        };
    }
    return total;
}
