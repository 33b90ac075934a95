/* core.json: encode, decode, decode_marked, array, object, raw, add, null, is_utf8, is_text. The
 * text of an encoding is gathered in one buffer a state (a userdata in the registry), so that
 * nothing malloc'ed is held across a call that can raise. */
#include "bridge/json.h"

#include "base/utf8.h"

#include "bridge/json_types.h"
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

/* What a given-back text may go on holding. */
#define SPARE_ROOM_MAX (256u << 10)

static char marks[JSON_MARK_RAW + 1], scratch_mark, spare_mark;

enum json_mark json_mark_of(lua_State *L, int index)
{
    const char *mark;

    if (!lua_getmetatable(L, index))
        return JSON_MARK_NONE;
    lua_rawgeti(L, -1, 1);
    mark = lua_touserdata(L, -1);
    lua_pop(L, 2);
    return mark > marks && mark <= &marks[JSON_MARK_RAW] ? (enum json_mark)(mark - marks)
                                                         : JSON_MARK_NONE;
}

static void set_mark(lua_State *L, enum json_mark mark)
{
    lua_pushlightuserdata(L, &marks[mark]);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_setmetatable(L, -2);
}

void json_push_raw(lua_State *L, struct str text)
{
    lua_createtable(L, 1, 0);
    lua_pushlstring(L, text.at, text.len);
    lua_rawseti(L, -2, 1);
    set_mark(L, JSON_MARK_RAW);
}

struct text {
    struct buf buf;
    bool is_lent;
    bool is_spare; /* the registry's: the next one, if it is not lent */
};

/* The state's own, on the stack's top; or nil. */
static struct text *push_spare(lua_State *L)
{
    lua_pushlightuserdata(L, &spare_mark);
    lua_rawget(L, LUA_REGISTRYINDEX);
    return lua_touserdata(L, -1);
}

static struct text *push_fresh(lua_State *L)
{
    struct text *text = lua_newuserdata(L, sizeof(*text));

    *text = (struct text){0};
    buf_init(&text->buf, JSON_TEXT_MAX);
    set_mark(L, JSON_MARK_RAW);
    return text;
}

struct buf *json_push_text(lua_State *L)
{
    struct text *text = push_spare(L);

    if (!text || text->is_lent) {
        lua_pop(L, 1);
        text = push_fresh(L);
    }
    text->is_lent = true;
    buf_clear(&text->buf);
    return &text->buf;
}

static void make_spare(lua_State *L, int index)
{
    struct text *text = lua_touserdata(L, index);
    struct text *before = push_spare(L);

    if (before)
        before->is_spare = false;
    lua_pop(L, 1);
    text->is_spare = true;
    lua_pushlightuserdata(L, &spare_mark);
    lua_pushvalue(L, index);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

void json_give_back(lua_State *L, int index)
{
    struct text *text = lua_touserdata(L, index);

    if (!text || json_mark_of(L, index) != JSON_MARK_RAW)
        return;
    if (text->buf.room > SPARE_ROOM_MAX) {
        buf_done(&text->buf);
        buf_init(&text->buf, JSON_TEXT_MAX);
    }
    text->is_lent = false;
    if (!text->is_spare)
        make_spare(L, index);
}

struct str json_raw_text(lua_State *L, int index)
{
    struct str text = {NULL, 0};

    if (json_mark_of(L, index) != JSON_MARK_RAW)
        return text;
    if (lua_touserdata(L, index))
        return buf_str(&((struct text *)lua_touserdata(L, index))->buf);
    lua_rawgeti(L, index, 1);
    if (lua_type(L, -1) == LUA_TSTRING)
        text.at = lua_tolstring(L, -1, &text.len);
    lua_pop(L, 1);
    return text;
}

static struct buf *scratch(lua_State *L)
{
    struct buf *buf;

    lua_pushlightuserdata(L, &scratch_mark);
    lua_rawget(L, LUA_REGISTRYINDEX);
    buf = lua_touserdata(L, -1);
    lua_pop(L, 1);
    buf_clear(buf);
    return buf;
}

static int l_scratch_gc(lua_State *L)
{
    buf_done(lua_touserdata(L, 1));
    return 0;
}

const char *json_text_of(lua_State *L, int index, struct str *text)
{
    struct buf *out;
    const char *refusal;

    *text = json_raw_text(L, index);
    if (text->at)
        return NULL;
    out = scratch(L);
    refusal = json_encode(L, index, out);
    *text = buf_str(out);
    return refusal;
}

static int l_encode(lua_State *L)
{
    struct buf *out = scratch(L);
    const char *refusal;

    luaL_checkany(L, 1);
    lua_settop(L, 1);
    refusal = json_encode(L, 1, out);
    if (refusal)
        return luaL_error(L, "json.encode: %s", refusal);
    lua_pushlstring(L, out->at ? out->at : "", out->len);
    return 1;
}

static int decode(lua_State *L, bool is_marked)
{
    struct str text;
    const char *refusal;

    text.at = luaL_checklstring(L, 1, &text.len);
    refusal = json_decode(L, text, scratch(L), is_marked);
    if (!refusal)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, refusal);
    return 2;
}

