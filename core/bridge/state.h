/* A generation: one lua_State with all routes loaded, the router made from it, and what the
 * bindings may reach. */
#ifndef SOUK_BRIDGE_STATE_H
#define SOUK_BRIDGE_STATE_H

#include "base/str.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lua_State;
struct loop;
struct db_pool;
struct db_catalog;
struct helper;
struct fetch;
struct stripe_gate;
struct conf;
struct geo_index;
struct stock;
struct geo_cards;
struct token_key;
struct cache_marks;
struct buf;

/* Words that all workers of a node share; each counts up when what it stands for has changed. */
#define BRIDGE_DOING_SIZE 160

enum bridge_epoch { EPOCH_AUTH, EPOCH_GEO, EPOCH_CATALOGUE, EPOCH_COUNT };

/* All borrowed, outliving every generation, but for catalog, which generation_new takes (also when
 * it fails). db, catalog, geo and stock may be NULL (emulator, policy check). */
struct bridge_deps {
    struct loop *loop;
    const struct conf *conf;
    struct db_pool *db;
    struct db_catalog *catalog;
    struct helper *helper;
    struct fetch *fetch;
    struct stripe_gate *stripe;
    struct geo_index *geo;
    struct stock *stock;
    struct geo_cards *geo_cards;
    struct helper *geo_helper; /* its slow work; NULL where geo is */
    struct token_key *token_key;
    _Atomic uint64_t *epochs;  /* EPOCH_COUNT of them, in the page shared by all workers */
    struct cache_marks *marks; /* in the same page */
    _Atomic int64_t
        *entered_at_us; /* this worker's: when Lua was entered, 0 while it is not running */
    char *doing; /* this worker's, BRIDGE_DOING_SIZE: which plugin's code runs, "" when none; NULL
                    where nobody looks */
    char *stuck; /* the same, of the worker before this one, when it had to be killed for it */
    /* Asks the master for a new generation; done(arg, number, problem): number > 0 serves now, else
     * problem says why not. NULL where there is no master. */
    void (*reload)(void (*done)(void *arg, int64_t number, const char *problem), void *arg);
    /* Ends master and workers by SIGKILL, this one included: crash points only. NULL: it is alone.
     */
    void (*kill_server)(void);
    int worker;
    int64_t generation;
};

/* For bindings: the deps of the state that L belongs to. Never NULL. */
const struct bridge_deps *bridge_deps(struct lua_State *L);

/* After the commit: one thing of a kind has changed (sql/functions/feed_triggers.sql names the
 * kinds); without id all of them, without kind anything. Raises the marks and the epochs that stand
 * for it. */
void bridge_changed(struct cache_marks *marks,
                    _Atomic uint64_t *epochs,
                    struct str kind,
                    struct str id);

/* What a generation is made from. */
struct bridge_source {
    const char *lua_dir; /* boot.lua, souk/, routes/ … */
    const char *plugins_dir;
    const char *boot_dir; /* where boot.lua lies; NULL: libraries only */
    bool is_open;         /* keep io, os, debug: specs only */
};

struct generation;
struct http_request;

/* Loads everything and builds the router. NULL: message says file, line and why. The deps are
 * copied. */
struct generation *
generation_new(const struct bridge_deps *deps, struct bridge_source source, struct buf *message);
/* References: the worker's own, and one a running coroutine. At zero the Lua state is closed. */
void generation_ref(struct generation *generation);
void generation_unref(struct generation *generation);
int64_t generation_number(const struct generation *generation);
/* Largest body that any route takes, and whether the one of this path takes so large a one. */
size_t generation_body_ceiling(const struct generation *generation);
bool generation_takes_body(const struct generation *generation,
                           int method,
                           struct str path,
                           size_t len);
/* Finds the route and runs it; answers the request in any case. */
void generation_serve(struct generation *generation, struct http_request *request);
/* Starts timers: leader-only ones run while *is_leader; those that the generation before (NULL:
 * none) has too go on where they are there. generation_retire stops them; coroutines that still run
 * end by themselves, requests at their deadline. */
void generation_start_timers(struct generation *generation,
                             const bool *is_leader,
                             const struct generation *before);
void generation_retire(struct generation *generation);
/* A coroutine of it has not ended. */
bool generation_is_waiting(const struct generation *generation);
/* Calls the function of that name in the generation table and gives its string (openapi, routes) to
 * out. */
bool generation_print(struct generation *generation, const char *function, struct buf *out);
/* Runs `require(module)` and its function in a coroutine with string arguments; done gets true or
 * false and a text. */
typedef void generation_done_fn(void *arg, bool is_ok, const char *text);
void generation_run(struct generation *generation,
                    const char *module,
                    const char *const *args,
                    generation_done_fn *done,
                    void *arg);

#endif
