/* The strict look at JSON that lua-cjson does not take. One pass, no memory but the marked copy. */
#include "bridge/json.h"

#include "base/utf8.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* 2^53 - 1: the largest whole number that a double, and so Lua, tells from its neighbours. */
#define WHOLE_MAX 9007199254740991.0

struct scan {
    const unsigned char *at;
    const unsigned char *end;
    const unsigned char *copied; /* up to here the input is in marked */
    struct buf *marked;
    const char *refusal;
    int depth;
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

static bool scan_string(struct scan *scan)
{
    if (!take(scan, '"'))
        return refuse(scan, "a string was expected");
    while (scan->at < scan->end) {
        unsigned char c = *scan->at;
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c == '\\') {
            scan->at++;
            if (!scan_escape(scan))
                return false;
        } else if (c < 0x20) {
            return refuse(scan, "a control character in a string");
        } else if (c < 0x80) {
            scan->at++;
        } else {
            size_t length = utf8_sequence(scan->at, (size_t)(scan->end - scan->at));
            if (!length)
                return refuse(scan, "the text is not valid UTF-8");
            scan->at += length;
        }
    }
    return refuse(scan, "a string does not end");
}

static void mark_number(struct scan *scan, const unsigned char *start)
{
    if (!scan->marked)
        return;
    buf_add(scan->marked, scan->copied, (size_t)(start - scan->copied));
    buf_add_z(scan->marked, "{\"\\u0000\":\"");
    buf_add(scan->marked, start, (size_t)(scan->at - start));
    buf_add_z(scan->marked, "\"}");
    scan->copied = scan->at;
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
    bool is_plain = true;
    char text[64];
    size_t length;

    take(scan, '-');
    if (scan->at + 1 < scan->end && scan->at[0] == '0' && scan->at[1] >= '0' && scan->at[1] <= '9')
        return refuse(scan, "a number may not start with 0");
    if (!scan_digits(scan))
        return refuse(scan, "a value was expected");
    if (take(scan, '.')) {
        is_plain = false;
        if (!scan_digits(scan))
            return refuse(scan, "a number needs digits after its point");
    }
    if (scan->at < scan->end && (*scan->at | 32) == 'e') {
        is_plain = false;
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
    if (value == floor(value) && (!is_plain || fabs(value) > WHOLE_MAX))
        mark_number(scan, start);
    return true;
}

static bool scan_value(struct scan *scan);

static bool scan_members(struct scan *scan, bool is_object)
{
    char close = is_object ? '}' : ']';
    int count = 0;

    if (++scan->depth > JSON_DEPTH_MAX)
        return refuse(scan, "nested deeper than 32");
    scan->at++;
    skip_space(scan);
    if (take(scan, close)) {
        scan->depth--;
        return true;
    }
    for (;;) {
        skip_space(scan);
        if (is_object) {
            if (++count > JSON_KEYS_MAX)
                return refuse(scan, "an object has more than 1000 members");
            if (!scan_string(scan))
                return false;
            skip_space(scan);
            if (!take(scan, ':'))
                return refuse(scan, "a ':' was expected");
        }
        if (!scan_value(scan))
            return false;
        skip_space(scan);
        if (take(scan, close)) {
            scan->depth--;
            return true;
        }
        if (!take(scan, ','))
            return refuse(scan, "a ',' or the end of a list was expected");
    }
}

static bool scan_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return refuse(scan, "a value was expected");
    scan->at += length;
    return true;
}

static bool scan_value(struct scan *scan)
{
    skip_space(scan);
    if (scan->at >= scan->end)
        return refuse(scan, "the text ends too early");
    switch (*scan->at) {
    case '{': return scan_members(scan, true);
    case '[': return scan_members(scan, false);
    case '"': return scan_string(scan);
    case 't': return scan_word(scan, "true");
    case 'f': return scan_word(scan, "false");
    case 'n': return scan_word(scan, "null");
    default: return scan_number(scan);
    }
}

const char *json_scan(struct str text, struct buf *marked)
{
    struct scan scan = {
        .at = (const unsigned char *)text.at,
        .end = (const unsigned char *)text.at + text.len,
        .copied = (const unsigned char *)text.at,
        .marked = marked,
    };

    if (scan_value(&scan)) {
        skip_space(&scan);
        if (scan.at != scan.end)
            refuse(&scan, "something follows the value");
    }
    if (!scan.refusal && marked)
        buf_add(marked, scan.copied, (size_t)(scan.end - scan.copied));
    return scan.refusal;
}
