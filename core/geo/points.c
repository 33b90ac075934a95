/* See points.h. */
#include "geo/points.h"

#include "geo/mem.h"
#include <assert.h>
#include <math.h>
#include <string.h>

void geo_leaf_clear(struct geo_leaf *leaf)
{
    for (int lane = 0; lane < GEO_LANES; lane++) {
        leaf->x[lane] = leaf->y[lane] = leaf->z[lane] = NAN;
        leaf->mask[lane] = 0;
    }
}

static uint64_t mixed(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
    return hash ^ (hash >> 32);
}

/* A change of the mask alone must not have to read where somebody is: the mask is a term of its own
 * in the sum. */
static uint64_t hash_of_mask(const struct geo_id *id, uint64_t mask)
{
    return mixed(geo_id_hash(id) ^ 0xA0761D6478BD642Fu, mask);
}

uint64_t geo_entry_hash(const struct geo_entry *entry)
{
    uint64_t axes[3];

    if (entry->mask == 0)
        return 0;
    memcpy(axes, &entry->at, sizeof(axes));
    return mixed(mixed(mixed(geo_id_hash(&entry->id), axes[0]), axes[1]), axes[2]) +
           hash_of_mask(&entry->id, entry->mask);
}

void geo_points_done(struct geo_points *points)
{
    free(points->leaves);
    free(points->ids);
    geo_id_table_done(&points->table);
    *points = (struct geo_points){0};
}

void geo_points_init(struct geo_points *points, size_t room, bool is_findable)
{
    size_t leaves = (room + GEO_LANES - 1) / GEO_LANES;

    *points = (struct geo_points){.room = leaves * GEO_LANES};
    points->leaves = geo_lines(leaves, sizeof(*points->leaves));
    points->ids = geo_lines(points->room, sizeof(*points->ids));
    if (is_findable)
        geo_id_table_init(&points->table, points->room);
}

void geo_points_make_findable(struct geo_points *points)
{
    geo_id_table_init(&points->table, points->room);
    geo_id_table_add_all(&points->table, points->ids, points->count);
}

/* Doubles. */
static void grow(struct geo_points *points)
{
    struct geo_points larger;

    geo_points_init(&larger, points->room * 2, points->table.size != 0);
    assert(larger.room < UINT32_MAX);
    memcpy(larger.leaves, points->leaves, geo_points_leaves(points) * sizeof(*larger.leaves));
    memcpy(larger.ids, points->ids, points->count * sizeof(*larger.ids));
    if (larger.table.size != 0)
        geo_id_table_add_all(&larger.table, larger.ids, points->count);
    larger.count = points->count;
    larger.alive = points->alive;
    larger.hash = points->hash;
    geo_points_done(points);
    *points = larger;
}

void geo_points_add(struct geo_points *points, const struct geo_entry *entry)
{
    struct geo_leaf *leaf;
    size_t lane = points->count % GEO_LANES;

    if (points->count == points->room)
        grow(points);
    leaf = &points->leaves[points->count / GEO_LANES];
    if (lane == 0)
        geo_leaf_clear(leaf);
    leaf->x[lane] = entry->at.x;
    leaf->y[lane] = entry->at.y;
    leaf->z[lane] = entry->at.z;
    leaf->mask[lane] = entry->mask;
    points->ids[points->count] = entry->id;
    if (points->table.size != 0)
        geo_id_table_add(&points->table, points->ids, (uint32_t)points->count);
    points->count++;
    points->alive += entry->mask != 0;
    points->hash += geo_entry_hash(entry);
}

uint32_t geo_points_find(const struct geo_points *points, const struct geo_id *id, uint64_t hash)
{
    return geo_id_table_find(&points->table, points->ids, id, hash);
}

struct geo_entry geo_points_at(const struct geo_points *points, uint32_t place)
{
    const struct geo_leaf *leaf = &points->leaves[place / GEO_LANES];
    size_t lane = place % GEO_LANES;

    return (struct geo_entry){points->ids[place],
                              {leaf->x[lane], leaf->y[lane], leaf->z[lane]},
                              geo_points_mask(points, place)};
}

bool geo_points_is_at(const struct geo_points *points, uint32_t place, struct geo_unit at)
{
    const struct geo_leaf *leaf = &points->leaves[place / GEO_LANES];
    size_t lane = place % GEO_LANES;

    return leaf->x[lane] == at.x && leaf->y[lane] == at.y && leaf->z[lane] == at.z;
}

void geo_points_set_mask(struct geo_points *points, uint32_t place, uint64_t mask)
{
    uint64_t before = geo_points_mask(points, place);
    const struct geo_id *id = &points->ids[place];

    if (before != 0 && mask != 0) {
        points->hash += hash_of_mask(id, mask) - hash_of_mask(id, before);
    } else {
        struct geo_entry entry = geo_points_at(points, place);
        points->hash -= geo_entry_hash(&entry);
        entry.mask = mask;
        points->hash += geo_entry_hash(&entry);
        points->alive += (mask != 0) - (before != 0);
    }
    __atomic_store_n(&points->leaves[place / GEO_LANES].mask[place % GEO_LANES], mask,
                     __ATOMIC_RELAXED);
}

void geo_points_move(struct geo_points *points, uint32_t place, struct geo_unit at)
{
    struct geo_leaf *leaf = &points->leaves[place / GEO_LANES];
    struct geo_entry entry = geo_points_at(points, place);
    size_t lane = place % GEO_LANES;

    points->hash -= geo_entry_hash(&entry);
    entry.at = at;
    points->hash += geo_entry_hash(&entry);
    leaf->x[lane] = at.x;
    leaf->y[lane] = at.y;
    leaf->z[lane] = at.z;
}
