/* The inside of coroutines: what generation.c and the bindings of this folder share. Callers
 * outside bridge see co.h only. */
#ifndef SOUK_BRIDGE_CO_RUN_H
#define SOUK_BRIDGE_CO_RUN_H

#include "base/list.h"
#include <stdbool.h>
#include <stdint.h>

struct co;
struct generation;
struct lua_State;

/* The coroutine ended. L: its stack with the results; not is_ok: a stack with the error value and
 * the traceback, nothing else. Valid until the callback returns. */
typedef void co_done_fn(void *arg, struct lua_State *L, bool is_ok);

/* All coroutines of one generation: running, waiting, and the pool of ended ones for reuse. */
struct co_set {
    struct list waiting;
    struct list idle;
    int idle_count;
};

void co_set_init(struct co_set *set);
void co_set_done(struct co_set *set); /* only when nothing is waiting */

/* A coroutine whose Lua thread is ready for the function and its arguments to be pushed on
 * co_lua(). */
struct co *co_new(struct generation *generation, co_done_fn *done, void *arg);
/* Zeroed memory for who made it, as long as it runs: what done() gets from then on. */
#define CO_ROOM_BYTES 128
void *co_room(struct co *co);
/* Keeps one value of Lua meanwhile: takes it from the top of co_lua(). */
void co_keep(struct co *co);
void co_push_kept(struct co *co, struct lua_State *L);
/* Runs function + args that were pushed. done() may be called before this returns. */
void co_start(struct co *co, int arg_count);
/* Collects all that is garbage, if there is much of it: an eighth of what there may be, above what
 * the last time left. L: who runs. */
void co_give_back(struct generation *generation, struct lua_State *L);
/* The coroutine that runs now, or NULL. */
struct co *co_current(void);
/* Which plugin's code it runs from now on ("": none), and until when that may wait (0: no end). */
void co_set_doing(struct co *co, const char *doing, int64_t until_us);
int64_t co_doing_until_us(const struct co *co);

#endif
