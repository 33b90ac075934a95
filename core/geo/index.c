/* Who is where: a few trees, each with its own ids, and the loose points that have just changed.
 * When those are many they are packed into a small tree at once (a tenth of a millisecond); when
 * trees are many or holey, several are packed into one on the runner's thread. The one difficulty
 * is what changes in them meanwhile: they go on answering, so it is noted, and done again in the
 * new tree when that takes their place. */
#include "geo/index.h"

#include "geo/batch.h"
#include "geo/mem.h"
#include "geo/search.h"
#include "geo/tree.h"
#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    TREES_MAX = 24,
    LOOSE_MAX = 512,    /* a search reads them all: a third of a microsecond */
    AT_ONCE_MAX = 4096, /* packed on the spot: half a millisecond */
    MERGE_FACTOR = 16,  /* a tree at most so many times larger than what is packed joins it */
    TOGETHER_MIN = 4    /* fewer small trees are not worth the work */
};

struct noted {
    uint32_t tree; /* among the packing's sources */
    uint32_t place;
};

/* Several trees becoming one. The sources stay the index's until they are replaced. */
struct packing {
    struct geo_index *index;
    struct packing *next; /* under way on the other thread, too */
    bool is_wanted;       /* the index still holds the sources */
    struct geo_tree *sources[TREES_MAX];
    size_t source_count;
    struct geo_tree *packed;
    struct noted *notes; /* owned: places whose masks changed since */
    size_t note_count;
    size_t note_room;
};

struct geo_index {
    struct geo_tree *trees[TREES_MAX]; /* the largest first: it makes the bound small soonest */
    size_t tree_count;
    struct geo_points loose;
    struct geo_runner runner;
    struct packing *packing; /* the one that is wanted; NULL: none */
    struct packing *running; /* owned: that one and those that nobody wants any more */
    const struct geo_kernel *kernel;
    uint64_t packings;
    uint64_t searches;
    struct geo_work work;
};

struct geo_index *geo_index_new(struct geo_runner runner)
{
    struct geo_index *index = geo_resize(NULL, 1, sizeof(*index));

    *index = (struct geo_index){.runner = runner, .kernel = geo_kernel(NULL)};
    geo_points_init(&index->loose, GEO_LANES, true);
    return index;
}

struct geo_runner geo_index_runner(const struct geo_index *index)
{
    return index->runner;
}

static void free_packing(struct packing *packing)
{
    for (size_t i = 0; i < packing->source_count; i++)
        geo_tree_free(packing->sources[i]);
    geo_tree_free(packing->packed);
    free(packing->notes);
    free(packing);
}

/* A packing that still runs reads its trees: they are left to it. */
static void empty(struct geo_index *index)
{
    struct packing *packing = index->packing;

    for (size_t i = 0; i < index->tree_count; i++) {
        bool is_source = false;
        for (size_t j = 0; packing && j < packing->source_count; j++)
            is_source = is_source || packing->sources[j] == index->trees[i];
        if (!is_source)
            geo_tree_free(index->trees[i]);
    }
    if (packing)
        packing->is_wanted = false;
    index->packing = NULL;
    index->tree_count = 0;
    geo_points_done(&index->loose);
}

void geo_index_free(struct geo_index *index)
{
    if (!index)
        return;
    empty(index);
    while (index->running) {
        struct packing *packing = index->running;
        index->running = packing->next;
        free_packing(packing);
    }
    free(index);
}

size_t geo_index_count(const struct geo_index *index)
{
    return geo_index_stats(index).count;
}

struct geo_stats geo_index_stats(const struct geo_index *index)
{
    struct geo_stats stats = {
        .count = index->loose.alive,
        .hash = index->loose.hash,
        .trees = index->tree_count,
        .loose = index->loose.count,
        .packings = index->packings,
        .is_packing = index->packing != NULL,
    };

    for (size_t i = 0; i < index->tree_count; i++) {
        const struct geo_points *points = &index->trees[i]->points;
        stats.count += points->alive;
        stats.hash += points->hash;
        stats.tree_bytes += geo_tree_bytes(index->trees[i]);
        stats.id_bytes += points->count * sizeof(*points->ids);
    }
    return stats;
}

struct geo_work geo_index_work(const struct geo_index *index)
{
    return index->work;
}

uint64_t geo_index_searches(const struct geo_index *index)
{
    return index->searches;
}

bool geo_index_use(struct geo_index *index, const char *kernel)
{
    const struct geo_kernel *found = geo_kernel(kernel);

    if (found)
        index->kernel = found;
    return found != NULL;
}

/* ---- packing ---- */

static void add_tree(struct geo_index *index, struct geo_tree *tree)
{
    size_t at = index->tree_count;

    if (!tree)
        return;
    assert(at < TREES_MAX);
    for (; at > 0 && index->trees[at - 1]->points.count < tree->points.count; at--)
        index->trees[at] = index->trees[at - 1];
    index->trees[at] = tree;
    index->tree_count++;
    index->packings++;
}

