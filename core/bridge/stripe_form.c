/* The difficulty: the text grows while Lua is asked, and Lua may raise. So the buffer lives in a
 * userdata that Lua frees, and every key in the making is a Lua string on the stack. */
#include "bridge/stripe_form.h"

#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "stripe/api.h"

#define DEPTH_MAX      8
#define FORM_MAX_BYTES 1048576
#define MEMBERS_MAX    1000
#define BUF_META       "souk.stripe_form"

static int l_buf_gc(lua_State *L)
{
    buf_done(lua_touserdata(L, 1));
    return 0;
}

static struct buf *push_buf(lua_State *L)
{
    struct buf *buf = lua_newuserdata(L, sizeof *buf);

    buf_init(buf, FORM_MAX_BYTES);
    if (luaL_newmetatable(L, BUF_META)) {
        lua_pushcfunction(L, l_buf_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return buf;
}

static void add_value(lua_State *L, struct buf *out, const char *path, int depth);

static void add_scalar(lua_State *L, struct buf *out, const char *path)
{
    struct str text = {"", 0};
    double number;

    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN: text = lua_toboolean(L, -1) ? STR("true") : STR("false"); break;
    case LUA_TLIGHTUSERDATA: break; /* json.null */
    case LUA_TSTRING: text.at = lua_tolstring(L, -1, &text.len); break;
    case LUA_TNUMBER:
        number = lua_tonumber(L, -1);
        if (number != floor(number) || fabs(number) > 9007199254740991.0)
            luaL_error(L, "stripe.form: %s is not a whole number", path);
        break;
    default: luaL_error(L, "stripe.form: %s is a %s", path, luaL_typename(L, -1));
    }
    if (out->len)
        buf_add_char(out, '&');
    stripe_form_escape(out, str_from(path));
    buf_add_char(out, '=');
    if (lua_type(L, -1) == LUA_TNUMBER)
        buf_add_int(out, (int64_t)lua_tonumber(L, -1));
    else
        stripe_form_escape(out, text);
    if (out->is_full)
        luaL_error(L, "stripe.form: larger than %d bytes", FORM_MAX_BYTES);
}

/* Adds the value on top of the stack under path[name], or name when path is empty; pops it. */
static void add_member(lua_State *L, struct buf *out, const char *path, const char *name, int depth)
{
    const char *whole =
        *path ? lua_pushfstring(L, "%s[%s]", path, name) : lua_pushfstring(L, "%s", name);

    lua_insert(L, -2);
    add_value(L, out, whole, depth);
    lua_pop(L, 2);
}

/* {{"amount", 1}, {"currency", "usd"}}: true when the first element is such a pair. */
static bool is_pair_list(lua_State *L, int table)
{
    bool is_pair = false;

    lua_rawgeti(L, table, 1);
    if (lua_istable(L, -1)) {
        lua_rawgeti(L, -1, 1);
        is_pair = lua_type(L, -1) == LUA_TSTRING;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return is_pair;
}

static void add_pairs(lua_State *L, struct buf *out, const char *path, int depth)
{
    int table = lua_gettop(L), count = (int)lua_objlen(L, table);

    for (int i = 1; i <= count; i++) {
        const char *name;

        lua_rawgeti(L, table, i);
        if (!lua_istable(L, -1))
            luaL_error(L, "stripe.form: %s is not a list of {key, value} pairs", path);
        lua_rawgeti(L, -1, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "stripe.form: %s is not a list of {key, value} pairs", path);
        name = lua_tostring(L, -1);
        lua_rawgeti(L, -2, 2);
        add_member(L, out, path, name, depth);
        lua_pop(L, 2);
    }
}

static void add_list(lua_State *L, struct buf *out, const char *path, int depth)
{
    int table = lua_gettop(L), count = (int)lua_objlen(L, table);

    for (int i = 1; i <= count; i++) {
        const char *name = lua_pushfstring(L, "%d", i - 1);

        lua_rawgeti(L, table, i);
        add_member(L, out, path, name, depth);
        lua_pop(L, 1);
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Pushes an array of the names of the table on top; they live as long as the table. */
static const char **push_names(lua_State *L, const char *path, int *count)
{
    int table = lua_gettop(L);
    const char **names = lua_newuserdata(L, MEMBERS_MAX * sizeof *names);

    *count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (lua_type(L, -2) != LUA_TSTRING || *count == MEMBERS_MAX)
            luaL_error(L, "stripe.form: %s has a key that is no string, or too many", path);
        names[(*count)++] = lua_tostring(L, -2);
        lua_pop(L, 1);
    }
    qsort(names, (size_t)*count, sizeof *names, compare_names);
    return names;
}

static void add_object(lua_State *L, struct buf *out, const char *path, int depth)
{
    int table = lua_gettop(L), count;
    const char **names = push_names(L, path, &count);

    for (int i = 0; i < count; i++) {
        lua_getfield(L, table, names[i]);
        add_member(L, out, path, names[i], depth);
    }
    lua_pop(L, 1);
}

/* The value is on top of the stack and stays there. */
static void add_value(lua_State *L, struct buf *out, const char *path, int depth)
{
    if (!lua_istable(L, -1)) {
        add_scalar(L, out, path);
        return;
    }
    if (depth == DEPTH_MAX)
        luaL_error(L, "stripe.form: deeper than %d", DEPTH_MAX);
    luaL_checkstack(L, 12, "stripe.form");
    if (is_pair_list(L, lua_gettop(L)))
        add_pairs(L, out, path, depth + 1);
    else if (lua_objlen(L, -1) > 0)
        add_list(L, out, path, depth + 1);
    else
        add_object(L, out, path, depth + 1);
}

int l_stripe_form(lua_State *L)
{
    struct buf *out;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    out = push_buf(L);
    lua_pushvalue(L, 1);
    if (lua_objlen(L, 1) > 0 && !is_pair_list(L, 1))
        return luaL_error(L, "stripe.form: a list has no names");
    add_value(L, out, "", 0);
    lua_pushlstring(L, buf_str(out).at, out->len);
    return 1;
}
