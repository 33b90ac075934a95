/* Who is where: ids to places, and the trees kept few. What is put goes to the rest; when the rest
 * has grown, the next search packs it together with every tree not much larger, so trees grow
 * geometrically and a put costs a logarithm of rebuilds at most. The one difficulty is bookkeeping:
 * an item's place changes whenever its tree is packed. */
#include "geo/index.h"

#include "geo/mem.h"
#include "geo/search.h"
#include "geo/tree.h"
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
    TREES_MAX = 24,
    TREE_REST = TREES_MAX, /* in index->rest, not in a tree */
    TREE_NONE,             /* the slot is free */
    REST_MAX = 512,        /* a search reads the rest whole: half a microsecond */
    MERGE_FACTOR = 3,      /* a tree at most so many times larger than what is packed joins it */
    TABLE_MIN = 64
};

struct geo_index {
    struct geo_item *items; /* by slot */
    uint32_t slots;         /* ever used */
    uint32_t slots_room;
    uint32_t *free_slots;
    uint32_t free_count;
    uint32_t free_room;
    uint32_t *table; /* open addressing: slot + 1, or 0 */
    size_t table_size;
    size_t count;
    struct geo_tree *trees[TREES_MAX];
    int order[TREES_MAX]; /* of the trees there are, the largest first: it makes the bound small
                             soonest */
    int tree_count;
    struct geo_leaf *rest;
    size_t rest_leaves;
    size_t rest_count; /* lanes used, those emptied again too */
    uint32_t reload;
    struct geo_work work;
};

struct geo_index *geo_index_new(void)
{
    struct geo_index *index = geo_resize(NULL, 1, sizeof(*index));

    *index = (struct geo_index){.table_size = TABLE_MIN};
    index->table = geo_resize(NULL, TABLE_MIN, sizeof(*index->table));
    memset(index->table, 0, TABLE_MIN * sizeof(*index->table));
    return index;
}

void geo_index_free(struct geo_index *index)
{
    if (!index)
        return;
    for (int i = 0; i < TREES_MAX; i++)
        geo_tree_free(index->trees[i]);
    free(index->rest);
    free(index->table);
    free(index->free_slots);
    free(index->items);
    free(index);
}

size_t geo_index_count(const struct geo_index *index)
{
    return index->count;
}

struct geo_work geo_index_work(const struct geo_index *index)
{
    return index->work;
}

/* ---- ids ---- */

/* Our ids begin with the time, so all bytes have to reach the low bits. */
static size_t home_of(const struct geo_index *index, const struct geo_id *id)
{
    uint64_t half[2];
    uint64_t mixed;

    memcpy(half, id->bytes, sizeof(half));
    mixed = (half[0] ^ (half[1] * 0x9E3779B97F4A7C15u)) * 0xD6E8FEB86659FD93u;
    return (mixed ^ (mixed >> 32)) & (index->table_size - 1);
}

/* The id's cell, or the empty one where it belongs. */
static size_t cell_of(const struct geo_index *index, const struct geo_id *id)
{
    size_t at = home_of(index, id);

    while (index->table[at] != 0 &&
           memcmp(index->items[index->table[at] - 1].id.bytes, id->bytes, sizeof(id->bytes)) != 0)
        at = (at + 1) & (index->table_size - 1);
    return at;
}

static void grow_table(struct geo_index *index)
{
    index->table_size *= 2;
    index->table = geo_resize(index->table, index->table_size, sizeof(*index->table));
    memset(index->table, 0, index->table_size * sizeof(*index->table));
    for (uint32_t slot = 0; slot < index->slots; slot++)
        if (index->items[slot].tree != TREE_NONE)
            index->table[cell_of(index, &index->items[slot].id)] = slot + 1;
}

/* Linear probing without tombstones: what follows the hole moves up, unless that would pass its
 * home. */
static void empty_cell(struct geo_index *index, size_t hole)
{
    size_t mask = index->table_size - 1;

    for (size_t at = (hole + 1) & mask; index->table[at] != 0; at = (at + 1) & mask) {
        size_t home = home_of(index, &index->items[index->table[at] - 1].id);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            index->table[hole] = index->table[at];
            hole = at;
        }
    }
    index->table[hole] = 0;
}

