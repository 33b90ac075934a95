/* The small modules: core.log, clock, sleep, conf, metric, shared, info, reload, parallel. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/metric.h"
#include "bridge/bind.h"
#include "bridge/co.h"
#include "bridge/generation.h"
#include "bridge/json.h"
#include "cache/marks.h"
#include "loop/loop.h"
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MEMBERS_MAX 4096
#define SLEEP_MAX_MS    3600000
#define PARALLEL_MAX    64

static int log_line(lua_State *L, enum log_level level)
{
    const char *event = luaL_checkstring(L, 1);
    struct buf members;
    const char *refusal = NULL;

    lua_settop(L, 2);
    if (!lua_isnil(L, 2))
        luaL_checktype(L, 2, LUA_TTABLE);
    buf_init(&members, LOG_MEMBERS_MAX);
    if (!lua_isnil(L, 2))
        refusal = json_encode(L, 2, &members);
    if (refusal || members.is_full)
        log_write(level, event, "problem=%s", refusal ? refusal : "the fields are too long");
    else if (members.len > 2 && members.at[0] == '{')
        log_write_json(level, event, (struct str){members.at + 1, members.len - 2});
    else
        log_write_json(level, event, (struct str){"", 0});
    buf_done(&members);
    return 0;
}

static int l_debug(lua_State *L)
{
    return log_line(L, LOG_LEVEL_DEBUG);
}

static int l_info(lua_State *L)
{
    return log_line(L, LOG_LEVEL_INFO);
}

static int l_warn(lua_State *L)
{
    return log_line(L, LOG_LEVEL_WARN);
}

static int l_error(lua_State *L)
{
    return log_line(L, LOG_LEVEL_ERROR);
}

int luaopen_core_log(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"debug", l_debug}, {"info", l_info}, {"warn", l_warn}, {"error", l_error}, {NULL, NULL}};

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}

static int l_now_ms(lua_State *L)
{
    lua_pushnumber(L, (double)clock_wall_ms());
    return 1;
}

static int l_monotonic_us(lua_State *L)
{
    lua_pushnumber(L, (double)clock_monotonic_us());
    return 1;
}

static int l_rfc3339(lua_State *L)
{
    char text[25];

    clock_rfc3339(lua_isnoneornil(L, 1) ? clock_wall_ms() : (int64_t)luaL_checknumber(L, 1), text);
    lua_pushstring(L, text);
    return 1;
}

static int l_shift_ms(lua_State *L)
{
    if (strcmp(conf_text(bridge_deps(L)->conf, "env"), "test") != 0)
        return luaL_error(L, "the clock is only shifted where env = test");
    clock_shift_wall_ms((int64_t)luaL_checknumber(L, 1));
    return 0;
}

int luaopen_core_clock(lua_State *L)
{
    static const luaL_Reg functions[] = {{"now_ms", l_now_ms},
                                         {"monotonic_us", l_monotonic_us},
                                         {"rfc3339", l_rfc3339},
                                         {"shift_ms", l_shift_ms},
                                         {NULL, NULL}};

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}

struct sleep {
    struct co *co;
    struct loop_timer *timer;
};

static void on_slept(void *arg)
{
    struct sleep *sleep = arg;
    struct co *co = sleep->co;

    loop_timer_free(sleep->timer);
    free(sleep);
    co_resume(co, 0);
}

static int l_sleep(lua_State *L)
{
    double ms = luaL_checknumber(L, 1);
    struct co *co;
    struct sleep *sleep;

    luaL_argcheck(L, ms >= 0 && ms <= SLEEP_MAX_MS, 1, "0 to 3600000 milliseconds");
    co = co_suspend(L);
    sleep = malloc(sizeof(*sleep));
    if (!sleep)
        abort();
    sleep->co = co;
    sleep->timer = loop_after(bridge_deps(L)->loop, (int64_t)ms, on_slept, sleep);
    return lua_yield(L, 0);
}

int luaopen_core_sleep(lua_State *L)
{
    lua_pushcfunction(L, l_sleep);
    return 1;
}

static int l_conf(lua_State *L)
{
    lua_pushstring(L, conf_find(bridge_deps(L)->conf, luaL_checkstring(L, 1)));
    return 1;
}

int luaopen_core_conf(lua_State *L)
{
    lua_pushcfunction(L, l_conf);
    return 1;
}

static metric_id check_metric(lua_State *L, enum metric_kind kind, int labels_index)
{
    return metric_register(kind, luaL_checkstring(L, 1), luaL_optstring(L, labels_index, ""),
                           "counted by a route or flow");
}

static int l_inc(lua_State *L)
{
    metric_add(check_metric(L, METRIC_COUNTER, 2), 1);
    return 0;
}

static int l_observe(lua_State *L)
{
    double us = luaL_checknumber(L, 2);

    metric_observe_us(check_metric(L, METRIC_HISTOGRAM, 3), (int64_t)us);
    return 0;
}

static int l_set(lua_State *L)
{
    double value = luaL_checknumber(L, 2);

    metric_set(check_metric(L, METRIC_GAUGE, 3), (int64_t)value);
    return 0;
}

int luaopen_core_metric(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"inc", l_inc}, {"observe", l_observe}, {"set", l_set}, {NULL, NULL}};

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}

static _Atomic uint64_t *check_epoch(lua_State *L)
{
    static const char *const names[] = {"auth", "geo", "catalogue", NULL};
    int epoch = luaL_checkoption(L, 1, NULL, names);

    return &bridge_deps(L)->epochs[epoch];
}

static int l_bump(lua_State *L)
{
    atomic_fetch_add(check_epoch(L), 1);
    return 0;
}

static int l_read(lua_State *L)
{
    lua_pushnumber(L, (double)atomic_load(check_epoch(L)));
    return 1;
}

void bridge_changed(struct cache_marks *marks,
                    _Atomic uint64_t *epochs,
                    struct str kind,
                    struct str id)
{
    /* Epochs first: who begins after the marks, and is kept, must not be made of what an epoch
     * should have ended. */
    if (!kind.len || str_eq(kind, STR("vendor")))
        atomic_fetch_add(&epochs[EPOCH_GEO], 1);
    if (!kind.len || str_eq(kind, STR("product")) || str_eq(kind, STR("vendor")) ||
        str_eq(kind, STR("category")))
        atomic_fetch_add(&epochs[EPOCH_CATALOGUE], 1);
    if (kind.len)
        cache_marks_changed(marks, kind, id);
    else
        cache_marks_changed_all(marks);
}

