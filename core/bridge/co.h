/* Coroutines that wait. A binding that waits: checks its arguments (raising while nothing is held),
 * starts the work with co_suspend(L) as the callback's argument, and ends with `return lua_yield(L,
 * 0)`. The callback pushes its results on co_lua(co) and calls co_resume(co, count) exactly once;
 * it must not touch co after that. */
#ifndef SOUK_BRIDGE_CO_H
#define SOUK_BRIDGE_CO_H

#include "base/err.h"

struct lua_State;
struct co;
struct db_tx;

/* The running coroutine. Raises a Lua error when L is not one of ours (main chunk, foreign
 * coroutine). */
struct co *co_suspend(struct lua_State *L);
struct lua_State *co_lua(struct co *co);
void co_resume(struct co *co, int result_count);

/* The transaction that this coroutine has open, or NULL; rolled back by the bridge if the coroutine
 * ends with it. */
struct db_tx *co_tx(struct lua_State *L);
void co_set_tx(struct co *co, struct db_tx *tx);

/* Pushes the err object that routes return as `nil, err`: {code=, status=, message=} with the
 * metatable of core.err. details_json may be NULL: a JSON array decoded lazily by the encoder (kept
 * as raw JSON). */
void co_push_err(struct lua_State *L, enum err e, const char *message, const char *details_json);

#endif