static uint32_t take_slot(struct geo_index *index)
{
    if (index->free_count > 0)
        return index->free_slots[--index->free_count];
    if (index->slots == index->slots_room) {
        assert(index->slots_room < UINT32_MAX / 2);
        index->slots_room = index->slots_room ? index->slots_room * 2 : 64;
        index->items = geo_resize(index->items, index->slots_room, sizeof(*index->items));
    }
    return index->slots++;
}

static void give_slot(struct geo_index *index, uint32_t slot)
{
    if (index->free_count == index->free_room) {
        index->free_room = index->free_room ? index->free_room * 2 : 64;
        index->free_slots = geo_resize(index->free_slots, index->free_room, sizeof(uint32_t));
    }
    index->items[slot].tree = TREE_NONE;
    index->free_slots[index->free_count++] = slot;
}

/* ---- places ---- */

static struct geo_leaf *leaf_of(struct geo_index *index, const struct geo_item *item)
{
    struct geo_leaf *leaves =
        item->tree == TREE_REST ? index->rest : index->trees[item->tree]->leaves;

    return &leaves[item->place / GEO_LANES];
}

static void append_to_rest(struct geo_index *index, const struct geo_entry *entry)
{
    struct geo_item *item = &index->items[entry->slot];
    size_t leaf = index->rest_count / GEO_LANES;

    if (leaf == index->rest_leaves) {
        index->rest_leaves = index->rest_leaves ? index->rest_leaves * 2 : 4;
        index->rest = geo_resize(index->rest, index->rest_leaves, sizeof(*index->rest));
    }
    if (index->rest_count % GEO_LANES == 0)
        geo_leaf_clear(&index->rest[leaf]);
    item->tree = TREE_REST;
    item->place = (uint32_t)index->rest_count;
    geo_leaf_set(&index->rest[leaf], (int)(index->rest_count % GEO_LANES), entry);
    index->rest_count++;
}

static void leave_place(struct geo_index *index, const struct geo_item *item)
{
    static const struct geo_entry nobody = {{NAN, NAN, NAN}, 0, UINT32_MAX};

    if (item->tree == TREE_REST)
        geo_leaf_set(leaf_of(index, item), (int)(item->place % GEO_LANES), &nobody);
    else
        geo_tree_remove(index->trees[item->tree], item->place);
}

static void change(struct geo_index *index, const struct geo_entry *entry)
{
    struct geo_item *item = &index->items[entry->slot];
    struct geo_leaf *leaf = leaf_of(index, item);
    int lane = (int)(item->place % GEO_LANES);

    if (item->tree == TREE_REST) {
        geo_leaf_set(leaf, lane, entry);
    } else if (leaf->x[lane] == entry->at.x && leaf->y[lane] == entry->at.y &&
               leaf->z[lane] == entry->at.z) {
        if (leaf->mask[lane] != entry->mask)
            geo_tree_set_mask(index->trees[item->tree], item->place, entry->mask);
    } else {
        leave_place(index, item);
        append_to_rest(index, entry);
    }
}

void geo_index_put(struct geo_index *index, struct geo_id id, struct geo_point point, uint64_t mask)
{
    struct geo_entry entry = {.at = geo_unit(point), .mask = mask};
    size_t cell = cell_of(index, &id);

    assert(geo_is_valid(point));
    if (index->table[cell] != 0) {
        entry.slot = index->table[cell] - 1;
        change(index, &entry);
    } else {
        entry.slot = take_slot(index);
        index->items[entry.slot].id = id;
        append_to_rest(index, &entry);
        index->table[cell] = entry.slot + 1;
        if (++index->count * 2 > index->table_size)
            grow_table(index);
    }
    index->items[entry.slot].seen = index->reload;
}

static void remove_slot(struct geo_index *index, uint32_t slot)
{
    empty_cell(index, cell_of(index, &index->items[slot].id));
    leave_place(index, &index->items[slot]);
    give_slot(index, slot);
    index->count--;
}

void geo_index_remove(struct geo_index *index, struct geo_id id)
{
    uint32_t named = index->table[cell_of(index, &id)];

    if (named != 0)
        remove_slot(index, named - 1);
}

void geo_index_reload_begin(struct geo_index *index)
{
    index->reload++;
}

