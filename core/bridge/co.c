/* Coroutines: started for a request, a timer or a spec; suspended by bindings that wait; resumed by
 * their callbacks. Ended ones are kept for reuse, unless they failed. The one difficulty: who is
 * running is one pointer of the process, and must be set around every resume, not only the first,
 * or two requests are crossed. */
#include "bridge/co.h"

#include "bridge/budget.h"
#include "bridge/co_run.h"
#include "bridge/generation.h"
#include "db/query.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MAX 256

struct co {
    struct list node;
    struct generation *generation; /* a reference while it runs */
    lua_State *L;
    int thread_ref, kept_ref;
    struct db_tx *tx;
    co_done_fn *done;
    void *arg;
    bool is_waiting;
    char doing[BRIDGE_DOING_SIZE]; /* "": no plugin's code */
    int64_t doing_until_us;        /* 0: no end */
    _Alignas(16) char room[CO_ROOM_BYTES];
};

static struct co *current;

void co_set_init(struct co_set *set)
{
    list_init(&set->waiting);
    list_init(&set->idle);
    set->idle_count = 0;
}

void co_set_done(struct co_set *set)
{
    list_each (node, after, &set->idle) {
        list_remove(node);
        free(list_entry(node, struct co, node));
    }
    set->idle_count = 0;
}

static struct co *co_make(struct generation *generation)
{
    struct co *co = calloc(1, sizeof(*co));

    if (!co)
        abort();
    co->generation = generation;
    co->L = lua_newthread(generation->L);
    co->thread_ref = luaL_ref(generation->L, LUA_REGISTRYINDEX);
    lua_pushboolean(generation->L, false);
    co->kept_ref = luaL_ref(generation->L, LUA_REGISTRYINDEX);
    return co;
}

void *co_room(struct co *co)
{
    co->arg = memset(co->room, 0, sizeof(co->room));
    return co->arg;
}

/* Its place in the registry is its coroutine's for good: making one anew costs more than the rest.
 */
void co_keep(struct co *co)
{
    lua_rawseti(co->L, LUA_REGISTRYINDEX, co->kept_ref);
}

void co_push_kept(struct co *co, lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, co->kept_ref);
}

struct co *co_new(struct generation *generation, co_done_fn *done, void *arg)
{
    struct co *co;

    if (list_is_empty(&generation->cos.idle)) {
        co = co_make(generation);
    } else {
        co = list_entry(generation->cos.idle.next, struct co, node);
        list_remove(&co->node);
        generation->cos.idle_count--;
    }
    co->done = done;
    co->arg = arg;
    co->doing[0] = 0;
    co->doing_until_us = 0;
    generation_ref(generation);
    list_add_last(&generation->cos.waiting, &co->node);
    return co;
}

void co_give_back(struct generation *generation, lua_State *L)
{
    if (generation->memory_bytes <= generation->kept_bytes + generation->memory_max_bytes / 8)
        return;
    lua_gc(L, LUA_GCCOLLECT, 0);
    generation->kept_bytes = generation->memory_bytes;
}

/* What one has left behind is not to take the room of the next. Half of what there may be is there:
 * the next collection begins now. Three quarters, or it failed: all of it now. */
static void collect(struct generation *generation, bool is_ok)
{
    size_t max = generation->memory_max_bytes;

    if (generation->memory_bytes > max / 2)
        lua_gc(generation->L, LUA_GCRESTART, 0);
    if (!is_ok || generation->memory_bytes > max - max / 4)
        co_give_back(generation, generation->L);
}

static void co_release(struct co *co, bool is_ok)
{
    struct generation *generation = co->generation;

    list_remove(&co->node);
    lua_settop(co->L, 0);
    if (is_ok && generation->cos.idle_count < IDLE_MAX) {
        list_add_last(&generation->cos.idle, &co->node);
        generation->cos.idle_count++;
    } else {
        luaL_unref(generation->L, LUA_REGISTRYINDEX, co->thread_ref);
        luaL_unref(generation->L, LUA_REGISTRYINDEX, co->kept_ref);
        free(co);
    }
    collect(generation, is_ok);
    generation_unref(generation);
}

/* On a stack of its own: that of the coroutine may be full, and one push more would end us all. */
static void tell_error(struct co *co)
{
    lua_State *main = co->generation->L;
    lua_State *L = lua_newthread(main);
    int ref = luaL_ref(main, LUA_REGISTRYINDEX);

    lua_xmove(co->L, L, 1);
    luaL_traceback(L, co->L, NULL, 0);
    co->done(co->arg, L, false);
    luaL_unref(main, LUA_REGISTRYINDEX, ref);
}

static void co_end(struct co *co, bool is_ok)
{
    if (co->tx) {
        db_tx_rollback(co->tx);
        co->tx = NULL;
    }
    if (is_ok)
        co->done(co->arg, co->L, true);
    else
        tell_error(co);
    co_release(co, is_ok);
}

/* What the coroutine held is garbage now, and there may be no room left for anybody else. */
static void give_back_memory(struct co *co)
{
    lua_settop(co->L, 0);
    lua_gc(co->L, LUA_GCCOLLECT, 0);
    lua_pushliteral(co->L, "not enough memory");
}

/* For the master, should it have to kill us in the middle of it. */
static void show_doing(struct co *co)
{
    char *shown = co && co->generation->deps.doing ? co->generation->deps.doing : NULL;

    if (shown && (*co->doing || *shown))
        memcpy(shown, co->doing, sizeof(co->doing));
}

void co_set_doing(struct co *co, const char *doing, int64_t until_us)
{
    snprintf(co->doing, sizeof(co->doing), "%s", doing);
    co->doing_until_us = until_us;
    show_doing(co);
}

int64_t co_doing_until_us(const struct co *co)
{
    return co->doing_until_us;
}

static void run(struct co *co, int arg_count)
{
    struct co *outer = current;
    struct generation *generation = co->generation;
    bool was_limited = generation->is_limited;
    int status;

    current = co;
    co->is_waiting = false;
    generation->is_limited = true;
    show_doing(co);
    budget_enter(generation->deps.entered_at_us, co->L, !outer);
    status = lua_resume(co->L, arg_count);
    budget_leave(generation->deps.entered_at_us, co->L, !outer);
    generation->is_limited = was_limited;
    current = outer;
    show_doing(outer);
    if (status == LUA_ERRMEM)
        give_back_memory(co);
    if (status == LUA_YIELD && co->is_waiting)
        return;
    if (status == LUA_YIELD) {
        lua_settop(co->L, 0);
        lua_pushliteral(co->L, "a coroutine may only wait inside functions of souk");
        status = LUA_ERRRUN;
    }
    co_end(co, status == 0);
}

void co_start(struct co *co, int arg_count)
{
    run(co, arg_count);
}

struct co *co_suspend(lua_State *L)
{
    if (!current || current->L != L)
        luaL_error(L, "this function waits: call it inside a handler, a timer or a spec");
    if (!lua_isyieldable(L)) /* before anything is begun that would come back to it */
        luaL_error(L, "this function waits: not inside table.sort, string.gsub and the like");
    current->is_waiting = true;
    return current;
}

lua_State *co_lua(struct co *co)
{
    return co->L;
}

void co_resume(struct co *co, int result_count)
{
    run(co, result_count);
}

struct db_tx *co_tx(lua_State *L)
{
    return current && current->L == L ? current->tx : NULL;
}

void co_set_tx(struct co *co, struct db_tx *tx)
{
    co->tx = tx;
}

struct co *co_current(void)
{
    return current;
}
