/* Lua values to text. All checks come before anything is sent or held. */
#include "bridge/db_args.h"

#include "base/buf.h"
#include "bridge/bind.h"
#include "bridge/json.h"
#include "bridge/state.h"
#include "db/catalog.h"
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define ARRAY_MAX     (16u << 20)
#define KEPT_MAX      (1u << 20)
#define SPREAD_MAX    64 /* entries of db.columns that lie on the stack at a time */
#define ELEMENT_STACK 8

/* By hand: printf's way costs ten times that. How long the text is. */
static size_t whole_text(long long value, char out[32])
{
    unsigned long long left = value < 0 ? -(unsigned long long)value : (unsigned long long)value;
    char digits[20], *at = out;
    int count = 0;

    if (value < 0)
        *at++ = '-';
    do
        digits[count++] = (char)('0' + left % 10);
    while (left /= 10);
    while (count)
        *at++ = digits[--count];
    *at = '\0';
    return (size_t)(at - out);
}

static size_t number_text(double value, char out[32])
{
    if (fabs(value) < 1e18 && value == (double)(long long)value)
        return whole_text((long long)value, out);
    return (size_t)snprintf(out, 32, "%.17g", value);
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
    case LUA_TNUMBER: (void)number_text(lua_tonumber(L, index), number); return number;
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

/* A piece of an array literal: with quotes, and what would end them escaped. */
static void add_quoted(struct buf *out, struct str text)
{
    char *at;

    if (!buf_reserve(out, 2 * text.len + 2))
        return;
    at = out->at + out->len;
    *at++ = '"';
    if (!memchr(text.at, '"', text.len) && !memchr(text.at, '\\', text.len)) {
        memcpy(at, text.at, text.len);
        at += text.len;
    } else {
        for (size_t i = 0; i < text.len; i++) { /* without a branch: every eighth byte is one */
            *at = '\\';
            at += (text.at[i] == '"') | (text.at[i] == '\\');
            *at++ = text.at[i];
        }
    }
    *at++ = '"';
    out->len = (size_t)(at - out->at);
    *at = '\0';
}

/* The value on top, which it takes off the stack. False: it cannot be an element. */
static bool add_element(lua_State *L, struct buf *out)
{
    char number[32];
    struct str text;
    bool is_ok = true;

    switch (lua_type(L, -1)) {
    case LUA_TNUMBER: buf_add(out, number, number_text(lua_tonumber(L, -1), number)); break;
    case LUA_TBOOLEAN: buf_add_char(out, lua_toboolean(L, -1) ? 't' : 'f'); break;
    case LUA_TSTRING:
        text.at = lua_tolstring(L, -1, &text.len);
        add_quoted(out, text);
        break;
    default: /* json.null */
        is_ok = lua_type(L, -1) == LUA_TLIGHTUSERDATA && !lua_touserdata(L, -1);
        buf_add_z(out, "NULL");
    }
    lua_pop(L, 1);
    return is_ok;
}

/* One for the process: nobody waits while it is in use, and what raises leaves it as it is. */
static struct buf *scratch(void)
{
    static struct buf text = {.size_max = ARRAY_MAX};

    buf_reuse(&text, KEPT_MAX);
    return &text;
}

/* Ends a literal of which nothing was added when out was full. */
static void end_array(lua_State *L, struct buf *out)
{
    buf_add_char(out, '}');
    if (out->is_full)
        luaL_error(L, "db.array: larger than %d bytes", (int)ARRAY_MAX);
}

int db_l_array(lua_State *L)
{
    struct buf *out = scratch();
    int count;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    count = (int)lua_objlen(L, 1);
    buf_add_char(out, '{');
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            buf_add_char(out, ',');
        lua_rawgeti(L, 1, i);
        if (!add_element(L, out)) {
            lua_rawgeti(L, 1, i);
            return luaL_error(L, "db.array: element %d cannot be a %s", i, luaL_typename(L, -1));
        }
    }
    end_array(L, out);
    lua_pushlstring(L, out->at, out->len);
    return 1;
}

/* Entries that lie on the stack from `first` on: when they are few, for reading one from its list
 * is a third of what an element costs. first 0: they are many. */
