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
/* To move half of so many by one place is cheaper than a heap's steps. */
enum { SORTED_MAX = 40 };

void geo_search_init(struct geo_search *search,
                     const struct geo_query *query,
                     const struct geo_kernel *kernel)
{
    struct geo_unit center = geo_unit(query->center);

    search->query = query;
    search->kernel = kernel;
    search->probe = (struct geo_probe){
        .center = center,
        .center_f = {(float)center.x, (float)center.y, (float)center.z},
        .all = query->all_mask | GEO_ALIVE,
        .any = query->any_mask ? query->any_mask : GEO_ALIVE,
    };
    search->radius_m = query->radius_km * 1000;
    search->radius_chord2 = geo_m_to_chord2(search->radius_m);
    search->after_chord2 =
        isnan(query->after_distance_m) ? -1 : geo_m_to_chord2(query->after_distance_m);
    search->radius_sure = search->radius_chord2 * (1 - CLEARLY);
    search->after_sure = search->after_chord2 * (1 + CLEARLY) + 1e-300;
    search->bound =
        search->radius_chord2 >= 4 ? BOUND_ALL : search->radius_chord2 * (1 + CLEARLY) + 1e-300;
    search->count = 0;
    search->is_sorted = query->limit <= SORTED_MAX;
    search->work = (struct geo_work){0};
}

static const struct geo_id *id_of(const struct geo_found *it)
{
    return &it->points->ids[it->place];
}

static int compare_ids(const struct geo_id *a, const struct geo_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Of two whose chords are nearly the same. */
__attribute__((noinline)) static bool is_nearer_in_m(const struct geo_found *a,
                                                     const struct geo_found *b)
{
    double a_m, b_m;

    if (a->chord2 != b->chord2) {
        a_m = geo_chord2_to_m(a->chord2);
        b_m = geo_chord2_to_m(b->chord2);
        if (a_m != b_m)
            return a_m < b_m;
    }
    return compare_ids(id_of(a), id_of(b)) < 0;
}

static inline bool is_nearer(const struct geo_found *a, const struct geo_found *b)
{
    double margin = b->chord2 * CLEARLY;

    if (a->chord2 < b->chord2 - margin)
        return true;
    if (a->chord2 > b->chord2 + margin)
        return false;
    return is_nearer_in_m(a, b);
}

static bool is_in_radius(const struct geo_search *search, double chord2)
{
    if (chord2 <= search->radius_sure)
        return true;
    return geo_chord2_to_m(chord2) <= search->radius_m;
}

static bool is_after(const struct geo_search *search, const struct geo_found *it)
{
    double distance_m;

    if (it->chord2 > search->after_sure)
        return true;
    if (it->chord2 < search->after_chord2 * (1 - CLEARLY))
        return false;
    distance_m = geo_chord2_to_m(it->chord2);
    if (distance_m != search->query->after_distance_m)
        return distance_m > search->query->after_distance_m;
    return compare_ids(id_of(it), &search->query->after_id) > 0;
}

/* Puts `it` where the heap's place `at` was vacated, moving nearer ones' parents down. */
static void sift_down(struct geo_search *search, size_t at, struct geo_found it)
{
    struct geo_found *heap = search->found;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= search->count)
            break;
        if (child + 1 < search->count && is_nearer(&heap[child], &heap[child + 1]))
            child++;
        if (!is_nearer(&it, &heap[child]))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = it;
}

static void sift_up(struct geo_search *search, size_t at, struct geo_found it)
{
    struct geo_found *heap = search->found;

    while (at > 0 && is_nearer(&heap[(at - 1) / 2], &it)) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = it;
}

/* The nearest first; who was the farthest falls off the end when all places are taken. */
static void keep_sorted(struct geo_search *search, struct geo_found it)
{
    struct geo_found *sorted = search->found;
    size_t at = search->count;

    if (at < search->query->limit)
        search->count++;
    else if (is_nearer(&it, &sorted[at - 1]))
        at--;
    else
        return;
    for (; at > 0 && is_nearer(&it, &sorted[at - 1]); at--)
        sorted[at] = sorted[at - 1];
    sorted[at] = it;
}

