/* The one difficulty: input and result cross between two Lua states, and neither side may raise
 * while the other is half way. */
#include "bridge/policy_copy.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#define NOT_PLAIN      "the input is not plain data"
#define COPY_DEPTH     8
#define COPY_BYTES_MAX (1u << 20) /* a table that is there many times is copied as often */
#define COPY_VALUE     16
#define COPY_LIST_MAX  1024
#define COPY_NAMED     4 /* members of a table that is no list: most have no more */
#define COPY_STACK     8 /* a table, and a key and a value that may be tables */

static char meta_mark;

static bool copy_value(lua_State *from, int index, lua_State *to, int depth, size_t *room);

/* The members of the table at index of `from` into the one on top of `to`. */
static bool copy_members(lua_State *from, int index, lua_State *to, int depth, size_t *room)
{
    lua_pushnil(from);
    while (lua_next(from, index)) {
        int top = lua_gettop(from);
        bool is_copied = copy_value(from, top - 1, to, depth, room);
        is_copied = copy_value(from, top, to, depth, room) && is_copied;
        if (!is_copied) {
            lua_pop(to, 2);
            lua_pop(from, 2);
            return false;
        }
        lua_rawset(to, -3);
        lua_pop(from, 1);
    }
    return true;
}

/* Made with room for its members: growing one by one costs more than all else here. */
static bool copy_table(lua_State *from, int index, lua_State *to, int depth, size_t *room)
{
    int count = (int)lua_objlen(from, index);

    if (!lua_checkstack(from, COPY_STACK) || !lua_checkstack(to, COPY_STACK)) {
        lua_pushnil(to);
        return false;
    }
    lua_createtable(to, count <= COPY_LIST_MAX ? count : 0, count ? 0 : COPY_NAMED);
    return copy_members(from, index, to, depth + 1, room);
}

/* Plain data only. False: something that is none, or too deep, or more than *room bytes. Stack of
 * `to` grows by one in any case; both have room for what is no table. */
static bool copy_value(lua_State *from, int index, lua_State *to, int depth, size_t *room)
{
    int type = lua_type(from, index);
    const char *text = NULL;
    size_t len = 0;

    if (type == LUA_TSTRING)
        text = lua_tolstring(from, index, &len);
    if (depth > COPY_DEPTH || len + COPY_VALUE > *room) {
        lua_pushnil(to);
        return false;
    }
    *room -= len + COPY_VALUE;
    switch (type) {
    case LUA_TNIL: lua_pushnil(to); return true;
    case LUA_TBOOLEAN: lua_pushboolean(to, lua_toboolean(from, index)); return true;
    case LUA_TNUMBER: lua_pushnumber(to, lua_tonumber(from, index)); return true;
    case LUA_TSTRING: lua_pushlstring(to, text, len); return true;
    case LUA_TTABLE: return copy_table(from, index, to, depth, room);
    default: lua_pushnil(to); return false;
    }
}

