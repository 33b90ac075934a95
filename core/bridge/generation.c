/* A generation: made aside, whole, or not at all; then it serves until its last coroutine has
 * ended. Nothing is shared between two of them but what bridge_deps names. */
#include "bridge/generation.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "bridge/answers.h"
#include "bridge/budget.h"
#include "bridge/policy.h"
#include "db/catalog.h"
#include "http/router.h"
#include "loop/loop.h"
#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

/* Generations of this process: those that serve no more live on while something in them waits. */
static int alive;

/* A collection begins when there is three times what the last one left, not LuaJIT's twice: what
 * is kept of buyers and carts is walked through half as often. co.c sees to it that the limit is
 * not reached by that. */
#define PAUSE_PERCENT 300

/* The allocator's argument is the generation: so any lua_State of ours leads to it in one load. The
 * limit holds while Lua runs; our own code around it must not fail half way. */
static void *allocate(void *arg, void *at, size_t old_size, size_t new_size)
{
    struct generation *generation = arg;
    void *moved;

    if (!at)
        old_size = 0;
    if (new_size == 0) {
        generation->memory_bytes -= old_size;
        return heap_resize(&generation->heap, at, old_size, 0);
    }
    if (generation->is_limited && new_size > old_size &&
        generation->memory_bytes + (new_size - old_size) > generation->memory_max_bytes)
        return NULL;
    moved = heap_resize(&generation->heap, at, old_size, new_size);
    if (moved)
        generation->memory_bytes += new_size - old_size;
    return moved;
}

/* An error outside of any protected call: a bug of ours. */
static int on_panic(lua_State *L)
{
    log_error("lua.panic", "error=%s", lua_tostring(L, -1) ? lua_tostring(L, -1) : "(no text)");
    abort();
}

struct generation *generation_of(lua_State *L)
{
    void *arg;

    lua_getallocf(L, &arg);
    return arg;
}

const struct bridge_deps *bridge_deps(lua_State *L)
{
    return &generation_of(L)->deps;
}

int64_t generation_number(const struct generation *generation)
{
    return generation->deps.generation;
}

size_t generation_body_ceiling(const struct generation *generation)
{
    return generation->body_ceiling;
}

/* The value of field at the top of the stack as a heap copy; raises when it is no string. */
static char *field_copy(lua_State *L, int index, const char *field, const char *what)
{
    const char *text;
    char *copy;

    lua_getfield(L, index, field);
    text = lua_tostring(L, -1);
    if (!text)
        luaL_error(L, "%s: '%s' must be a string", what, field);
    copy = strdup(text);
    if (!copy)
        abort();
    lua_pop(L, 1);
    return copy;
}

static int64_t field_int(lua_State *L, int index, const char *field, int64_t otherwise)
{
    int64_t value = otherwise;

    lua_getfield(L, index, field);
    if (lua_isnumber(L, -1))
        value = (int64_t)lua_tonumber(L, -1);
    lua_pop(L, 1);
    return value;
}

