/* The one page that master and workers share, mapped before the fork. Every field says who writes
 * it and when it may be read. */
#ifndef SOUK_APP_SHARED_H
#define SOUK_APP_SHARED_H

#include "bridge/state.h"
#include "cache/marks.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define APP_WORKERS_MAX  64
#define APP_PROBLEM_SIZE 4096

struct app_worker_slot {
    _Atomic int pid;            /* written by the master; 0: none */
    _Atomic int64_t ready_gen;  /* written by the worker: has loaded this generation */
    _Atomic int64_t failed_gen; /* written by the worker, after problem: could not load it */
    _Atomic int64_t
        entered_at_us; /* written by the worker around Lua; read by the master's watch */
    char doing[BRIDGE_DOING_SIZE]; /* written by the worker: which plugin's code it runs */
    char stuck[BRIDGE_DOING_SIZE]; /* written by the master before it forks: what the last worker
                                      was killed in; cleared by the new one, who tells of it */
    char problem[APP_PROBLEM_SIZE];
};

struct app_shared {
    _Atomic uint64_t epochs[EPOCH_COUNT]; /* counted up by any worker after its commit */
    struct cache_marks marks;             /* each field says it */
    _Atomic int64_t prepare_gen;          /* written by the master: workers load this one */
    _Atomic int64_t
        active_gen; /* written by the master, once all are ready; read at every request */
    _Atomic uint64_t reload_wanted; /* counted up by who wants a reload */
    _Atomic uint64_t reload_done;   /* written by the master, after the two below: wishes up to here
                                       are answered */
    _Atomic int64_t reload_number;  /* the generation that serves after that reload */
    char reload_problem[APP_PROBLEM_SIZE]; /* "" when it was taken */
    _Atomic int64_t
        stripe_rate_us;     /* counted up by any worker that calls Stripe: stripe/bucket.h */
    _Atomic bool is_loaded; /* written by the master: the first worker has loaded the first
                               generation; until then it alone says why it cannot */
    int master_pid;         /* written before the fork */
    int worker_count;       /* written before the fork */
    struct app_worker_slot workers[APP_WORKERS_MAX];
};

/* Anonymous, zeroed, shared with children; with room for metric slots of that many processes at
 * *metrics. Aborts when there is no memory. */
struct app_shared *app_shared_new(int worker_count, void **metrics);

#endif
