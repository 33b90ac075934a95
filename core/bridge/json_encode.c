/* Lua values as JSON. Its one difficulty: it must not raise, since its callers hold buffers. So it
 * only uses calls of the Lua API that cannot fail on valid stack indexes, and answers with the
 * reason instead. */
#include "bridge/json.h"

#include "bridge/json_types.h"
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ENCODE_DEPTH_MAX 64
#define ENCODE_KEYS_MAX  4096
#define FEW_KEYS_MAX     32 /* so many are sorted without memory of their own */

struct encoder {
    lua_State *L;
    struct buf *out;
    int depth;
    const char *refusal;
};

static void encode_value(struct encoder *encoder, int index);

static void encode_number(struct encoder *encoder, double value)
{
    char text[32];

    if (!isfinite(value)) {
        encoder->refusal = "NaN and infinity have no JSON";
        return;
    }
    if (value == floor(value) && fabs(value) <= 9007199254740992.0) {
        buf_add_int(encoder->out, (int64_t)value);
        return;
    }
    snprintf(text, sizeof(text), "%.15g", value);
    if (strtod(text, NULL) != value)
        snprintf(text, sizeof(text), "%.17g", value);
    buf_add_z(encoder->out, text);
}

static void encode_array(struct encoder *encoder, int index)
{
    size_t length = lua_objlen(encoder->L, index);

    buf_add_char(encoder->out, '[');
    for (size_t i = 1; i <= length && !encoder->refusal; i++) {
        if (i > 1)
            buf_add_char(encoder->out, ',');
        lua_rawgeti(encoder->L, index, (int)i);
        encode_value(encoder, lua_gettop(encoder->L));
        lua_pop(encoder->L, 1);
    }
    buf_add_char(encoder->out, ']');
}

static int by_text(const void *a, const void *b)
{
    const struct str *left = a;
    const struct str *right = b;
    size_t shorter = left->len < right->len ? left->len : right->len;
    int order = memcmp(left->at, right->at, shorter);

    return order ? order : (left->len > right->len) - (left->len < right->len);
}

/* Keys stay alive because the table holds them. -1: a key is no string. */
static int collect_keys(lua_State *L, int index, struct str *keys, int keys_max)
{
    int count = 0;

    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING || count == keys_max) {
            lua_pop(L, 1);
            return -1;
        }
        keys[count].at = lua_tolstring(L, -1, &keys[count].len);
        count++;
    }
    return count;
}

static void encode_members(struct encoder *encoder, int index, const struct str *keys, int count)
{
    lua_State *L = encoder->L;

    buf_add_char(encoder->out, '{');
    for (int i = 0; i < count && !encoder->refusal; i++) {
        if (i > 0)
            buf_add_char(encoder->out, ',');
        buf_add_json_string(encoder->out, keys[i]);
        buf_add_char(encoder->out, ':');
        lua_pushlstring(L, keys[i].at, keys[i].len);
        lua_rawget(L, index);
        encode_value(encoder, lua_gettop(L));
        lua_pop(L, 1);
    }
    buf_add_char(encoder->out, '}');
}

static void encode_large(struct encoder *encoder, int index)
{
    struct str *keys = calloc(ENCODE_KEYS_MAX, sizeof(*keys));
    int count;

    if (!keys)
        abort();
    count = collect_keys(encoder->L, index, keys, ENCODE_KEYS_MAX);
    if (count < 0) {
        encoder->refusal = "an object's keys must be strings, and at most 4096";
    } else {
        qsort(keys, (size_t)count, sizeof(*keys), by_text);
        encode_members(encoder, index, keys, count);
    }
    free(keys);
}

struct member {
    struct str key;
    int value; /* stack index */
};

/* In order of their keys; the values stay on the stack, two apart. -1: a key is no string, or there
 * are more than a few. */
static int collect_few(lua_State *L, int index, struct member members[FEW_KEYS_MAX])
{
    int count = 0;

    lua_pushnil(L);
    for (int top = lua_gettop(L); lua_next(L, index); top += 2) {
        struct member one = {.value = top + 1};
        int at = count;

        if (lua_type(L, top) != LUA_TSTRING || count == FEW_KEYS_MAX)
            return -1;
        one.key.at = lua_tolstring(L, top, &one.key.len);
        for (; at > 0 && by_text(&members[at - 1].key, &one.key) > 0; at--)
            members[at] = members[at - 1];
        members[at] = one;
        count++;
        lua_pushvalue(L, top); /* for lua_next */
    }
    return count;
}

static bool is_list(lua_State *L, int index)
{
    bool has_first;

    lua_rawgeti(L, index, 1);
    has_first = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return has_first;
}

static void encode_members_of(struct encoder *encoder, int index, enum json_mark mark)
{
    struct member members[FEW_KEYS_MAX];
    lua_State *L = encoder->L;
    int top = lua_gettop(L), count = collect_few(L, index, members);

    if (count < 0) {
        lua_settop(L, top);
        if (mark == JSON_MARK_NONE && is_list(L, index))
            encode_array(encoder, index);
        else
            encode_large(encoder, index);
        return;
    }
    buf_add_char(encoder->out, '{');
    for (int i = 0; i < count && !encoder->refusal; i++) {
        if (i > 0)
            buf_add_char(encoder->out, ',');
        buf_add_json_string(encoder->out, members[i].key);
        buf_add_char(encoder->out, ':');
        encode_value(encoder, members[i].value);
    }
    buf_add_char(encoder->out, '}');
    lua_settop(L, top);
}

static void encode_table(struct encoder *encoder, int index)
{
    enum json_mark mark = json_mark_of(encoder->L, index);

    if (mark == JSON_MARK_RAW) {
        buf_add_str(encoder->out, json_raw_text(encoder->L, index));
        return;
    }
    if (++encoder->depth > ENCODE_DEPTH_MAX || !lua_checkstack(encoder->L, 2 * FEW_KEYS_MAX + 8)) {
        encoder->refusal = "nested deeper than 64, or a cycle";
        return;
    }
    if (mark == JSON_MARK_ARRAY)
        encode_array(encoder, index);
    else
        encode_members_of(encoder, index, mark);
    encoder->depth--;
}

static void encode_value(struct encoder *encoder, int index)
{
    lua_State *L = encoder->L;
    struct str text;

    switch (lua_type(L, index)) {
    case LUA_TNIL: buf_add_z(encoder->out, "null"); break;
    case LUA_TBOOLEAN: buf_add_z(encoder->out, lua_toboolean(L, index) ? "true" : "false"); break;
    case LUA_TNUMBER: encode_number(encoder, lua_tonumber(L, index)); break;
    case LUA_TSTRING:
        text.at = lua_tolstring(L, index, &text.len);
        buf_add_json_string(encoder->out, text);
        break;
    case LUA_TTABLE: encode_table(encoder, index); break;
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, index) == NULL) {
            buf_add_z(encoder->out, "null");
            break;
        } /* fall through */
    case LUA_TUSERDATA:
        text = json_raw_text(L, index);
        if (text.at) {
            buf_add_str(encoder->out, text);
            break;
        } /* fall through */
    default: encoder->refusal = "functions, coroutines and userdata have no JSON";
    }
}

const char *json_encode(lua_State *L, int index, struct buf *out)
{
    struct encoder encoder = {.L = L, .out = out};

    if (index < 0)
        index = lua_gettop(L) + index + 1;
    lua_checkstack(L, 16);
    encode_value(&encoder, index);
    if (!encoder.refusal && out->is_full)
        return "the answer is larger than 16 MiB";
    return encoder.refusal;
}
