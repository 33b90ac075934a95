/* One search over any number of trees and loose leaves: the nearest k within a bound that shrinks
 * as they are found. Private to core/geo. */
#ifndef SOUK_GEO_SEARCH_H
#define SOUK_GEO_SEARCH_H

#include "geo/index.h"
#include "geo/tree.h"
#include <stddef.h>
#include <stdint.h>

struct geo_item {
    struct geo_id id;
    uint32_t place; /* in its tree or in the rest */
    uint32_t seen;  /* the reload that put it last */
    uint32_t tree;  /* which tree; see index.c */
};

struct geo_found {
    double chord2;
    uint64_t mask;
    uint32_t slot;
};

struct geo_search {
    const struct geo_query *query;
    const struct geo_item *items;
    struct geo_unit center;
    float center_f[3];
    double radius_m;
    double radius_chord2;
    double after_chord2;
    double bound; /* no chord2 above it can be among the hits; a hair too large */
    size_t count;
    struct geo_work work;
    struct geo_found found[GEO_LIMIT_MAX]; /* a heap, the farthest first */
};

void geo_search_init(struct geo_search *search,
                     const struct geo_query *query,
                     const struct geo_item *items);
void geo_search_leaf(struct geo_search *search, const struct geo_leaf *leaf);
void geo_search_tree(struct geo_search *search, const struct geo_tree *tree);
/* Sorts what was found and writes it out; returns how many. Ends the search. */
size_t geo_search_finish(struct geo_search *search, struct geo_hit *hits);

#endif