/* changed(kind, id or nil) */
static int l_changed(lua_State *L)
{
    const struct bridge_deps *deps = bridge_deps(L);
    struct str kind, id = {"", 0};

    kind.at = luaL_checklstring(L, 1, &kind.len);
    id.at = luaL_optlstring(L, 2, "", &id.len);
    bridge_changed(deps->marks, deps->epochs, kind, id);
    return 0;
}

/* count(): to be noted before a read, for holds() */
static int l_count(lua_State *L)
{
    lua_pushnumber(L, (double)cache_marks_now(bridge_deps(L)->marks));
    return 1;
}

/* holds(since, kind, id): it has not changed since then */
static int l_holds(lua_State *L)
{
    uint64_t since = (uint64_t)luaL_checknumber(L, 1);
    struct cache_marks_of of;
    struct str kind, id;

    kind.at = luaL_checklstring(L, 2, &kind.len);
    id.at = luaL_checklstring(L, 3, &id.len);
    cache_marks_of_init(&of);
    (void)cache_marks_of_add(&of, kind, id);
    lua_pushboolean(L, cache_marks_hold(bridge_deps(L)->marks, &of, since));
    return 1;
}

int luaopen_core_shared(lua_State *L)
{
    static const luaL_Reg functions[] = {{"bump", l_bump},   {"changed", l_changed},
                                         {"count", l_count}, {"holds", l_holds},
                                         {"read", l_read},   {NULL, NULL}};

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}

