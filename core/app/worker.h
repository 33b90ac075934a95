/* One process: one loop, one generation of Lua at a time, its connections. */
#ifndef SOUK_APP_WORKER_H
#define SOUK_APP_WORKER_H

#include "app/shared.h"
#include "bridge/state.h"
#include <stdbool.h>

struct conf;
struct worker;

struct worker_settings {
    const struct conf *conf;
    struct app_shared *shared;
    void *metrics;
    int index;
    bool has_database;
    bool is_open;         /* specs: Lua keeps io, os, debug */
    const char *boot_dir; /* NULL: no routes */
    const char *lua_dir, *plugins_dir, *sql_dir;
};

/* Loop, pool, helpers and the first generation. NULL: printed why. */
struct worker *worker_new(struct worker_settings settings);
void worker_free(struct worker *worker);
/* Listens and serves until SIGTERM or SIGINT, then drains. Returns the exit code. */
int worker_serve(struct worker *worker);
/* Runs require(module)(args…) in a coroutine; the exit code is 0 when it returned a value. Its text
 * goes to stdout, a refusal to stderr. */
int worker_run(struct worker *worker, const char *module, const char *const *args);
struct generation *worker_generation(struct worker *worker);

#endif