static void push_meta(lua_State *L)
{
    lua_pushlightuserdata(L, &meta_mark);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

/* at: of a key of the input in its own state, where equal texts are one. */
static bool was_asked(const struct policy_late *late, const char *at)
{
    for (int i = 0; i < late->count; i++)
        if (late->asked[i] == at)
            return true;
    return false;
}

/* All that was not asked for, into the input at index of L. */
static bool complete(struct policy_late *late, lua_State *L, int index)
{
    lua_State *from = late->from;

    late->is_read = true;
    if (late->is_whole)
        return true;
    if (!lua_checkstack(from, COPY_STACK))
        return false;
    for (lua_pushnil(from); lua_next(from, late->index); lua_pop(from, 1)) {
        int top = lua_gettop(from);
        bool is_copied;

        if (lua_type(from, -2) == LUA_TSTRING && was_asked(late, lua_tostring(from, -2)))
            continue;
        is_copied = copy_value(from, top - 1, L, 1, &late->room);
        is_copied = copy_value(from, top, L, 1, &late->room) && is_copied;
        if (!is_copied) {
            lua_pop(L, 2);
            lua_pop(from, 2);
            return false;
        }
        lua_rawset(L, index);
    }
    late->is_whole = true;
    return true;
}

/* Pushes what the input has for the key at 2, onto its own state, when that was not asked for; from
 * now on it was. False: nothing is pushed, and nothing of the input may be under this key, but for
 * what is there now. The input lies at 1. */
static bool ask(struct policy_late *late, lua_State *L)
{
    lua_State *from = late->from;
    const char *at;
    size_t len;

    late->is_read = true;
    if (late->is_whole)
        return false;
    if (lua_type(L, 2) != LUA_TSTRING || late->count == POLICY_LATE_MAX ||
        !lua_checkstack(from, COPY_STACK)) {
        if (!complete(late, L, 1))
            luaL_error(L, NOT_PLAIN);
        return false;
    }
    at = lua_tolstring(L, 2, &len);
    lua_pushlstring(from, at, len);
    at = lua_tostring(from, -1);
    lua_rawget(from, late->index);
    if (lua_isnil(from, -1) || was_asked(late, at)) {
        lua_pop(from, 1);
        return false;
    }
    late->asked[late->count++] = at; /* the input's own key, which outlives us */
    return true;
}

static struct policy_late *upvalue(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int l_index(lua_State *L)
{
    struct policy_late *late = upvalue(L);
    bool is_ok;

    if (!ask(late, L)) {
        lua_settop(L, 2);
        lua_rawget(L, 1);
        return 1;
    }
    is_ok = copy_value(late->from, lua_gettop(late->from), L, 1, &late->room);
    lua_pop(late->from, 1);
    if (!is_ok)
        return luaL_error(L, NOT_PLAIN);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

/* What a policy sets itself is no longer the input's. */
static int l_newindex(lua_State *L)
{
    struct policy_late *late = upvalue(L);

    if (ask(late, L))
        lua_pop(late->from, 1);
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 0;
}

static int l_pairs(lua_State *L)
{
    struct policy_late *late = upvalue(L);

    if (late->from && lua_type(L, 1) == LUA_TTABLE && lua_getmetatable(L, 1)) {
        push_meta(L);
        if (lua_rawequal(L, -1, -2) && !complete(late, L, 1))
            return luaL_error(L, NOT_PLAIN);
    }
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, 1, 3);
    return 3;
}

void policy_late_open(struct policy_late *late, lua_State *L)
{
    lua_pushlightuserdata(L, &meta_mark);
    lua_createtable(L, 0, 2);
    lua_pushlightuserdata(L, late);
    lua_pushcclosure(L, l_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushlightuserdata(L, late);
    lua_pushcclosure(L, l_newindex, 1);
    lua_setfield(L, -2, "__newindex");
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_pushliteral(L, "pairs"); /* rawset: writing a global is refused */
    lua_pushlightuserdata(L, late);
    lua_getfield(L, LUA_GLOBALSINDEX, "pairs");
    lua_pushcclosure(L, l_pairs, 2);
    lua_rawset(L, LUA_GLOBALSINDEX);
}

void policy_late_give(struct policy_late *late, lua_State *from, int index, lua_State *to)
{
    late->from = from;
    late->index = index;
    late->is_whole = false;
    late->is_read = false;
    late->room = COPY_BYTES_MAX;
    lua_createtable(to, 0, late->count);
    late->count = 0;
    push_meta(to);
    lua_setmetatable(to, 1);
}

/* Whether the value on top can hold the input: it is a table with tables in it, or the input. */
static bool may_hold(lua_State *L)
{
    bool holds = false;

    if (lua_type(L, -1) != LUA_TTABLE)
        return false;
    if (lua_rawequal(L, 1, -1))
        return true;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        holds = holds || lua_type(L, -1) == LUA_TTABLE || lua_type(L, -2) == LUA_TTABLE;
    return holds;
}

bool policy_late_take(struct policy_late *late, lua_State *to, lua_State *back)
{
    size_t room = COPY_BYTES_MAX;

    if (!late->is_whole && may_hold(to) && !complete(late, to, 1)) {
        lua_pushnil(back);
        return false;
    }
    return copy_value(to, lua_gettop(to), back, 0, &room);
}

void policy_late_end(struct policy_late *late, lua_State *to)
{
    late->is_whole = true;
    late->from = NULL;
    if (lua_type(to, 1) == LUA_TTABLE) {
        lua_pushnil(to);
        lua_setmetatable(to, 1);
    }
}
