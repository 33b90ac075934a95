/* The strict reading of JSON, in one pass: where a state is given the value grows on its stack as
 * the text is read. The one difficulty is the size of a table, which costs more than its members if
 * it is found by doubling: so the members of an object wait on the stack until it ends, and the
 * table is made as large as it gets. */
#include "bridge/json.h"

#include "base/utf8.h"

#include <lua.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* 2^53 - 1: the largest whole number that a double, and so Lua, tells from its neighbours. */
#define WHOLE_MAX 9007199254740991.0

/* So many members wait; an object with more grows. */
#define WAITING_MAX 16
/* Of the stack, for those, a table and what is on its way into it. */
#define ROOM (2 * WAITING_MAX + 8)

struct scan {
    const unsigned char *at;
    const unsigned char *end;
    const char *refusal;
    int depth;
    lua_State *L;          /* NULL: nothing is made */
    struct buf *unescaped; /* of the string being read */
    bool is_marked;        /* numbers that were not written as whole ones are told */
};

static bool refuse(struct scan *scan, const char *why)
{
    if (!scan->refusal)
        scan->refusal = why;
    return false;
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool take(struct scan *scan, char c)
{
    if (scan->at >= scan->end || *scan->at != (unsigned char)c)
        return false;
    scan->at++;
    return true;
}

static int hex4(const unsigned char *p, const unsigned char *end)
{
    int value = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int c = p[i];
        int digit = c >= '0' && c <= '9'                 ? c - '0'
                    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                         : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool scan_unicode_escape(struct scan *scan)
{
    int unit = hex4(scan->at, scan->end);

    if (unit < 0)
        return refuse(scan, "a \\u escape needs four hex digits");
    if (unit == 0)
        return refuse(scan, "NUL characters are not taken");
    scan->at += 4;
    if (unit >= 0xDC00 && unit <= 0xDFFF)
        return refuse(scan, "a low surrogate stands alone");
    if (unit < 0xD800 || unit > 0xDBFF)
        return true;
    if (scan->end - scan->at < 6 || scan->at[0] != '\\' || scan->at[1] != 'u')
        return refuse(scan, "a high surrogate stands alone");
    unit = hex4(scan->at + 2, scan->end);
    if (unit < 0xDC00 || unit > 0xDFFF)
        return refuse(scan, "a high surrogate stands alone");
    scan->at += 6;
    return true;
}

static bool scan_escape(struct scan *scan)
{
    if (scan->at >= scan->end)
        return refuse(scan, "a string does not end");
    if (*scan->at == 'u') {
        scan->at++;
        return scan_unicode_escape(scan);
    }
    if (!strchr("\"\\/bfnrt", *scan->at) || *scan->at == 0)
        return refuse(scan, "an unknown escape in a string");
    scan->at++;
    return true;
}

/* Bytes that stand for themselves: neither controls, quotes, backslashes nor non-ASCII. */
static const bool is_plain[256] = {
    [0x20 ... 0x21] = true,
    [0x23 ... 0x5B] = true,
    [0x5D ... 0x7F] = true,
};

static void add_code_point(struct buf *out, unsigned code)
{
    if (code < 0x80) {
        buf_add_char(out, (char)code);
    } else if (code < 0x800) {
        buf_add(out, (char[]){(char)(0xC0 | code >> 6), (char)(0x80 | (code & 63))}, 2);
    } else if (code < 0x10000) {
        buf_add(out,
                (char[]){(char)(0xE0 | code >> 12), (char)(0x80 | (code >> 6 & 63)),
                         (char)(0x80 | (code & 63))},
                3);
    } else {
        buf_add(out,
                (char[]){(char)(0xF0 | code >> 18), (char)(0x80 | (code >> 12 & 63)),
                         (char)(0x80 | (code >> 6 & 63)), (char)(0x80 | (code & 63))},
                4);
    }
}

/* Adds what the escape at stands for, which was found to be sound; its end. */
static const unsigned char *
add_escape(struct buf *out, const unsigned char *at, const unsigned char *end)
{
    static const char short_form[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                         ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    unsigned code;

    if (at[1] != 'u') {
        buf_add_char(out, short_form[at[1] & 127]);
        return at + 2;
    }
    code = (unsigned)hex4(at + 2, end);
    if (code < 0xD800 || code > 0xDBFF) {
        add_code_point(out, code);
        return at + 6;
    }
    add_code_point(out, 0x10000 + ((code - 0xD800) << 10) + (unsigned)hex4(at + 8, end) - 0xDC00);
    return at + 12;
}

/* start: after the opening quote; end: the closing one. */
static void push_unescaped(struct scan *scan, const unsigned char *start, const unsigned char *end)
{
    struct buf *out = scan->unescaped;

    buf_clear(out);
    while (start < end) {
        const unsigned char *slash = memchr(start, '\\', (size_t)(end - start));
        buf_add(out, start, (size_t)((slash ? slash : end) - start));
        start = slash ? add_escape(out, slash, end) : end;
    }
    lua_pushlstring(scan->L, out->at ? out->at : "", out->len);
}

static bool scan_string(struct scan *scan)
{
    const unsigned char *start = scan->at + 1;
    bool is_escaped = false;

    if (!take(scan, '"'))
        return refuse(scan, "a string was expected");
    for (;;) {
        while (scan->at < scan->end && is_plain[*scan->at])
            scan->at++;
        if (scan->at >= scan->end)
            return refuse(scan, "a string does not end");
        if (*scan->at == '"')
            break;
        if (*scan->at == '\\') {
            scan->at++;
            is_escaped = true;
            if (!scan_escape(scan))
                return false;
        } else if (*scan->at < 0x20) {
            return refuse(scan, "a control character in a string");
        } else {
            size_t length = utf8_sequence(scan->at, (size_t)(scan->end - scan->at));
            if (!length)
                return refuse(scan, "the text is not valid UTF-8");
            scan->at += length;
        }
    }
    if (scan->L && is_escaped)
        push_unescaped(scan, start, scan->at);
    else if (scan->L)
        lua_pushlstring(scan->L, (const char *)start, (size_t)(scan->at - start));
    scan->at++;
    return true;
}

/* {["\0"] = "1.0"}: a key that no client can send, since NUL is refused. */
static void push_marked(lua_State *L, const char *text, size_t len)
{
    lua_createtable(L, 0, 1);
    lua_pushlstring(L, "", 1);
    lua_pushlstring(L, text, len);
    lua_rawset(L, -3);
}

static bool scan_digits(struct scan *scan)
{
    const unsigned char *start = scan->at;

    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > start;
}

static bool scan_number(struct scan *scan)
{
    const unsigned char *start = scan->at;
    bool is_whole = true;
    char text[64];
    size_t length;

    take(scan, '-');
    if (scan->at + 1 < scan->end && scan->at[0] == '0' && scan->at[1] >= '0' && scan->at[1] <= '9')
        return refuse(scan, "a number may not start with 0");
    if (!scan_digits(scan))
        return refuse(scan, "a value was expected");
    if (take(scan, '.')) {
        is_whole = false;
        if (!scan_digits(scan))
            return refuse(scan, "a number needs digits after its point");
    }
    if (scan->at < scan->end && (*scan->at | 32) == 'e') {
        is_whole = false;
        scan->at++;
        if (!take(scan, '+'))
            take(scan, '-');
        if (!scan_digits(scan))
            return refuse(scan, "a number needs digits in its exponent");
    }
    length = (size_t)(scan->at - start);
    if (length >= sizeof(text))
        return refuse(scan, "a number is too long");
    memcpy(text, start, length);
    text[length] = 0;
    double value = strtod(text, NULL);
    if (!isfinite(value))
        return refuse(scan, "a number is too large");
    if (scan->is_marked && value == floor(value) && (!is_whole || fabs(value) > WHOLE_MAX))
        push_marked(scan->L, text, length);
    else if (scan->L)
        lua_pushnumber(scan->L, value);
    return true;
}

static bool scan_value(struct scan *scan);

static bool scan_key(struct scan *scan)
{
    if (!scan_string(scan))
        return false;
    skip_space(scan);
    return take(scan, ':') || refuse(scan, "a ':' was expected");
}

/* Makes a table of the last count pairs of the stack; of two with one key the later holds. */
static void gather(lua_State *L, int count)
{
    int table, first = lua_gettop(L) - 2 * count + 1;

    lua_createtable(L, 0, count);
    table = lua_gettop(L);
    for (int i = first; i < table; i += 2) {
        lua_pushvalue(L, i);
        lua_pushvalue(L, i + 1);
        lua_rawset(L, table);
    }
    if (count > 0)
        lua_replace(L, first);
    lua_settop(L, first);
}

/* A member more is on the stack: waiting of them wait there, or -1: all before it are in a table
 * below it. The new waiting. */
static int keep_member(lua_State *L, int waiting)
{
    if (waiting < 0) {
        lua_rawset(L, -3);
        return waiting;
    }
    if (waiting + 1 < WAITING_MAX)
        return waiting + 1;
    gather(L, WAITING_MAX);
    return -1;
}

/* These begin after the bracket, and end after the other. */
static bool scan_object(struct scan *scan)
{
    int waiting = 0;

    skip_space(scan);
    for (int count = 1; !(count == 1 && take(scan, '}')); count++) {
        skip_space(scan);
        if (count > JSON_KEYS_MAX)
            return refuse(scan, "an object has more than 1000 members");
        if (!scan_key(scan) || !scan_value(scan))
            return false;
        if (scan->L)
            waiting = keep_member(scan->L, waiting);
        skip_space(scan);
        if (take(scan, '}'))
            break;
        if (!take(scan, ','))
            return refuse(scan, "a ',' or the end of a list was expected");
    }
    if (scan->L && waiting >= 0)
        gather(scan->L, waiting);
    return true;
}

static bool scan_array(struct scan *scan)
{
    if (scan->L)
        lua_createtable(scan->L, 0, 0);
    skip_space(scan);
    for (int count = 1; !(count == 1 && take(scan, ']')); count++) {
        if (!scan_value(scan))
            return false;
        if (scan->L)
            lua_rawseti(scan->L, -2, count);
        skip_space(scan);
        if (take(scan, ']'))
            break;
        if (!take(scan, ','))
            return refuse(scan, "a ',' or the end of a list was expected");
    }
    return true;
}

static bool scan_nested(struct scan *scan)
{
    bool is_object = *scan->at++ == '{', is_sound;

    if (++scan->depth > JSON_DEPTH_MAX)
        return refuse(scan, "nested deeper than 32");
    if (scan->L && !lua_checkstack(scan->L, ROOM))
        return refuse(scan, "there is no room for it");
    is_sound = is_object ? scan_object(scan) : scan_array(scan);
    scan->depth--;
    return is_sound;
}

static bool scan_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return refuse(scan, "a value was expected");
    scan->at += length;
    if (scan->L && *word == 'n')
        lua_pushlightuserdata(scan->L, NULL);
    else if (scan->L)
        lua_pushboolean(scan->L, *word == 't');
    return true;
}

static bool scan_value(struct scan *scan)
{
    skip_space(scan);
    if (scan->at >= scan->end)
        return refuse(scan, "the text ends too early");
    switch (*scan->at) {
    case '{':
    case '[': return scan_nested(scan);
    case '"': return scan_string(scan);
    case 't': return scan_word(scan, "true");
    case 'f': return scan_word(scan, "false");
    case 'n': return scan_word(scan, "null");
    default: return scan_number(scan);
    }
}

static const char *read_whole(struct scan *scan, struct str text)
{
    scan->at = (const unsigned char *)text.at;
    scan->end = scan->at + text.len;
    if (scan_value(scan)) {
        skip_space(scan);
        if (scan->at != scan->end)
            refuse(scan, "something follows the value");
    }
    return scan->refusal;
}

const char *json_scan(struct str text)
{
    return read_whole(&(struct scan){0}, text);
}

const char *json_decode(lua_State *L, struct str text, struct buf *unescaped, bool is_marked)
{
    struct scan scan = {.L = L, .unescaped = unescaped, .is_marked = is_marked};
    int top = lua_gettop(L);
    const char *refusal = read_whole(&scan, text);

    if (refusal)
        lua_settop(L, top);
    return refusal;
}