struct entries {
    int list, count, first;
};

static struct entries spread(lua_State *L, int list)
{
    struct entries entries = {.list = list, .count = (int)lua_objlen(L, list)};

    if (entries.count > SPREAD_MAX)
        return entries;
    luaL_checkstack(L, SPREAD_MAX + ELEMENT_STACK, "too many columns");
    entries.first = lua_gettop(L) + 1;
    for (int i = 1; i <= entries.count; i++) {
        lua_rawgeti(L, list, i);
        if (!lua_istable(L, -1))
            luaL_error(L, "db.columns: entry %d is no table", i);
    }
    return entries;
}

/* Adds the field whose name is at index `name`, of all entries. */
static void add_column(lua_State *L, struct buf *out, struct entries entries, int name)
{
    buf_add_char(out, '{');
    for (int i = 1; i <= entries.count; i++) {
        int entry = entries.first + i - 1;

        if (i > 1)
            buf_add_char(out, ',');
        if (!entries.first) {
            lua_rawgeti(L, entries.list, i);
            entry = lua_gettop(L);
            if (!lua_istable(L, entry))
                luaL_error(L, "db.columns: entry %d is no table", i);
        }
        lua_pushvalue(L, name);
        lua_rawget(L, entry);
        if (!add_element(L, out)) {
            lua_getfield(L, entry, lua_tostring(L, name));
            luaL_error(L, "db.columns: %s of entry %d cannot be a %s", lua_tostring(L, name), i,
                       luaL_typename(L, -1));
        }
        if (!entries.first)
            lua_pop(L, 1);
    }
    end_array(L, out);
    buf_add_char(out, '\0');
}

/* The literals of pairs of names and entries from first on, one after the other, each with its NUL;
 * starts: where each begins. How many they are. */
static int add_columns(lua_State *L, struct buf *out, int first, size_t starts[DB_ARGS_MAX])
{
    int last = lua_gettop(L), all = 0;

    luaL_argcheck(L, (last - first) % 2 == 1, last, "a list of names, and a list of entries");
    for (int at = first; at < last; at += 2) {
        struct entries entries;
        int names;

        luaL_checktype(L, at, LUA_TTABLE);
        luaL_checktype(L, at + 1, LUA_TTABLE);
        names = (int)lua_objlen(L, at);
        luaL_argcheck(L, all + names <= DB_ARGS_MAX, at, "too many columns");
        entries = spread(L, at + 1);
        for (int n = 1; n <= names; n++) {
            lua_rawgeti(L, at, n);
            luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, at, "names are texts");
            starts[all++] = out->len;
            add_column(L, out, entries, lua_gettop(L));
            lua_pop(L, 1);
        }
        lua_settop(L, last);
    }
    return all;
}

static size_t length_at(const struct buf *out, const size_t *starts, int i, int count)
{
    return (i + 1 < count ? starts[i + 1] : out->len) - starts[i] - 1;
}

int db_l_columns(lua_State *L)
{
    struct buf *out = scratch();
    size_t starts[DB_ARGS_MAX];
    int count = add_columns(L, out, 1, starts);

    luaL_checkstack(L, count, "too many columns");
    for (int i = 0; i < count; i++)
        lua_pushlstring(L, out->at + starts[i], length_at(out, starts, i, count));
    return count;
}

struct db_args db_check_columns(lua_State *L,
                                const struct db_statement *statement,
                                int first,
                                struct db_arg_space *space)
{
    struct buf *out = scratch();
    size_t starts[DB_ARGS_MAX];
    int given = add_columns(L, out, first, starts), wanted = db_statement_params(statement);

    if (given != wanted)
        luaL_error(L, "%s takes %d values, not %d", db_statement_name(statement), wanted, given);
    for (int i = 0; i < given; i++) {
        space->at[i] = out->at + starts[i];
        if (strlen(space->at[i]) != length_at(out, starts, i, given))
            luaL_error(L, "%s: $%d holds a NUL byte", db_statement_name(statement), i + 1);
    }
    return (struct db_args){space->at, given};
}