static int l_decode(lua_State *L)
{
    return decode(L, false);
}

static int l_decode_marked(lua_State *L)
{
    return decode(L, true);
}

static int mark_table(lua_State *L, enum json_mark mark)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    set_mark(L, mark);
    return 1;
}

static int l_array(lua_State *L)
{
    return mark_table(L, JSON_MARK_ARRAY);
}

static int l_object(lua_State *L)
{
    return mark_table(L, JSON_MARK_OBJECT);
}

static int l_is_array(lua_State *L)
{
    bool is_array = lua_istable(L, 1) && json_mark_of(L, 1) == JSON_MARK_ARRAY;

    if (lua_istable(L, 1) && !is_array) {
        lua_rawgeti(L, 1, 1);
        is_array = !lua_isnil(L, -1);
    }
    lua_pushboolean(L, is_array);
    return 1;
}

static int l_raw(lua_State *L)
{
    struct str text;

    text.at = luaL_checklstring(L, 1, &text.len);
    json_push_raw(L, text);
    return 1;
}

/* add(raw, text…) -> raw, whose text is C's, with these at its end. */
static int l_add(lua_State *L)
{
    struct buf *text = lua_touserdata(L, 1);
    int count = lua_gettop(L);

    luaL_argcheck(L, text && json_mark_of(L, 1) == JSON_MARK_RAW, 1, "a text of C's is expected");
    for (int i = 2; i <= count; i++) {
        struct str part;

        part.at = luaL_checklstring(L, i, &part.len);
        buf_add_str(text, part);
    }
    if (text->is_full)
        return luaL_error(L, "json.add: the text is too large");
    lua_settop(L, 1);
    return 1;
}

static int l_is_utf8(lua_State *L)
{
    struct str text;

    text.at = luaL_checklstring(L, 1, &text.len);
    lua_pushboolean(L, utf8_is_valid(text));
    return 1;
}

/* Something to see, and nothing but that and blanks. */
static bool is_line(struct str text)
{
    bool is_blank = true;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];

        if (byte < ' ' || byte == 127)
            return false;
        is_blank = is_blank && byte == ' ';
    }
    return !is_blank;
}

/* is_text(value, is_line_wanted): UTF-8 without NUL; a line, when that is wanted. */
static int l_is_text(lua_State *L)
{
    struct str text = {NULL, 0};

    if (lua_type(L, 1) == LUA_TSTRING)
        text.at = lua_tolstring(L, 1, &text.len);
    lua_pushboolean(L, text.at && !memchr(text.at, 0, text.len) && utf8_is_valid(text) &&
                           (!lua_toboolean(L, 2) || is_line(text)));
    return 1;
}

static int l_raw_tostring(lua_State *L)
{
    struct str text = json_raw_text(L, 1);

    if (text.at)
        lua_pushlstring(L, text.at, text.len);
    else
        lua_pushnil(L);
    return 1;
}

/* Of texts alone: a table has nothing to free. */
static int l_raw_gc(lua_State *L)
{
    if (lua_isuserdata(L, 1) && json_mark_of(L, 1) == JSON_MARK_RAW)
        buf_done(&((struct text *)lua_touserdata(L, 1))->buf);
    return 0;
}

static void make_mark(lua_State *L, enum json_mark mark, const char *name)
{
    lua_pushlightuserdata(L, &marks[mark]);
    lua_createtable(L, 1, 2);
    lua_pushlightuserdata(L, &marks[mark]);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    if (mark == JSON_MARK_RAW) {
        lua_pushcfunction(L, l_raw_tostring);
        lua_setfield(L, -2, "__tostring");
        lua_pushcfunction(L, l_raw_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_rawset(L, LUA_REGISTRYINDEX);
}

static void make_scratch(lua_State *L)
{
    lua_pushlightuserdata(L, &scratch_mark);
    buf_init(lua_newuserdata(L, sizeof(struct buf)), JSON_TEXT_MAX);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_scratch_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

int luaopen_core_json(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"encode", l_encode}, {"decode", l_decode},   {"decode_marked", l_decode_marked},
        {"array", l_array},   {"object", l_object},   {"is_array", l_is_array},
        {"raw", l_raw},       {"is_utf8", l_is_utf8}, {"is_text", l_is_text},
        {"add", l_add},       {NULL, NULL},
    };

    make_mark(L, JSON_MARK_ARRAY, "json.array");
    make_mark(L, JSON_MARK_OBJECT, "json.object");
    make_mark(L, JSON_MARK_RAW, "json.raw");
    make_scratch(L);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
