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
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define ARRAY_MAX     (16u << 20)
#define KEPT_MAX      (1u << 20)
#define SPREAD_MAX    64 /* entries of db.columns that lie on the stack at a time */
#define ELEMENT_STACK 8

/* By hand: printf's way costs ten times that. How long the text is. */
static size_t whole_text(long long value, char out[DB_NUMBER_SIZE])
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

static size_t number_text(double value, char out[DB_NUMBER_SIZE])
{
    if (fabs(value) < 1e18 && value == (double)(long long)value)
        return whole_text((long long)value, out);
    return (size_t)snprintf(out, DB_NUMBER_SIZE, "%.17g", value);
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

/* The text of the value at index; at is NULL for null. */
static struct str value_text(lua_State *L,
                             const struct db_statement *statement,
                             int n,
                             int index,
                             char number[DB_NUMBER_SIZE])
{
    struct str text = {NULL, 0};

    switch (lua_type(L, index)) {
    case LUA_TNIL: return text;
    case LUA_TBOOLEAN: return lua_toboolean(L, index) ? STR("true") : STR("false");
    case LUA_TNUMBER: return (struct str){number, number_text(lua_tonumber(L, index), number)};
    case LUA_TSTRING: text.at = lua_tolstring(L, index, &text.len); break;
    case LUA_TTABLE: text = json_raw_text(L, index); break;
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(L, index)) /* json.null */
            return text;
        break;
    default: break;
    }
    if (!text.at)
        luaL_error(L, "%s: $%d cannot be a %s", db_statement_name(statement), n,
                   luaL_typename(L, index));
    if (memchr(text.at, '\0', text.len))
        luaL_error(L, "%s: $%d holds a NUL byte", db_statement_name(statement), n);
    return text;
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
    for (int i = 0; i < given; i++) {
        struct str text = value_text(L, statement, i + 1, first + i, space->numbers[i]);

        space->at[i] = text.at;
        space->lengths[i] = text.len;
    }
    return (struct db_args){space->at, given, space->lengths};
}

/* Which of so many bytes an array literal escapes, and which are NUL, a bit each. */
#define PART 16
struct found {
    unsigned escaped, nul;
};

static struct found look_at(const char *at)
{
#ifdef __SSE2__
    __m128i bytes = _mm_loadu_si128((const __m128i *)at);
    __m128i escaped = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                   _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));

    return (struct found){(unsigned)_mm_movemask_epi8(escaped),
                          (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128()))};
#else
    struct found found = {0, 0};

    for (unsigned i = 0; i < PART; i++) {
        found.escaped |= (unsigned)(at[i] == '"' || at[i] == '\\') << i;
        found.nul |= (unsigned)!at[i] << i;
    }
    return found;
#endif
}

/* Writes the first count bytes of a part, and up to PART more; reads two parts. */
static char *put_part(char *to, const char *from, unsigned count, bool *has_nul)
{
    unsigned wanted = (1u << count) - 1, done = 0;
    struct found found = look_at(from);

    *has_nul |= (found.nul & wanted) != 0;
    memcpy(to, from, PART);
    for (found.escaped &= wanted; found.escaped; found.escaped &= found.escaped - 1) {
        unsigned at = (unsigned)__builtin_ctz(found.escaped);

        to += at - done;
        *to++ = '\\';
        memcpy(to, from + at, PART);
        done = at;
    }
    return to + count - done;
}

/* Copies a text, and up to PART bytes more; false: it cannot be taken as it is. */
static bool put_plain(char *to, struct str text)
{
    char only[PART];
    unsigned marks = 0;
    struct found found;
    size_t i = 0;

    for (; i + PART <= text.len; i += PART) {
        found = look_at(text.at + i);
        marks |= found.escaped | found.nul;
        memcpy(to + i, text.at + i, PART);
    }
    if (text.len >= PART) {
        text.at += text.len - PART;
        to += text.len - PART;
    } else {
        memset(only, ' ', PART);
        memcpy(only, text.at, text.len);
        text.at = only;
    }
    found = look_at(text.at);
    memcpy(to, text.at, PART);
    return !(marks | found.escaped | found.nul);
}

static char *put_escaped(char *to, struct str text, bool *has_nul)
{
    char last[3 * PART] = {0};

    for (; text.len >= 2 * PART; text.at += PART, text.len -= PART)
        to = put_part(to, text.at, PART, has_nul);
    memcpy(last, text.at, text.len);
    if (text.len <= PART)
        return put_part(to, last, (unsigned)text.len, has_nul);
    to = put_part(to, last, PART, has_nul);
    return put_part(to, last + PART, (unsigned)text.len - PART, has_nul);
}

/* A piece of an array literal: with quotes, and what would end them escaped. */
static void add_quoted(struct buf *out, struct str text, bool *has_nul)
{
    char *to;

    if (!buf_reserve(out, 2 * text.len + 2 + PART))
        return;
    to = out->at + out->len;
    *to++ = '"';
    if (put_plain(to, text))
        to += text.len;
    else
        to = put_escaped(to, text, has_nul);
    *to++ = '"';
    out->len = (size_t)(to - out->at);
    *to = '\0';
}

