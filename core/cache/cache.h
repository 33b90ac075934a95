/* Finished answers by key, in the memory of one worker: bounded by bytes, the longest unused goes
 * first. What a value is, is its owner's; how long it may be used is asked at every look: until a
 * moment, and until a mark of what it shows is raised (cache/marks.h). */
#ifndef SOUK_CACHE_CACHE_H
#define SOUK_CACHE_CACHE_H

#include "base/str.h"
#include "cache/marks.h"

struct cache;

/* marks is borrowed. */
struct cache *cache_new(size_t size_max_bytes, const struct cache_marks *marks);
void cache_free(struct cache *cache); /* takes NULL */

struct cache_life {
    int64_t until_us;         /* monotonic */
    uint64_t since;           /* cache_marks_now() before what the value shows was read */
    struct cache_marks_of of; /* what it shows */
};

/* The value, until the next call; at NULL: none that may be used at now_us. */
struct str cache_get(struct cache *cache, struct str key, int64_t now_us);
/* Copies both. A key that is there is replaced. What is larger than a sixteenth of the whole, or
 * was overtaken by a change already, is not kept. */
void cache_put(struct cache *cache,
               struct str key,
               struct str value,
               const struct cache_life *life);

struct cache_stats {
    size_t bytes; /* with all that belongs to the entries */
    size_t entries;
    int64_t evictions; /* for want of room, since the start */
};
struct cache_stats cache_stats(const struct cache *cache);

#endif
