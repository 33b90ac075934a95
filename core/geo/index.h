/* The vendors in memory, nearest first: exact to brute-force geo_distance_m(), ties by id. Packed
 * trees over unit vectors (geo/tree.h) and a small unsorted rest. One thread only. Out of memory
 * aborts. */
#ifndef SOUK_GEO_INDEX_H
#define SOUK_GEO_INDEX_H

#include "geo/geo.h"
#include <stddef.h>
#include <stdint.h>

struct geo_index;

/* A UUID; ties order by its bytes, as PostgreSQL orders uuid. */
struct geo_id {
    uint8_t bytes[16];
};

#define GEO_LIMIT_MAX 1000

struct geo_query {
    struct geo_point center;
    double radius_km;        /* INFINITY: none, k nearest; the edge belongs to the circle */
    size_t limit;            /* 1..GEO_LIMIT_MAX */
    uint64_t all_mask;       /* every bit must be set on the vendor; 0: no filter */
    double after_distance_m; /* paging: strictly after (distance, id); NAN: from the start */
    struct geo_id after_id;
};

struct geo_hit {
    struct geo_id id;
    double distance_m;
    uint64_t mask;
};

/* What the last geo_near() touched: free of noise, so a gate can be set on it. */
struct geo_work {
    size_t nodes;
    size_t leaves;
};

struct geo_index *geo_index_new(void);
void geo_index_free(struct geo_index *index);
/* Insert, move or change the mask. Point must be valid. */
void geo_index_put(struct geo_index *index,
                   struct geo_id id,
                   struct geo_point point,
                   uint64_t mask);
void geo_index_remove(struct geo_index *index, struct geo_id id);
size_t geo_index_count(const struct geo_index *index);
/* A whole reload without a gap for readers: what is not put between begin and end is removed at the
 * end. Returns how many were. A second begin starts over. */
void geo_index_reload_begin(struct geo_index *index);
size_t geo_index_reload_end(struct geo_index *index);
/* hits: room for query.limit. Nearest first. Returns how many. Not const: what was put since the
 * last search is packed first, so a million puts cost one build. */
size_t geo_near(struct geo_index *index, const struct geo_query *query, struct geo_hit *hits);
struct geo_work geo_index_work(const struct geo_index *index);

#endif