int luaopen_core_info(lua_State *L)
{
    const struct bridge_deps *deps = bridge_deps(L);

    lua_newtable(L);
    lua_pushnumber(L, (double)deps->generation);
    lua_setfield(L, -2, "generation");
    lua_pushinteger(L, deps->worker);
    lua_setfield(L, -2, "worker");
    lua_pushinteger(L, getpid());
    lua_setfield(L, -2, "pid");
    lua_pushliteral(L, SOUK_VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}

static void on_reloaded(void *arg, int64_t number, const char *problem)
{
    struct co *co = arg;
    lua_State *L = co_lua(co);

    if (!problem) {
        lua_pushnumber(L, (double)number);
        co_resume(co, 1);
        return;
    }
    lua_pushnil(L);
    lua_pushstring(L, problem);
    co_resume(co, 2);
}

/* core.reload() -> number of the generation that serves now | nil, why the new one was refused.
 * Waits. */
static int l_reload(lua_State *L)
{
    const struct bridge_deps *deps = bridge_deps(L);

    if (!deps->reload) {
        lua_pushnil(L);
        lua_pushliteral(L, "this process has no master that could reload");
        return 2;
    }
    deps->reload(on_reloaded, co_suspend(L));
    return lua_yield(L, 0);
}

int luaopen_core_reload(lua_State *L)
{
    lua_pushcfunction(L, l_reload);
    return 1;
}

/* core.parallel: children run as coroutines of their own; the last to end resumes the parent. */
struct parallel {
    struct co *parent;
    int results_ref; /* a table in the registry */
    int left;
};

struct child {
    struct parallel *parallel;
    int number;
};

static void on_child_end(void *arg, lua_State *L, bool is_ok)
{
    struct child *child = arg;
    struct parallel *parallel = child->parallel;
    lua_State *parent;

    lua_rawgeti(L, LUA_REGISTRYINDEX, parallel->results_ref);
    lua_createtable(L, 0, 1);
    if (is_ok && lua_gettop(L) > 2) {
        lua_pushvalue(L, 1);
        lua_setfield(L, -2, "value");
    }
    if (!is_ok || (lua_gettop(L) > 3 && lua_isnil(L, 1))) {
        lua_pushvalue(L, is_ok ? 2 : 1);
        lua_setfield(L, -2, "err");
    }
    lua_rawseti(L, -2, child->number);
    free(child);
    if (--parallel->left > 0)
        return;
    parent = co_lua(parallel->parent);
    lua_rawgeti(parent, LUA_REGISTRYINDEX, parallel->results_ref);
    luaL_unref(parent, LUA_REGISTRYINDEX, parallel->results_ref);
    co_resume(parallel->parent, 1);
    free(parallel);
}

static void start_children(void *arg)
{
    struct parallel *parallel = arg;
    lua_State *parent = co_lua(parallel->parent);
    struct generation *generation = generation_of(parent);
    int count = parallel->left;

    for (int i = 1; i <= count; i++) {
        struct child *child = malloc(sizeof(*child));
        struct co *co;
        if (!child)
            abort();
        *child = (struct child){parallel, i};
        co = co_new(generation, on_child_end, child);
        /* The functions wait in the results table until their results take their places. */
        lua_rawgeti(co_lua(co), LUA_REGISTRYINDEX, parallel->results_ref);
        lua_rawgeti(co_lua(co), -1, i);
        lua_remove(co_lua(co), -2);
        co_start(co, 0);
    }
}

static int l_parallel(lua_State *L)
{
    int count = lua_gettop(L);
    struct parallel *parallel;
    struct co *co;

    luaL_argcheck(L, count >= 1 && count <= PARALLEL_MAX, 1, "1 to 64 functions");
    for (int i = 1; i <= count; i++)
        luaL_checktype(L, i, LUA_TFUNCTION);
    lua_createtable(L, count, 0);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    co = co_suspend(L);
    int results_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    parallel = malloc(sizeof(*parallel));
    if (!parallel)
        abort();
    *parallel = (struct parallel){co, results_ref, count};
    loop_defer(bridge_deps(L)->loop, start_children, parallel);
    return lua_yield(L, 0);
}

int luaopen_core_parallel(lua_State *L)
{
    lua_pushcfunction(L, l_parallel);
    return 1;
}
