/* One search over any number of trees and loose points: the nearest k within a bound that shrinks
 * as they are found. Private to core/geo. */
#ifndef SOUK_GEO_SEARCH_H
#define SOUK_GEO_SEARCH_H

#include "geo/index.h"
#include "geo/kernel.h"
#include "geo/tree.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct geo_found {
    double chord2;
    const struct geo_points *points;
    uint32_t place;
};

struct geo_search {
    const struct geo_query *query;
    const struct geo_kernel *kernel;
    struct geo_probe probe;
    double radius_m;
    double radius_chord2;
    double radius_sure; /* no chord2 up to it is beyond the radius */
    double after_chord2;
    double after_sure; /* every chord2 above it comes after */
    double bound;      /* no chord2 above it can be among the hits; a hair too large */
    size_t count;
    struct geo_work work;
    bool is_sorted;
    struct geo_found found[GEO_LIMIT_MAX]; /* the nearest first; or a heap, the farthest first */
};

void geo_search_init(struct geo_search *search,
                     const struct geo_query *query,
                     const struct geo_kernel *kernel);
void geo_search_points(struct geo_search *search, const struct geo_points *points);
void geo_search_tree(struct geo_search *search, const struct geo_tree *tree);
/* Sorts what was found and writes it out; returns how many. Ends the search. */
size_t geo_search_finish(struct geo_search *search, struct geo_hit *hits);

#endif
