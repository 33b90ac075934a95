/* A request as Lua says it, and an answer as Lua sees it. */
#include "bridge/fetch_request.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#define TIMEOUT_MAX_MS   600000
#define ANSWER_MAX_BYTES 67108864

static const char *const outcome_names[] = {
    [FETCH_ANSWERED] = "answered", [FETCH_NOT_SENT] = "not_sent",   [FETCH_UNKNOWN] = "unknown",
    [FETCH_TLS] = "tls",           [FETCH_TOO_LARGE] = "too_large", [FETCH_REFUSED] = "refused",
};

/* headers(name) of an answer: the raw block is its upvalue. */
static int l_header(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    struct str headers, value;

    headers.at = lua_tolstring(L, lua_upvalueindex(1), &headers.len);
    value = fetch_header(headers, name);
    if (!value.at)
        return 0;
    lua_pushlstring(L, value.at, value.len);
    return 1;
}

void fetch_answer_push(lua_State *L, const struct fetch_answer *answer)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, outcome_names[answer->outcome]);
    lua_setfield(L, -2, "outcome");
    if (answer->outcome == FETCH_ANSWERED) {
        lua_pushinteger(L, answer->status);
        lua_setfield(L, -2, "status");
        lua_pushlstring(L, answer->body.at, answer->body.len);
        lua_setfield(L, -2, "body");
    } else {
        lua_pushstring(L, answer->problem);
        lua_setfield(L, -2, "problem");
    }
    lua_pushlstring(L, answer->headers.len ? answer->headers.at : "", answer->headers.len);
    lua_pushcclosure(L, l_header, 1);
    lua_setfield(L, -2, "headers");
}

/* The text stays on the stack, so that it lives until fetch_run has copied it. */
static struct str check_field(lua_State *L, const char *name, const char *usual)
{
    struct str text;

    lua_getfield(L, 1, name);
    if (lua_isnil(L, -1) && usual)
        return str_from(usual);
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s is a string", name);
    text.at = lua_tolstring(L, -1, &text.len);
    return text;
}

static const char *check_line(lua_State *L, const char *name, const char *usual)
{
    struct str text = check_field(L, name, usual);

    if (strlen(text.at) != text.len)
        luaL_error(L, "%s has a NUL", name);
    return text.at;
}

double fetch_number_check(lua_State *L, const char *name, double max)
{
    double size;

    lua_getfield(L, 1, name);
    if (lua_isnil(L, -1))
        return 0;
    size = lua_isnumber(L, -1) ? lua_tonumber(L, -1) : -1;
    if (!(size >= 1 && size <= max))
        luaL_error(L, "%s is a number of at least 1", name);
    return size;
}

/* The lines stay on the stack. */
static int check_headers(lua_State *L, const char *lines[FETCH_HEADERS_MAX])
{
    int count = 0, table;

    lua_getfield(L, 1, "headers");
    if (lua_isnil(L, -1))
        return 0;
    if (!lua_istable(L, -1))
        luaL_error(L, "headers is a table of strings");
    table = lua_gettop(L);
    luaL_checkstack(L, FETCH_HEADERS_MAX + 4, "headers");
    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (count == FETCH_HEADERS_MAX || lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
            luaL_error(L, "headers is a table of at most 32 strings");
        lines[count] = lua_pushfstring(L, "%s: %s", lua_tostring(L, -2), lua_tostring(L, -1));
        count++;
        lua_insert(L, -3); /* the line below the key, which lua_next wants on top */
        lua_pop(L, 1);
    }
    return count;
}

struct fetch_request fetch_request_check(lua_State *L, const char *lines[FETCH_HEADERS_MAX])
{
    struct fetch_request request = {.headers = lines};

    luaL_checktype(L, 1, LUA_TTABLE);
    request.method = check_line(L, "method", "GET");
    request.url = check_line(L, "url", NULL);
    request.body = check_field(L, "body", "");
    request.timeout_ms = (int)fetch_number_check(L, "timeout_ms", TIMEOUT_MAX_MS);
    request.connect_timeout_ms = (int)fetch_number_check(L, "connect_timeout_ms", TIMEOUT_MAX_MS);
    request.answer_max_bytes = (size_t)fetch_number_check(L, "answer_max_bytes", ANSWER_MAX_BYTES);
    lua_getfield(L, 1, "plain");
    request.is_plain_http_allowed = lua_toboolean(L, -1);
    lua_getfield(L, 1, "public");
    request.is_public_only = lua_toboolean(L, -1);
    request.header_count = check_headers(L, lines);
    return request;
}