static int field_function(lua_State *L, int index, const char *field, const char *what)
{
    lua_getfield(L, index, field);
    if (!lua_isfunction(L, -1))
        luaL_error(L, "%s: '%s' must be a function", what, field);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

static enum http_method method_of(lua_State *L, const char *name)
{
    for (int method = 0; method < HTTP_METHOD_COUNT; method++)
        if (strcmp(http_method_name(method), name) == 0)
            return method;
    return luaL_error(L, "route: '%s' is not a method souk knows", name);
}

/* cache_ms, and shows: the kinds of things whose changes end it. */
static void read_cache(struct generation_route *route, lua_State *L, int index)
{
    route->cache_us = field_int(L, index, "cache_ms", 0) * 1000;
    cache_marks_of_init(&route->shows);
    lua_getfield(L, index, "shows");
    for (int i = 1, count = lua_istable(L, -1) ? (int)lua_objlen(L, -1) : 0; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        if (!cache_marks_of_add(&route->shows, str_from(luaL_checkstring(L, -1)), STR("")))
            luaL_error(L, "route %s: shows too many kinds", route->id);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void add_route(struct generation *generation, lua_State *L, int index)
{
    struct generation_route *route = &generation->routes[generation->route_count];
    char message[256];
    const char *path;
    enum http_method method;

    if (generation->route_count == GENERATION_ROUTES_MAX)
        luaL_error(L, "more than %d routes", GENERATION_ROUTES_MAX);
    route->id = field_copy(L, index, "id", "route");
    generation->route_count++;
    route->run_ref = field_function(L, index, "run", route->id);
    route->body_max = (size_t)field_int(L, index, "body_max", (int64_t)generation->body_max);
    lua_getfield(L, index, "asks_who");
    route->asks_who = lua_toboolean(L, -1);
    lua_pop(L, 1);
    read_cache(route, L, index);
    if (route->body_max > generation->body_ceiling)
        generation->body_ceiling = route->body_max;
    if (route->body_max < generation->body_floor)
        generation->body_floor = route->body_max;
    lua_getfield(L, index, "method");
    lua_getfield(L, index, "path");
    method = method_of(L, luaL_checkstring(L, -2));
    path = luaL_checkstring(L, -1);
    if (!http_router_add(generation->router, method, path, generation->route_count - 1, message,
                         sizeof(message)))
        luaL_error(L, "route %s: %s", route->id, message);
    lua_pop(L, 2);
}

static void add_timer(struct generation *generation, lua_State *L, int index)
{
    struct generation_timer *timer = &generation->timers[generation->timer_count];

    if (generation->timer_count == GENERATION_TIMERS_MAX)
        luaL_error(L, "more than %d timers", GENERATION_TIMERS_MAX);
    timer->name = field_copy(L, index, "name", "timer");
    generation->timer_count++;
    timer->generation = generation;
    timer->run_ref = field_function(L, index, "run", timer->name);
    timer->every_ms = (int)field_int(L, index, "every_ms", 0);
    if (timer->every_ms < 1)
        luaL_error(L, "timer %s: every_ms must be a positive number of milliseconds", timer->name);
    timer->idle_ms = (int)field_int(L, index, "idle_ms", 0);
    timer->pace_ms = timer->every_ms;
    lua_getfield(L, index, "leader");
    timer->is_leader_only = lua_toboolean(L, -1);
    lua_pop(L, 1);
}

static void each_of(struct generation *generation,
                    lua_State *L,
                    const char *field,
                    void (*add)(struct generation *, lua_State *, int))
{
    lua_getfield(L, 1, field);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    luaL_checktype(L, -1, LUA_TTABLE);
    for (int i = 1, count = (int)lua_objlen(L, -1); i <= count; i++) {
        lua_rawgeti(L, -1, i);
        add(generation, L, lua_gettop(L));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* Runs protected: loads boot.lua and takes in what it returned. */
static int load_protected(lua_State *L)
{
    struct generation *generation = generation_of(L);
    const struct bridge_source *source = lua_touserdata(L, 1);

    lua_settop(L, 0);
    bridge_open_libraries(L, *source);
    if (!source->boot_dir)
        return 0;
    if (!bridge_load_file(L, source->boot_dir, "lua", "boot.lua"))
        return luaL_error(L, "%s/boot.lua cannot be read", source->boot_dir);
    lua_call(L, 0, 1);
    luaL_checktype(L, 1, LUA_TTABLE);
    each_of(generation, L, "routes", add_route);
    each_of(generation, L, "timers", add_timer);
    lua_settop(L, 1);
    generation->table_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

/* The fault with its file and line, and below it who asked for that file. */
static int with_callers(lua_State *L)
{
    lua_Debug ar;

    lua_settop(L, 1);
    if (!lua_isstring(L, 1)) {
        lua_pushliteral(L, "an error was raised that is no text");
        lua_replace(L, 1);
    }
    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        const char *place;

        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline <= 0 || strcmp(ar.short_src, "lua/boot.lua") == 0)
            continue;
        place = lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
        if (!strstr(lua_tostring(L, 1), place)) {
            lua_pushfstring(L, "%s\n\tfrom %s", lua_tostring(L, 1), place);
            lua_replace(L, 1);
        }
        lua_settop(L, 1);
    }
    return 1;
}

static bool load(struct generation *generation, struct bridge_source *source, struct buf *message)
{
    lua_State *L = generation->L;
    const char *text;
    bool is_ok;

    lua_pushcfunction(L, with_callers);
    lua_pushcfunction(L, load_protected);
    lua_pushlightuserdata(L, source);
    if (!source->is_open)
        budget_load(L);
    generation->is_limited = true;
    is_ok = lua_pcall(L, 1, 0, 1) == 0;
    generation->is_limited = false;
    budget_loaded(L);
    if (is_ok) {
        lua_settop(L, 0);
        return true;
    }
    text = lua_tostring(L, -1);
    buf_add_z(message, text ? text : "no memory is left");
    lua_settop(L, 0);
    return false;
}

static void generation_free(struct generation *generation)
{
    for (int i = 0; i < generation->route_count; i++)
        free(generation->routes[i].id);
    for (int i = 0; i < generation->timer_count; i++) {
        loop_timer_free(generation->timers[i].timer);
        free(generation->timers[i].name);
    }
    loop_timer_free(generation->deadline);
    http_router_free(generation->router);
    answers_free(generation->answers);
    co_set_done(&generation->cos);
    policy_set_free(generation->policies);
    if (generation->L) {
        budget_forget(generation->L);
        lua_close(generation->L);
    }
    heap_done(&generation->heap);
    if (generation->deps.catalog)
        db_catalog_free(generation->deps.catalog);
    free(generation);
    alive--;
}

struct generation *
generation_new(const struct bridge_deps *deps, struct bridge_source source, struct buf *message)
{
    struct generation *generation = calloc(1, sizeof(*generation));

    if (!generation)
        abort();
    alive++;
    generation->deps = *deps;
    generation->refs = 1;
    generation->table_ref = LUA_NOREF;
    generation->memory_max_bytes = (size_t)conf_int(deps->conf, "lua.memory_max_bytes");
    generation->body_max = (size_t)conf_int(deps->conf, "http.body_max_bytes");
    generation->body_floor = generation->body_ceiling = generation->body_max;
    generation->router = http_router_new();
    generation->answers = answers_new(generation);
    co_set_init(&generation->cos);
    list_init(&generation->deadlines);
    generation->request_timeout_ms = conf_int(deps->conf, "http.request_timeout_ms");
    generation->L = lua_newstate(allocate, generation);
    if (generation->L)
        lua_atpanic(generation->L, on_panic);
    if (!generation->L) {
        buf_add_z(message, "no memory for a Lua state");
    } else {
        lua_gc(generation->L, LUA_GCSETPAUSE, PAUSE_PERCENT);
        if (policy_set_load(&generation->policies, source.lua_dir, message) &&
            load(generation, &source, message))
            return generation;
    }
    generation_free(generation);
    return NULL;
}

void generation_ref(struct generation *generation)
{
    generation->refs++;
}

void generation_unref(struct generation *generation)
{
    if (--generation->refs == 0)
        generation_free(generation);
}

static void on_timer(void *arg);

static void set_pace(struct generation_timer *timer, int pace_ms)
{
    if (pace_ms == timer->pace_ms || !timer->timer)
        return;
    timer->pace_ms = pace_ms;
    timer->due_us = clock_monotonic_us() + (int64_t)pace_ms * 1000;
    loop_timer_free(timer->timer);
    timer->timer = loop_every(timer->generation->deps.loop, pace_ms, on_timer, timer);
}

static void on_timer_end(void *arg, lua_State *L, bool is_ok)
{
    struct generation_timer *timer = arg;

    timer->is_running = false;
    if (timer->idle_ms)
        set_pace(timer, is_ok && lua_toboolean(L, 1) ? timer->every_ms : timer->idle_ms);
    if (is_ok)
        return;
    log_error("lua.timer.failed", "timer=%s error=%s\n%s", timer->name,
              lua_tostring(L, 1) ? lua_tostring(L, 1) : "(no text)", lua_tostring(L, 2));
}

static void on_timer(void *arg)
{
    struct generation_timer *timer = arg;
    struct generation *generation = timer->generation;
    struct co *co;

    timer->due_us = clock_monotonic_us() + (int64_t)timer->pace_ms * 1000;
    if (timer->is_running || (timer->is_leader_only && !*generation->is_leader))
        return;
    timer->is_running = true;
    co = co_new(generation, on_timer_end, timer);
    lua_rawgeti(co_lua(co), LUA_REGISTRYINDEX, timer->run_ref);
    co_start(co, 0);
}

static void on_first_time(void *arg)
{
    struct generation_timer *timer = arg;

    loop_timer_free(timer->timer);
    timer->timer = loop_every(timer->generation->deps.loop, timer->every_ms, on_timer, timer);
    on_timer(timer);
}

/* A timer takes over when the one before it would have been due, and keeps the time of the clock
 * where there is none: or reloads and restarts that come faster than its period would keep it from
 * ever being due. */
static int64_t due_us(const struct generation_timer *timer, const struct generation *before)
{
    int64_t every_us = (int64_t)timer->every_ms * 1000;

    for (int i = 0; before && i < before->timer_count; i++) {
        const struct generation_timer *old = &before->timers[i];
        if (strcmp(old->name, timer->name) == 0 && old->every_ms == timer->every_ms)
            return old->due_us;
    }
    return (clock_monotonic_us() / every_us + 1) * every_us;
}

void generation_start_timers(struct generation *generation,
                             const bool *is_leader,
                             const struct generation *before)
{
    budget_guard(generation->L);
    generation->is_leader = is_leader;
    for (int i = 0; i < generation->timer_count; i++) {
        struct generation_timer *timer = &generation->timers[i];
        int64_t wait_us;
        timer->due_us = due_us(timer, before);
        wait_us = timer->due_us - clock_monotonic_us();
        timer->timer = loop_after(generation->deps.loop, wait_us > 0 ? wait_us / 1000 : 0,
                                  on_first_time, timer);
    }
}

void generation_retire(struct generation *generation)
{
    for (int i = 0; i < generation->timer_count; i++) {
        loop_timer_free(generation->timers[i].timer);
        generation->timers[i].timer = NULL;
    }
}

bool generation_is_waiting(const struct generation *generation)
{
    return !list_is_empty(&generation->cos.waiting) || alive > 1;
}

bool generation_print(struct generation *generation, const char *function, struct buf *out)
{
    lua_State *L = generation->L;
    bool is_ok = false;

    lua_settop(L, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->table_ref);
    lua_getfield(L, -1, function);
    if (lua_isfunction(L, -1) && lua_pcall(L, 0, 1, 0) == 0)
        is_ok = lua_isstring(L, -1);
    buf_add_z(out, lua_isstring(L, -1) ? lua_tostring(L, -1) : "boot.lua has no such function");
    lua_settop(L, 0);
    return is_ok;
}
