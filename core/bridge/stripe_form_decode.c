/* Reading Stripe's bracket form. Percent-decoded pieces go to one scratch userdata; nothing else is
 * held. The tree of tables is on the Lua stack, the innermost on top. */
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "bridge/stripe_form.h"

#define DEPTH_MAX 8
#define PAIRS_MAX 1000

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes into out, which is as long as text. False: a % is not followed by two digits. */
static bool decode(struct str text, char *out, size_t *out_len)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.at[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.at[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[len++] = text.at[i] == '+' ? ' ' : c;
    }
    *out_len = len;
    return true;
}

/* The next name of a decoded key: "a" of a[b][], then "b", then "". */
static bool take_name(struct str *key, bool is_first, struct str *name)
{
    const char *end;

    if (is_first) {
        end = memchr(key->at, '[', key->len);
        name->at = key->at;
        name->len = end ? (size_t)(end - key->at) : key->len;
        *key = (struct str){name->at + name->len, key->len - name->len};
        return name->len > 0;
    }
    end = key->at[0] == '[' ? memchr(key->at, ']', key->len) : NULL;
    if (!end)
        return false;
    *name = (struct str){key->at + 1, (size_t)(end - key->at - 1)};
    *key = (struct str){end + 1, key->len - name->len - 2};
    return true;
}

/* 0 when name is not the next or an earlier place of the list on top; "" is the next. */
static int place_in_list(lua_State *L, struct str name)
{
    size_t count = lua_objlen(L, -1), place = 0;

    if (name.len == 0)
        return (int)count + 1;
    if (name.len > 4 || (name.len > 1 && name.at[0] == '0'))
        return 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] < '0' || name.at[i] > '9')
            return 0;
        place = place * 10 + (size_t)(name.at[i] - '0');
    }
    return place <= count ? (int)place + 1 : 0;
}

static void push_key(lua_State *L, struct str name, bool is_first)
{
    int place = is_first ? 0 : place_in_list(L, name);

    if (place)
        lua_pushinteger(L, place);
    else
        lua_pushlstring(L, name.at, name.len);
}

/* Replaces the table on top and the key above it by the table at that key. False: a value is there.
 */
static bool enter(lua_State *L)
{
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, -5);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
    return lua_istable(L, -1);
}

/* Sets root[key] = value; both decoded. NULL, or what is wrong. */
static const char *set_pair(lua_State *L, int root, struct str key, struct str value)
{
    struct str name;

    lua_pushvalue(L, root);
    for (int depth = 0;; depth++) {
        bool is_first = depth == 0;

        if (depth == DEPTH_MAX)
            return "a key is nested too deeply";
        if (!take_name(&key, is_first, &name))
            return "a key is malformed";
        push_key(L, name, is_first);
        if (key.len == 0)
            break;
        if (!enter(L))
            return "a key is given both as a value and with members";
    }
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    if (lua_istable(L, -1))
        return "a key is given both as a value and with members";
    lua_pop(L, 1);
    lua_pushlstring(L, value.at, value.len);
    lua_rawset(L, -3);
    return NULL;
}

static const char *set_encoded_pair(lua_State *L, int root, struct str pair, char *scratch)
{
    const char *equals = memchr(pair.at, '=', pair.len);
    size_t key_len = equals ? (size_t)(equals - pair.at) : pair.len;
    struct str key = {scratch, 0}, value = {scratch + key_len, 0};
    struct str encoded_value = {"", 0};

    if (equals)
        encoded_value = (struct str){equals + 1, pair.len - key_len - 1};
    if (!decode((struct str){pair.at, key_len}, scratch, &key.len) ||
        !decode(encoded_value, scratch + key_len, &value.len))
        return "a percent sign is not followed by two hex digits";
    return set_pair(L, root, key, value);
}

int l_stripe_form_decode(lua_State *L)
{
    struct str text;
    char *scratch;
    const char *problem = NULL;
    int pairs = 0;

    text.at = luaL_checklstring(L, 1, &text.len);
    lua_settop(L, 1);
    scratch = lua_newuserdata(L, text.len + 1);
    lua_newtable(L);
    while (text.len && !problem) {
        const char *end = memchr(text.at, '&', text.len);
        size_t len = end ? (size_t)(end - text.at) : text.len;

        if (++pairs > PAIRS_MAX)
            problem = "there are too many pairs";
        else if (len)
            problem = set_encoded_pair(L, 3, (struct str){text.at, len}, scratch);
        lua_settop(L, 3);
        len += end != NULL;
        text = (struct str){text.at + len, text.len - len};
    }
    if (!problem)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, problem);
    return 2;
}