static void add_number(struct buf *out, double value)
{
    if (buf_reserve(out, DB_NUMBER_SIZE))
        out->len += number_text(value, out->at + out->len);
}

/* The value on top. False: it cannot be an element. */
static bool add_element(lua_State *L, struct buf *out, bool *has_nul)
{
    struct str text;

    switch (lua_type(L, -1)) {
    case LUA_TNUMBER: add_number(out, lua_tonumber(L, -1)); return true;
    case LUA_TBOOLEAN: buf_add_char(out, lua_toboolean(L, -1) ? 't' : 'f'); return true;
    case LUA_TSTRING:
        text.at = lua_tolstring(L, -1, &text.len);
        add_quoted(out, text, has_nul);
        return true;
    default: /* json.null */
        buf_add_z(out, "NULL");
        return lua_type(L, -1) == LUA_TLIGHTUSERDATA && !lua_touserdata(L, -1);
    }
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
    bool has_nul = false; /* is found where the text is an argument */
    int count;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    count = (int)lua_objlen(L, 1);
    buf_add_char(out, '{');
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            buf_add_char(out, ',');
        lua_rawgeti(L, 1, i);
        if (!add_element(L, out, &has_nul))
            return luaL_error(L, "db.array: element %d cannot be a %s", i, luaL_typename(L, -1));
        lua_pop(L, 1);
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
    luaL_checkstack(L, 2 * SPREAD_MAX + ELEMENT_STACK, "too many columns");
    entries.first = lua_gettop(L) + 1;
    for (int i = 1; i <= entries.count; i++) {
        lua_rawgeti(L, list, i);
        if (!lua_istable(L, -1))
            luaL_error(L, "db.columns: entry %d is no table", i);
    }
    return entries;
}

/* Adds the field whose name is at index `name`, of all entries. Leaves on the stack what it likes.
 */
static void
add_column(lua_State *L, struct buf *out, struct entries entries, int name, bool *has_nul)
{
    buf_add_char(out, '{');
    for (int i = 1; i <= entries.count; i++) {
        int entry = entries.first + i - 1;

        if (i > 1)
            buf_add_char(out, ',');
        if (!entries.first) {
            lua_settop(L, name);
            lua_rawgeti(L, entries.list, i);
            entry = name + 1;
            if (!lua_istable(L, entry))
                luaL_error(L, "db.columns: entry %d is no table", i);
        }
        lua_pushvalue(L, name);
        lua_rawget(L, entry);
        if (!add_element(L, out, has_nul))
            luaL_error(L, "db.columns: %s of entry %d cannot be a %s", lua_tostring(L, name), i,
                       luaL_typename(L, -1));
    }
    end_array(L, out);
    buf_add_char(out, '\0');
}

/* Array literals, one after the other, each with its NUL. */
struct literals {
    struct buf *out;
    int count;
    size_t starts[DB_ARGS_MAX], lengths[DB_ARGS_MAX];
    bool has_nul[DB_ARGS_MAX];
};

/* Those of pairs of names and entries from first on. */
static void add_columns(lua_State *L, struct literals *all, int first)
{
    int last = lua_gettop(L);

    all->out = scratch();
    all->count = 0;
    luaL_argcheck(L, (last - first) % 2 == 1, last, "a list of names, and a list of entries");
    for (int at = first; at < last; at += 2) {
        struct entries entries;
        int names, name;

        luaL_checktype(L, at, LUA_TTABLE);
        luaL_checktype(L, at + 1, LUA_TTABLE);
        names = (int)lua_objlen(L, at);
        luaL_argcheck(L, all->count + names <= DB_ARGS_MAX, at, "too many columns");
        entries = spread(L, at + 1);
        name = lua_gettop(L) + 1;
        for (int n = 1; n <= names; n++) {
            int i = all->count++;

            lua_rawgeti(L, at, n);
            luaL_argcheck(L, lua_type(L, name) == LUA_TSTRING, at, "names are texts");
            all->starts[i] = all->out->len;
            all->has_nul[i] = false;
            add_column(L, all->out, entries, name, &all->has_nul[i]);
            all->lengths[i] = all->out->len - all->starts[i] - 1;
            lua_settop(L, name - 1);
        }
        lua_settop(L, last);
    }
}

int db_l_columns(lua_State *L)
{
    struct literals all;

    add_columns(L, &all, 1);
    luaL_checkstack(L, all.count, "too many columns");
    for (int i = 0; i < all.count; i++)
        lua_pushlstring(L, all.out->at + all.starts[i], all.lengths[i]);
    return all.count;
}

struct db_args db_check_columns(lua_State *L,
                                const struct db_statement *statement,
                                int first,
                                struct db_arg_space *space)
{
    int wanted = db_statement_params(statement);
    struct literals all;

    add_columns(L, &all, first);
    if (all.count != wanted)
        luaL_error(L, "%s takes %d values, not %d", db_statement_name(statement), wanted,
                   all.count);
    for (int i = 0; i < all.count; i++) {
        if (all.has_nul[i])
            luaL_error(L, "%s: $%d holds a NUL byte", db_statement_name(statement), i + 1);
        space->at[i] = all.out->at + all.starts[i];
        space->lengths[i] = all.lengths[i];
    }
    return (struct db_args){space->at, all.count, space->lengths};
}
