/* core.db.spec, for specs of core/db:
 *   define(name, sql)     a query that no file holds
 *   load(dir)             reads query files again -> true | nil, message
 *   connect{url=, …}      core.db works on this pool from now on (the fields of struct
 *                         db_pool_settings); connect() ends that
 *   stats()               -> table of struct db_pool_stats
 *   why()                 -> why the last connection failed or ended
 *   leader(key, retry_ms) -> handle: is_leader(), close() */
#include "bridge/db_spec.h"

#include "base/conf.h"
#include "bridge/state.h"
#include "db/catalog.h"
#include "db/pool.h"
#include "db/query.h"
#include "loop/loop.h"
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

struct leader_handle {
    struct db_leader *leader;
    bool is_leader;
};

static struct db_pool *connected;
static char handle_meta, ender_key;

struct db_pool *db_pool_of(lua_State *L)
{
    return connected ? connected : bridge_deps(L)->db;
}

static int l_define(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const char *sql = luaL_checkstring(L, 2);

    db_catalog_put(bridge_deps(L)->catalog, name, sql);
    return 0;
}

static int l_load(lua_State *L)
{
    char message[512];

    if (db_catalog_load(bridge_deps(L)->catalog, luaL_checkstring(L, 1), "", message,
                        sizeof(message))) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, message);
    return 2;
}

static int setting(lua_State *L, const char *name, int usual)
{
    int value;

    lua_getfield(L, 1, name);
    value = (int)luaL_optinteger(L, -1, usual);
    lua_pop(L, 1);
    return value;
}

static int l_end(lua_State *L)
{
    (void)L;
    db_pool_free(connected);
    connected = NULL;
    return 0;
}

static void end_pool(void *pool)
{
    db_pool_free(pool);
}

static int l_connect(lua_State *L)
{
    struct db_pool_settings settings = {0};

    /* Not here: this coroutine may have been resumed by the very pool that is to end. */
    if (connected)
        loop_defer(bridge_deps(L)->loop, end_pool, connected);
    connected = NULL;
    if (lua_isnoneornil(L, 1))
        return 0;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "url");
    settings.url = luaL_checkstring(L, -1);
    settings.readers = setting(L, "readers", 2);
    settings.writers = setting(L, "writers", 2);
    settings.statement_timeout_ms = setting(L, "statement_timeout_ms", 2000);
    settings.lock_timeout_ms = setting(L, "lock_timeout_ms", 1000);
    settings.wait_max_ms = setting(L, "wait_max_ms", 1000);
    settings.waiters_max = setting(L, "waiters_max", 100);
    connected = db_pool_new(bridge_deps(L)->loop, NULL, settings);
    return 0;
}

static int l_stats(lua_State *L)
{
    struct db_pool_stats stats = db_pool_stats(db_pool_of(L));
    const struct {
        const char *name;
        long long value;
    } fields[] = {
        {"readers_connected", stats.readers_connected},
        {"writers_connected", stats.writers_connected},
        {"writers_busy", stats.writers_busy},
        {"waiters", stats.waiters},
        {"in_flight", stats.in_flight},
        {"retried", stats.retried},
        {"reconnected", stats.reconnected},
    };

    lua_newtable(L);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        lua_pushnumber(L, (lua_Number)fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
    return 1;
}

static int l_why(lua_State *L)
{
    lua_pushstring(L, db_pool_why(db_pool_of(L)));
    return 1;
}

static void on_change(void *arg, bool is_leader)
{
    ((struct leader_handle *)arg)->is_leader = is_leader;
}

static struct leader_handle *check_handle(lua_State *L)
{
    struct leader_handle *handle = lua_touserdata(L, 1);

    if (!handle || lua_objlen(L, 1) != sizeof(*handle))
        luaL_error(L, "a leader is expected");
    return handle;
}

static int l_is_leader(lua_State *L)
{
    lua_pushboolean(L, check_handle(L)->is_leader);
    return 1;
}

static int l_leader_close(lua_State *L)
{
    struct leader_handle *handle = check_handle(L);

    db_leader_free(handle->leader);
    *handle = (struct leader_handle){0};
    return 0;
}

static int l_leader(lua_State *L)
{
    int key = (int)luaL_checkinteger(L, 1), retry_ms = (int)luaL_checkinteger(L, 2);
    struct leader_handle *handle = lua_newuserdata(L, sizeof(*handle));

    *handle = (struct leader_handle){0};
    lua_pushlightuserdata(L, &handle_meta);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_setmetatable(L, -2);
    handle->leader = db_leader_new(db_pool_of(L), key, retry_ms, on_change, handle);
    return 1;
}

static void make_handle_meta(lua_State *L)
{
    static const luaL_Reg methods[] = {{"is_leader", l_is_leader},
                                       {"close", l_leader_close},
                                       {"__gc", l_leader_close},
                                       {NULL, NULL}};

    lua_pushlightuserdata(L, &handle_meta);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_rawset(L, LUA_REGISTRYINDEX);
}

/* A pool that a spec forgot ends with the state. */
static void make_ender(lua_State *L)
{
    lua_pushlightuserdata(L, &ender_key);
    lua_newuserdata(L, 1);
    lua_newtable(L);
    lua_pushcfunction(L, l_end);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

void db_spec_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"define", l_define}, {"load", l_load},     {"connect", l_connect},
        {"stats", l_stats},   {"leader", l_leader}, {"why", l_why},
        {NULL, NULL}};

    if (strcmp(conf_text(bridge_deps(L)->conf, "env"), "test") != 0)
        return;
    make_handle_meta(L);
    make_ender(L);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "spec");
}
