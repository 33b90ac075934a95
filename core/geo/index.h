/* The vendors in memory: packed BVH over unit vectors plus a small delta; exact to brute-force haversine, ties by id. Design: design/geo-search.md A. */
#ifndef SOUK_GEO_INDEX_H
#define SOUK_GEO_INDEX_H

#include <stddef.h>
#include <stdint.h>
#include "geo/geo.h"

struct geo_index;
struct geo_id { uint8_t bytes[16]; }; /* UUID; ties order by it */

#define GEO_LIMIT_MAX 1000

struct geo_query {
    struct geo_point center;
    double radius_km;          /* INFINITY: none, k nearest */
    size_t limit;              /* 1..GEO_LIMIT_MAX */
    uint64_t all_mask;         /* every bit must be set on the vendor; 0: no filter */
    double after_distance_m;   /* paging: strictly after (distance, id); NAN: from the start */
    struct geo_id after_id;
};

struct geo_hit {
    struct geo_id id;
    double distance_m;
    uint64_t mask;
};

struct geo_index *geo_index_new(void);
void geo_index_free(struct geo_index *index);
/* Insert, move or change the mask. Point must be valid. */
void geo_index_put(struct geo_index *index, struct geo_id id, struct geo_point point, uint64_t mask);
void geo_index_remove(struct geo_index *index, struct geo_id id);
size_t geo_index_count(const struct geo_index *index);
/* hits: room for query.limit. Nearest first. Returns how many. */
size_t geo_near(struct geo_index *index, const struct geo_query *query, struct geo_hit *hits);

#endif