static void detach_tree(struct geo_index *index, const struct geo_tree *tree)
{
    size_t kept = 0;

    for (size_t i = 0; i < index->tree_count; i++)
        if (index->trees[i] != tree)
            index->trees[kept++] = index->trees[i];
    index->tree_count = kept;
}

/* A place in a tree never comes back to life, so what was noted is in the new tree under this id or
 * was already gone when it was read. */
static void do_again(struct packing *packing, struct noted noted)
{
    const struct geo_points *source = &packing->sources[noted.tree]->points;
    const struct geo_id *id = &source->ids[noted.place];
    uint32_t place = geo_points_find(&packing->packed->points, id, geo_id_hash(id));

    if (place != GEO_PLACE_NONE)
        geo_tree_set_mask(packing->packed, place, geo_points_mask(source, noted.place));
}

static void forget(struct geo_index *index, const struct packing *packing)
{
    struct packing **link = &index->running;

    while (*link && *link != packing)
        link = &(*link)->next;
    if (*link)
        *link = packing->next;
}

static void on_packed(void *job)
{
    struct packing *packing = job;
    struct geo_index *index = packing->index;

    forget(index, packing);
    if (packing->is_wanted) {
        for (size_t i = 0; packing->packed && i < packing->note_count; i++)
            do_again(packing, packing->notes[i]);
        for (size_t i = 0; i < packing->source_count; i++)
            detach_tree(index, packing->sources[i]);
        index->packing = NULL;
        add_tree(index, packing->packed);
        packing->packed = NULL;
    }
    free_packing(packing);
}

static void do_pack(void *job)
{
    struct packing *packing = job;
    const struct geo_points *sources[TREES_MAX];

    for (size_t i = 0; i < packing->source_count; i++)
        sources[i] = &packing->sources[i]->points;
    packing->packed = geo_tree_new(sources, packing->source_count);
}

static bool is_holey(const struct geo_tree *tree)
{
    return tree->points.alive * 2 < tree->points.count;
}

/* The smallest trees, as long as the next is not much larger than all before it, and who is half
 * empty. Returns how many points that makes. */
static size_t choose(const struct geo_index *index, struct packing *packing)
{
    size_t total = 0;
    bool is_crowded = index->tree_count * 2 > TREES_MAX;

    for (size_t i = index->tree_count; i-- > 0;) {
        struct geo_tree *tree = index->trees[i];
        if (packing->source_count > 0 && tree->points.alive > total * MERGE_FACTOR &&
            !is_holey(tree) && !is_crowded)
            continue;
        packing->sources[packing->source_count++] = tree;
        total += tree->points.count;
    }
    return total;
}

static void begin_packing(struct geo_index *index)
{
    struct packing *packing = geo_resize(NULL, 1, sizeof(*packing));
    size_t total;

    *packing = (struct packing){.index = index, .is_wanted = true};
    total = choose(index, packing);
    if (packing->source_count < TOGETHER_MIN &&
        !(packing->source_count > 0 && is_holey(packing->sources[packing->source_count - 1]))) {
        free(packing);
        return;
    }
    index->packing = packing;
    if (!index->runner.run || total <= AT_ONCE_MAX) {
        do_pack(packing);
        on_packed(packing);
    } else if (index->runner.run(index->runner.arg, do_pack, on_packed, packing)) {
        packing->next = index->running;
        index->running = packing;
    } else {
        index->packing = NULL;
        free(packing);
    }
}

/* While a large packing goes on, trees become many: the more, the larger the next. With no room for
 * another the loose points wait. */
static bool has_much_loose(const struct geo_index *index)
{
    return index->loose.count > ((size_t)LOOSE_MAX << (index->tree_count / 4)) &&
           index->tree_count < TREES_MAX;
}

static void pack_loose(struct geo_index *index)
{
    const struct geo_points *sources[] = {&index->loose};

    add_tree(index, geo_tree_new(sources, 1));
    geo_points_done(&index->loose);
    geo_points_init(&index->loose, GEO_LANES, true);
    if (!index->packing)
        begin_packing(index);
}

void geo_index_pack(struct geo_index *index)
{
    const struct geo_points *sources[TREES_MAX + 1] = {&index->loose};
    struct geo_tree *packed;

    for (size_t i = 0; i < index->tree_count; i++)
        sources[i + 1] = &index->trees[i]->points;
    packed = geo_tree_new(sources, index->tree_count + 1);
    empty(index);
    geo_points_init(&index->loose, GEO_LANES, true);
    add_tree(index, packed);
}

/* ---- changes ---- */

