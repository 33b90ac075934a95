/* Lua values to text. All checks come before anything is sent or held. */
#include "bridge/db_args.h"

#include "bridge/bind.h"
#include "bridge/json.h"
#include "bridge/state.h"
#include "db/catalog.h"
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void number_text(double value, char out[32])
{
    if (fabs(value) < 1e18 && value == (double)(long long)value)
        (void)snprintf(out, 32, "%lld", (long long)value); /* a third of what "%.0f" costs */
    else
        (void)snprintf(out, 32, "%.17g", value);
}

const struct db_statement *db_check_statement(lua_State *L, int index)
{
    const char *name = luaL_checkstring(L, index);
    const struct bridge_deps *deps = bridge_deps(L);
    const struct db_statement *statement =
        deps->catalog ? db_catalog_find(deps->catalog, name) : NULL;

    if (!deps->db)
        luaL_error(L, "core.db: this process has no database");
    if (!statement)
        luaL_error(L, "core.db: no query '%s': sql/queries has no such file", name);
    return statement;
}

/* The text of the value at index, or NULL for null. */
static const char *
value_text(lua_State *L, const struct db_statement *statement, int n, int index, char number[32])
{
    struct str text = {NULL, 0};

    switch (lua_type(L, index)) {
    case LUA_TNIL: return NULL;
    case LUA_TBOOLEAN: return lua_toboolean(L, index) ? "true" : "false";
    case LUA_TNUMBER: number_text(lua_tonumber(L, index), number); return number;
    case LUA_TSTRING: text.at = lua_tolstring(L, index, &text.len); break;
    case LUA_TTABLE: text = json_raw_text(L, index); break;
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(L, index)) /* json.null */
            return NULL;
        break;
    default: break;
    }
    if (!text.at)
        luaL_error(L, "%s: $%d cannot be a %s", db_statement_name(statement), n,
                   luaL_typename(L, index));
    if (strlen(text.at) != text.len)
        luaL_error(L, "%s: $%d holds a NUL byte", db_statement_name(statement), n);
    return text.at;
}

struct db_args db_check_args(lua_State *L,
                             const struct db_statement *statement,
                             int first,
                             int last,
                             struct db_arg_space *space)
{
    int wanted = db_statement_params(statement), given = last - first + 1;

    if (given != wanted || given > DB_ARGS_MAX)
        luaL_error(L, "%s takes %d values, not %d", db_statement_name(statement), wanted, given);
    for (int i = 0; i < given; i++)
        space->at[i] = value_text(L, statement, i + 1, first + i, space->numbers[i]);
    return (struct db_args){space->at, given};
}

static void add_quoted(luaL_Buffer *out, struct str text)
{
    luaL_addchar(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\')
            luaL_addchar(out, '\\');
        luaL_addchar(out, text.at[i]);
    }
    luaL_addchar(out, '"');
}

/* The element at index 1[i], which is on top, goes to out (and off the stack, where luaL_Buffer
 * keeps its pieces). */
static void add_element(lua_State *L, luaL_Buffer *out, int i)
{
    char number[32];
    struct str text = {NULL, 0};

    lua_rawgeti(L, 1, i);
    switch (lua_type(L, -1)) {
    case LUA_TNUMBER:
        number_text(lua_tonumber(L, -1), number);
        lua_pop(L, 1);
        luaL_addstring(out, number);
        return;
    case LUA_TBOOLEAN:
        text = lua_toboolean(L, -1) ? STR("t") : STR("f");
        lua_pop(L, 1);
        luaL_addlstring(out, text.at, text.len);
        return;
    case LUA_TLIGHTUSERDATA:
        lua_pop(L, 1);
        luaL_addstring(out, "NULL");
        return;
    default: /* a string, as was checked; the table keeps it alive */
        text.at = lua_tolstring(L, -1, &text.len);
        lua_pop(L, 1);
        add_quoted(out, text);
    }
}

int db_l_array(lua_State *L)
{
    luaL_Buffer out;
    int count;

    luaL_checktype(L, 1, LUA_TTABLE);
    count = (int)lua_objlen(L, 1);
    for (int i = 1; i <= count; i++) {
        int type;

        lua_rawgeti(L, 1, i);
        type = lua_type(L, -1);
        if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN &&
            !(type == LUA_TLIGHTUSERDATA && !lua_touserdata(L, -1)))
            return luaL_error(L, "db.array: element %d cannot be a %s", i, luaL_typename(L, -1));
        lua_pop(L, 1);
    }
    luaL_buffinit(L, &out);
    luaL_addchar(&out, '{');
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&out, ',');
        add_element(L, &out, i);
    }
    luaL_addchar(&out, '}');
    luaL_pushresult(&out);
    return 1;
}
