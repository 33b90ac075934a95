/* The vendors in memory, nearest first: exact to brute-force geo_distance_m(), ties by id. Packed
 * trees over unit vectors (geo/tree.h) and a few loose points that have just changed. All calls
 * come from one thread; packing what is large runs on another, handed in as a runner, and nobody
 * waits for it. Out of memory aborts. */
#ifndef SOUK_GEO_INDEX_H
#define SOUK_GEO_INDEX_H

#include "geo/geo.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct geo_index;
struct geo_batch;

/* A UUID; ties order by its bytes, as PostgreSQL orders uuid. */
struct geo_id {
    uint8_t bytes[16];
};

#define GEO_LIMIT_MAX 1000
#define GEO_MASK_BITS 63 /* the highest bit is the index's own */

struct geo_query {
    struct geo_point center;
    double radius_km;        /* INFINITY: none, k nearest; the edge belongs to the circle */
    size_t limit;            /* 1..GEO_LIMIT_MAX */
    uint64_t all_mask;       /* every bit must be set on the vendor; 0: no filter */
    uint64_t any_mask;       /* and one of these; 0: no filter */
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

struct geo_stats {
    size_t count;
    uint64_t hash;     /* the same places, masks and ids give the same, in whatever order */
    size_t tree_bytes; /* points, boxes and locators; without the ids */
    size_t id_bytes;   /* 16 a point */
    size_t trees;
    size_t loose;      /* points in no tree yet */
    uint64_t packings; /* trees made since the start */
    bool is_packing;   /* on the other thread */
};

/* work(job) on another thread, then done(job) on ours. False: no room, and nothing was taken. */
typedef void geo_job_fn(void *job);
struct geo_runner {
    bool (*run)(void *arg, geo_job_fn *work, geo_job_fn *done, void *job); /* NULL: pack at once */
    void *arg;
};

struct geo_index *geo_index_new(struct geo_runner runner);
struct geo_runner geo_index_runner(const struct geo_index *index);
/* The runner's threads have ended, or there is nothing they work at. */
void geo_index_free(struct geo_index *index);
/* Insert, move or change the mask (below 2^63). Point must be valid. */
void geo_index_put(struct geo_index *index,
                   struct geo_id id,
                   struct geo_point point,
                   uint64_t mask);
/* The mask alone of who is there, where he is. False: nobody is there under this id. */
bool geo_index_mark(struct geo_index *index, struct geo_id id, uint64_t mask);
void geo_index_remove(struct geo_index *index, struct geo_id id);
size_t geo_index_count(const struct geo_index *index);
struct geo_stats geo_index_stats(const struct geo_index *index);
/* hits: room for query.limit. Nearest first. Returns how many. */
size_t geo_near(struct geo_index *index, const struct geo_query *query, struct geo_hit *hits);
/* All into one tree, at once: for whoever measures. */
void geo_index_pack(struct geo_index *index);
struct geo_work geo_index_work(const struct geo_index *index);
/* How many searches there were; only to see whether it has changed. */
uint64_t geo_index_searches(const struct geo_index *index);
/* "generic" or "avx2" from now on, NULL: the best. False: this processor has it not. */
bool geo_index_use(struct geo_index *index, const char *kernel);

/* Many at once, collected and packed on whatever one thread, taken by the index's. No id twice. */
struct geo_batch *geo_batch_new(void);
void geo_batch_free(struct geo_batch *batch); /* takes NULL */
void geo_batch_add(struct geo_batch *batch,
                   struct geo_id id,
                   struct geo_point point,
                   uint64_t mask);
size_t geo_batch_count(const struct geo_batch *batch);
uint64_t geo_batch_hash(const struct geo_batch *batch);
/* The slow part: a third of a second a million. */
void geo_batch_pack(struct geo_batch *batch);
/* The index holds what the batch does and nothing else; the batch is empty. */
void geo_index_take(struct geo_index *index, struct geo_batch *batch);
/* index becomes what next is; next is freed. */
void geo_index_become(struct geo_index *index, struct geo_index *next);

#endif
