/* core.err: a constructor for each row of err.def, and what the bridge makes of an error when a
 * route answers with one. */
#include "base/buf.h"
#include "base/log.h"
#include "bridge/bind.h"
#include "bridge/co.h"
#include "bridge/generation.h"
#include "bridge/json.h"
#include "http/reply.h"
#include "http/request.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

#define DETAILS_MAX       (256u << 10)
#define ERROR_HEADERS_MAX 8

static char err_meta;

static void push_meta(lua_State *L)
{
    lua_pushlightuserdata(L, &err_meta);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

void co_push_err(lua_State *L, enum err e, const char *message, const char *details_json)
{
    const struct err_info *info = err_info(e);

    lua_createtable(L, 0, 5);
    lua_pushstring(L, info->code);
    lua_setfield(L, -2, "code");
    lua_pushinteger(L, info->status);
    lua_setfield(L, -2, "status");
    lua_pushstring(L, message && *message ? message : info->message);
    lua_setfield(L, -2, "message");
    if (details_json && *details_json && !json_scan(str_from(details_json))) {
        json_push_raw(L, str_from(details_json));
        lua_setfield(L, -2, "details");
    }
    push_meta(L);
    lua_setmetatable(L, -2);
}

static int l_construct(lua_State *L)
{
    enum err e = (enum err)lua_tointeger(L, lua_upvalueindex(1));
    const char *message = luaL_optstring(L, 1, NULL);

    lua_settop(L, 2);
    co_push_err(L, e, message, NULL);
    if (!lua_isnil(L, 2)) {
        lua_pushvalue(L, 2);
        lua_setfield(L, -2, "details");
    }
    return 1;
}

static bool is_err(lua_State *L, int index)
{
    bool is_same;

    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;
    push_meta(L);
    is_same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_same;
}

static int l_is(lua_State *L)
{
    lua_pushboolean(L, is_err(L, 1));
    return 1;
}

static int l_tostring(lua_State *L)
{
    lua_getfield(L, 1, "code");
    lua_pushliteral(L, ": ");
    lua_getfield(L, 1, "message");
    lua_concat(L, 3);
    return 1;
}

static void lower(char *out, size_t size, const char *name)
{
    size_t i = 0;

    for (; name[i] && i + 1 < size; i++)
        out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
    out[i] = 0;
}

static void push_listed(lua_State *L, enum err e)
{
    const struct err_info *info = err_info(e);

    lua_createtable(L, 0, 4);
    lua_pushstring(L, info->name);
    lua_setfield(L, -2, "name");
    lua_pushinteger(L, info->status);
    lua_setfield(L, -2, "status");
    lua_pushstring(L, info->code);
    lua_setfield(L, -2, "code");
    lua_pushstring(L, info->message);
    lua_setfield(L, -2, "message");
}

int luaopen_core_err(lua_State *L)
{
    char name[64];

    lua_pushlightuserdata(L, &err_meta);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, l_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushvalue(L, -1);
    lua_insert(L, -3);
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_createtable(L, 0, ERR_COUNT + 3);
    lua_insert(L, -2);
    lua_setfield(L, -2, "meta");
    lua_createtable(L, ERR_COUNT, 0);
    for (int e = ERR_OK + 1; e < ERR_COUNT; e++) {
        push_listed(L, (enum err)e);
        lua_rawseti(L, -2, e);
        lower(name, sizeof(name), err_info((enum err)e)->name);
        lua_pushinteger(L, e);
        lua_pushcclosure(L, l_construct, 1);
        lua_setfield(L, -3, name);
    }
    lua_setfield(L, -2, "list");
    lua_pushcfunction(L, l_is);
    lua_setfield(L, -2, "is");
    return 1;
}

static const char *text_field(lua_State *L, int index, const char *field)
{
    const char *text;

    lua_pushstring(L, field);
    lua_rawget(L, index);
    text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 1); /* stays alive in the table */
    return text;
}

static int int_field(lua_State *L, int index, const char *field)
{
    int value;

    lua_pushstring(L, field);
    lua_rawget(L, index);
    value = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return value;
}

int bridge_take_headers(lua_State *L, int index, struct http_header *headers, int headers_max)
{
    int count = 0;

    if (!lua_istable(L, index))
        return 0;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (count < headers_max && lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING)
            headers[count++] =
                (struct http_header){.name = lua_tostring(L, -2), .value = lua_tostring(L, -1)};
        lua_pop(L, 1);
    }
    return count;
}

static void reply_err(struct http_request *request, lua_State *L, int index)
{
    struct http_header headers[ERROR_HEADERS_MAX];
    struct http_problem problem = {
        .err = ERR_INTERNAL,
        .status = int_field(L, index, "status"),
        .code = text_field(L, index, "code"),
        .message = text_field(L, index, "message"),
        .retry_after_s = int_field(L, index, "retry_after"),
        .headers = headers,
    };
    struct str details;

    lua_getfield(L, index, "headers");
    problem.header_count = bridge_take_headers(L, lua_gettop(L), headers, ERROR_HEADERS_MAX);
    lua_getfield(L, index, "details");
    if (!lua_isnil(L, -1) && !json_text_of(L, lua_gettop(L), &details) &&
        details.len <= DETAILS_MAX)
        problem.details_json = details;
    http_reply_problem(request, &problem);
    lua_pop(L, 2);
}

void bridge_reply_error(struct generation *generation,
                        struct http_request *request,
                        lua_State *L,
                        int index)
{
    struct http_problem internal = {.err = ERR_INTERNAL};
    const char *id = http_request_id(request);

    if (is_err(L, index)) {
        reply_err(request, L, index);
        return;
    }
    log_error("lua.error", "request_id=%s generation=%lld error=%s trace=%s", id,
              (long long)generation->deps.generation,
              lua_tostring(L, index) ? lua_tostring(L, index) : "(no text)",
              lua_tostring(L, index + 1) ? lua_tostring(L, index + 1) : "");
    if (lua_tostring(L, index) && strstr(lua_tostring(L, index), "CPU budget"))
        internal.err = ERR_BUSY;
    http_reply_problem(request, &internal);
}
