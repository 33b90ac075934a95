/* What has changed, as all workers of a node know it: a table of marks in the page they share.
 * There is one count of all changes; a change raises the marks of what it concerns to the next
 * number, then the count. Who reads something notes the count first, and later asks whether the
 * marks of what he saw are still that low: so what was read before a change is never taken for what
 * was read after it, and nobody waits for anybody. Marks are places of a hash: two things on one
 * place only cost a read. */
#ifndef SOUK_CACHE_MARKS_H
#define SOUK_CACHE_MARKS_H

#include "base/str.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CACHE_MARKS 8192 /* a power of two */

struct cache_marks {
    _Atomic uint64_t count;   /* raised by any worker, after the marks of a change */
    _Atomic int64_t fresh_us; /* raised by the worker that reads the feed: everything committed
                                 before this has raised its marks; 0: nothing is known */
    _Atomic int64_t asked_us; /* written by all workers: when somebody last looked at a mark */
    _Atomic int64_t reader;   /* by compare and swap: app/feed.c */
    _Atomic uint64_t at[CACHE_MARKS]; /* raised by any worker */
};

/* A set of marks: of what one answer shows. The first is that of everything. */
#define CACHE_MARKS_OF_MAX 12

struct cache_marks_of {
    uint16_t at[CACHE_MARKS_OF_MAX];
    int count;
};

void cache_marks_of_init(struct cache_marks_of *of);
/* One thing of a kind, or with id.len 0 anything of that kind. False: the set is full, what it is
 * for must not be kept. */
bool cache_marks_of_add(struct cache_marks_of *of, struct str kind, struct str id);

/* To be noted before a read begins. */
uint64_t cache_marks_now(const struct cache_marks *marks);
/* Nothing of the set has changed since then. */
bool cache_marks_hold(const struct cache_marks *marks,
                      const struct cache_marks_of *of,
                      uint64_t since);
/* After the commit: one thing of a kind has changed; with id.len 0 all of them. */
void cache_marks_changed(struct cache_marks *marks, struct str kind, struct str id);
/* Anything may have changed. */
void cache_marks_changed_all(struct cache_marks *marks);
/* Everything committed before that moment of the monotonic clock has raised its marks. */
void cache_marks_fresh(struct cache_marks *marks, int64_t since_us);

#endif
