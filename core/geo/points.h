/* Points in order of arrival, 16 a leaf, appended and never taken out: who leaves has the mask 0.
 * What has just changed lies so, and what a load brings; geo/tree.h packs any number of them. One
 * thread changes them; another may read masks meanwhile (geo_points_mask), the rest stays as it is
 * once it was handed over. Private to core/geo. */
#ifndef SOUK_GEO_POINTS_H
#define SOUK_GEO_POINTS_H

#include "geo/geo.h"
#include "geo/id_table.h"
#include "geo/index.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEO_LANES 16
/* In the mask of whoever is there; every search asks for it. */
#define GEO_ALIVE (1ull << 63)

/* A lane that was never filled has x = NAN: its distance is within no bound. */
struct geo_leaf {
    double x[GEO_LANES], y[GEO_LANES], z[GEO_LANES];
    uint64_t mask[GEO_LANES];
};

struct geo_points {
    struct geo_leaf *leaves; /* owned, as are the two below */
    struct geo_id *ids;      /* by place: leaf place / GEO_LANES, lane place % GEO_LANES */
    struct geo_id_table table;
    size_t count; /* places used */
    size_t room;
    size_t alive;
    uint64_t hash; /* sum over who is alive: the same points in any order give the same */
};

struct geo_entry {
    struct geo_id id;
    struct geo_unit at;
    uint64_t mask; /* with GEO_ALIVE, or 0 */
};

void geo_points_done(struct geo_points *points);
/* room places, all free; with is_findable a table sized for them. */
void geo_points_init(struct geo_points *points, size_t room, bool is_findable);
/* Of points that were not: a table for the places that there are. */
void geo_points_make_findable(struct geo_points *points);
/* Without looking whether the id is there. Grows, table and all. */
void geo_points_add(struct geo_points *points, const struct geo_entry *entry);
/* hash: the id's. GEO_PLACE_NONE: not there, or not findable. */
uint32_t geo_points_find(const struct geo_points *points, const struct geo_id *id, uint64_t hash);
struct geo_entry geo_points_at(const struct geo_points *points, uint32_t place);
bool geo_points_is_at(const struct geo_points *points, uint32_t place, struct geo_unit at);
void geo_points_set_mask(struct geo_points *points, uint32_t place, uint64_t mask);
/* Only where no other thread looks. */
void geo_points_move(struct geo_points *points, uint32_t place, struct geo_unit at);
uint64_t geo_entry_hash(const struct geo_entry *entry);
void geo_leaf_clear(struct geo_leaf *leaf);

static inline size_t geo_points_leaves(const struct geo_points *points)
{
    return (points->count + GEO_LANES - 1) / GEO_LANES;
}

static inline uint64_t geo_points_mask(const struct geo_points *points, uint32_t place)
{
    return __atomic_load_n(&points->leaves[place / GEO_LANES].mask[place % GEO_LANES],
                           __ATOMIC_RELAXED);
}

#endif