size_t geo_index_reload_end(struct geo_index *index)
{
    size_t before = index->count;

    for (uint32_t slot = 0; slot < index->slots; slot++)
        if (index->items[slot].tree != TREE_NONE && index->items[slot].seen != index->reload)
            remove_slot(index, slot);
    return before - index->count;
}

/* ---- packing ---- */

static size_t gather(struct geo_entry *out, const struct geo_leaf *leaves, size_t leaf_count)
{
    size_t count = 0;

    for (size_t i = 0; i < leaf_count * GEO_LANES; i++) {
        const struct geo_leaf *leaf = &leaves[i / GEO_LANES];
        size_t lane = i % GEO_LANES;
        if (leaf->slot[lane] != UINT32_MAX)
            out[count++] = (struct geo_entry){
                {leaf->x[lane], leaf->y[lane], leaf->z[lane]}, leaf->mask[lane], leaf->slot[lane]};
    }
    return count;
}

static size_t rest_leaf_count(const struct geo_index *index)
{
    return (index->rest_count + GEO_LANES - 1) / GEO_LANES;
}

/* Marks the trees to pack with the rest. Returns an upper bound of how many entries that makes. */
static size_t choose_trees(const struct geo_index *index, bool chosen[TREES_MAX])
{
    size_t total = index->rest_count;
    bool is_done = false;

    while (!is_done) {
        is_done = true;
        for (int i = 0; i < TREES_MAX; i++) {
            const struct geo_tree *tree = index->trees[i];
            if (!tree || chosen[i])
                continue;
            if (tree->alive <= total * MERGE_FACTOR ||
                tree->alive * 2 < tree->leaf_count * GEO_LANES || index->tree_count == TREES_MAX) {
                chosen[i] = true;
                total += tree->alive;
                is_done = false;
            }
        }
    }
    return total;
}

static void order_trees(struct geo_index *index)
{
    index->tree_count = 0;
    for (int i = 0; i < TREES_MAX; i++) {
        int at = index->tree_count;
        if (!index->trees[i])
            continue;
        for (; at > 0 && index->trees[index->order[at - 1]]->alive < index->trees[i]->alive; at--)
            index->order[at] = index->order[at - 1];
        index->order[at] = i;
        index->tree_count++;
    }
}

static void add_tree(struct geo_index *index, struct geo_entry *entries, size_t count)
{
    uint32_t free_tree = 0;

    while (index->trees[free_tree])
        free_tree++;
    index->trees[free_tree] = geo_tree_new(entries, count);
    for (size_t i = 0; i < count; i++) {
        index->items[entries[i].slot].tree = free_tree;
        index->items[entries[i].slot].place = (uint32_t)i;
    }
}

static void pack(struct geo_index *index)
{
    bool chosen[TREES_MAX] = {false};
    size_t room = choose_trees(index, chosen);
    struct geo_entry *entries = geo_resize(NULL, room, sizeof(*entries));
    size_t count = gather(entries, index->rest, rest_leaf_count(index));

    for (int i = 0; i < TREES_MAX; i++) {
        if (!chosen[i])
            continue;
        count += gather(entries + count, index->trees[i]->leaves, index->trees[i]->leaf_count);
        geo_tree_free(index->trees[i]);
        index->trees[i] = NULL;
    }
    if (count > 0)
        add_tree(index, entries, count);
    free(entries);
    index->rest_count = 0;
    if (index->rest_leaves > REST_MAX) { /* a first load leaves a large one behind */
        free(index->rest);
        index->rest = NULL;
        index->rest_leaves = 0;
    }
    order_trees(index);
}

size_t geo_near(struct geo_index *index, const struct geo_query *query, struct geo_hit *hits)
{
    struct geo_search search;
    size_t count;

    assert(query->limit >= 1 && query->limit <= GEO_LIMIT_MAX && query->radius_km >= 0);
    if (index->rest_count > REST_MAX)
        pack(index);
    geo_search_init(&search, query, index->items);
    for (int i = 0; i < index->tree_count; i++)
        geo_search_tree(&search, index->trees[index->order[i]]);
    for (size_t i = 0; i < rest_leaf_count(index); i++)
        geo_search_leaf(&search, &index->rest[i]);
    count = geo_search_finish(&search, hits);
    index->work = search.work;
    return count;
}