static void keep(struct geo_search *search, struct geo_found it)
{
    struct geo_found *farthest = &search->found[0];

    if (search->is_sorted) {
        keep_sorted(search, it);
        if (search->count < search->query->limit)
            return;
        farthest = &search->found[search->count - 1];
    } else if (search->count < search->query->limit) {
        search->count++;
        sift_up(search, search->count - 1, it);
        if (search->count < search->query->limit)
            return;
    } else if (is_nearer(&it, &search->found[0])) {
        sift_down(search, 0, it);
    } else {
        return;
    }
    /* Full: only what may come before the farthest kept is still of interest. */
    if (farthest->chord2 * (1 + CLEARLY) < search->bound)
        search->bound = farthest->chord2 * (1 + CLEARLY);
}

static void look_at_leaf(struct geo_search *search, const struct geo_points *points, size_t leaf)
{
    double chord2[GEO_LANES];
    uint32_t passed =
        search->kernel->leaf(&points->leaves[leaf], &search->probe, search->bound, chord2);

    search->work.leaves++;
    for (; passed != 0; passed &= passed - 1) {
        int lane = __builtin_ctz(passed);
        struct geo_found it = {chord2[lane], points, (uint32_t)(leaf * GEO_LANES) + (uint32_t)lane};
        if (is_in_radius(search, it.chord2) && is_after(search, &it))
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
                             struct near_child near[GEO_LANES])
{
    float chord2[GEO_LANES];
    uint32_t passed =
        search->kernel->node(node, &search->probe, (float)search->bound * BOX_SLACK, chord2);
    int found = 0;

    for (; passed != 0; passed &= passed - 1) {
        int child = __builtin_ctz(passed);
        int place = found++;
        for (; place > 0 && near[place - 1].chord2 > chord2[child]; place--)
            near[place] = near[place - 1];
        near[place] = (struct near_child){chord2[child], child};
    }
    return found;
}

static void prefetch(const void *what, size_t size)
{
    for (size_t at = 0; at < size; at += 64)
        __builtin_prefetch((const char *)what + at);
}

/* Depth is the tree's: at most GEO_LEVELS_MAX. */
static void
search_node(struct geo_search *search, const struct geo_tree *tree, int level, size_t at)
{
    struct near_child near[GEO_LANES];
    int count = children_in_order(search, &tree->nodes[tree->level_at[level] + at], near);

    search->work.nodes++;
    for (int i = 0; level == 0 && i < count && i < PREFETCHED; i++)
        prefetch(&tree->points.leaves[at * GEO_LANES + (size_t)near[i].at],
                 sizeof(struct geo_leaf));
    for (int i = 0; i < count; i++) {
        size_t child = at * GEO_LANES + (size_t)near[i].at;
        if (!(near[i].chord2 <= (float)search->bound * BOX_SLACK))
            return;
        if (level == 0)
            look_at_leaf(search, &tree->points, child);
        else
            search_node(search, tree, level - 1, child);
    }
}

void geo_search_tree(struct geo_search *search, const struct geo_tree *tree)
{
    search_node(search, tree, tree->levels - 1, 0);
}

void geo_search_points(struct geo_search *search, const struct geo_points *points)
{
    for (size_t leaf = 0; leaf < geo_points_leaves(points); leaf++)
        look_at_leaf(search, points, leaf);
}

/* The heap's way to the same order. */
static void sort_heap(struct geo_search *search)
{
    size_t total = search->count;

    while (search->count > 1) {
        struct geo_found farthest = search->found[0];
        struct geo_found last = search->found[--search->count];
        sift_down(search, 0, last);
        search->found[search->count] = farthest;
    }
    search->count = total;
}

size_t geo_search_finish(struct geo_search *search, struct geo_hit *hits)
{
    /* Ids lie apart from the points: all that miss the cache wait at once. */
    for (size_t i = 0; i < search->count; i++)
        __builtin_prefetch(id_of(&search->found[i]));
    if (!search->is_sorted)
        sort_heap(search);
    for (size_t i = 0; i < search->count; i++) {
        const struct geo_found *found = &search->found[i];
        hits[i] = (struct geo_hit){
            .id = *id_of(found),
            .distance_m = geo_chord2_to_m(found->chord2),
            .mask = geo_points_mask(found->points, found->place) & ~GEO_ALIVE,
        };
    }
    return search->count;
}