static void note(struct geo_index *index, const struct geo_tree *tree, uint32_t place)
{
    struct packing *packing = index->packing;

    for (size_t i = 0; packing && i < packing->source_count; i++) {
        if (packing->sources[i] != tree)
            continue;
        if (packing->note_count == packing->note_room) {
            packing->note_room = packing->note_room ? packing->note_room * 2 : 256;
            packing->notes =
                geo_resize(packing->notes, packing->note_room, sizeof(*packing->notes));
        }
        packing->notes[packing->note_count++] = (struct noted){(uint32_t)i, place};
        return;
    }
}

static void set_mask(struct geo_index *index, struct geo_tree *tree, uint32_t place, uint64_t mask)
{
    if (geo_points_mask(&tree->points, place) == mask)
        return;
    geo_tree_set_mask(tree, place, mask);
    note(index, tree, place);
}

/* The tree in which the id is alive. */
static struct geo_tree *
tree_of(const struct geo_index *index, const struct geo_id *id, uint64_t hash, uint32_t *place)
{
    for (size_t i = 0; i < index->tree_count; i++) {
        *place = geo_points_find(&index->trees[i]->points, id, hash);
        if (*place != GEO_PLACE_NONE && geo_points_mask(&index->trees[i]->points, *place) != 0)
            return index->trees[i];
    }
    return NULL;
}

static void put_loose(struct geo_index *index, const struct geo_entry *entry, uint64_t hash)
{
    uint32_t place = geo_points_find(&index->loose, &entry->id, hash);

    if (place == GEO_PLACE_NONE) {
        geo_points_add(&index->loose, entry);
        return;
    }
    geo_points_move(&index->loose, place, entry->at);
    geo_points_set_mask(&index->loose, place, entry->mask);
}

void geo_index_put(struct geo_index *index, struct geo_id id, struct geo_point point, uint64_t mask)
{
    uint64_t hash = geo_id_hash(&id);
    uint32_t place;
    struct geo_tree *tree = tree_of(index, &id, hash, &place);
    struct geo_entry entry = {.id = id, .mask = mask | GEO_ALIVE};

    assert(geo_is_valid(point));
    if (tree)
        geo_tree_prefetch(tree, place); /* while sines are made */
    entry.at = geo_unit(point);
    if (tree && geo_points_is_at(&tree->points, place, entry.at)) {
        set_mask(index, tree, place, entry.mask);
        return;
    }
    put_loose(index, &entry, hash);
    if (tree)
        set_mask(index, tree, place, 0);
    if (has_much_loose(index))
        pack_loose(index);
}

bool geo_index_mark(struct geo_index *index, struct geo_id id, uint64_t mask)
{
    uint64_t hash = geo_id_hash(&id);
    uint32_t place;
    struct geo_tree *tree = tree_of(index, &id, hash, &place);

    if (tree) {
        set_mask(index, tree, place, mask | GEO_ALIVE);
        return true;
    }
    place = geo_points_find(&index->loose, &id, hash);
    if (place == GEO_PLACE_NONE || geo_points_mask(&index->loose, place) == 0)
        return false;
    geo_points_set_mask(&index->loose, place, mask | GEO_ALIVE);
    return true;
}

void geo_index_remove(struct geo_index *index, struct geo_id id)
{
    uint64_t hash = geo_id_hash(&id);
    uint32_t place = geo_points_find(&index->loose, &id, hash);
    struct geo_tree *tree;

    if (place != GEO_PLACE_NONE)
        geo_points_set_mask(&index->loose, place, 0);
    tree = tree_of(index, &id, hash, &place);
    if (tree)
        set_mask(index, tree, place, 0);
}

void geo_index_take(struct geo_index *index, struct geo_batch *batch)
{
    empty(index);
    geo_points_init(&index->loose, GEO_LANES, true);
    add_tree(index, batch->tree);
    batch->tree = NULL;
    batch->count = 0;
    batch->hash = 0;
}

void geo_index_become(struct geo_index *index, struct geo_index *next)
{
    uint64_t packings = index->packings;
    struct packing *running = index->running;
    struct packing **last = &running;

    empty(index);
    *index = *next;
    index->packings += packings;
    while (*last)
        last = &(*last)->next;
    *last = index->running;
    index->running = running;
    for (struct packing *packing = running; packing; packing = packing->next)
        packing->index = index;
    free(next);
}

size_t geo_near(struct geo_index *index, const struct geo_query *query, struct geo_hit *hits)
{
    struct geo_search search;
    size_t count;

    assert(query->limit >= 1 && query->limit <= GEO_LIMIT_MAX && query->radius_km >= 0);
    geo_search_init(&search, query, index->kernel);
    for (size_t i = 0; i < index->tree_count; i++)
        geo_search_tree(&search, index->trees[i]);
    geo_search_points(&search, &index->loose);
    count = geo_search_finish(&search, hits);
    index->work = search.work;
    index->searches++;
    return count;
}
