/* See guard.h. A line is read once it is complete, so that a slow sender costs no more than a fast
 * one. What is refused and why is the table of spec/core/http/guard_spec.lua. */
#include "http/guard.h"

#include <ctype.h>
#include <string.h>

enum byte_class { TOKEN = 1, VALUE = 2, PATH = 4, QUERY = 8, HOST = 16 };

#define ALNUM_CLASS       (TOKEN | VALUE | PATH | QUERY | HOST)
#define LENGTH_DIGITS_MAX 18

/* tchar and pchar of RFC 9110 and 3986, but '%', which needs a look at what follows. The query also
 * takes what browsers leave bare in it. */
static const unsigned char classes[256] = {
    ['\t'] = VALUE,
    [' '] = VALUE,
    ['!'] = TOKEN | VALUE | PATH | QUERY,
    ['"'] = VALUE,
    ['#'] = TOKEN | VALUE,
    ['$'] = TOKEN | VALUE | PATH | QUERY,
    ['%'] = TOKEN | VALUE,
    ['&'] = TOKEN | VALUE | PATH | QUERY,
    ['\''] = TOKEN | VALUE | PATH | QUERY,
    ['('] = VALUE | PATH | QUERY,
    [')'] = VALUE | PATH | QUERY,
    ['*'] = TOKEN | VALUE | PATH | QUERY,
    ['+'] = TOKEN | VALUE | PATH | QUERY,
    [','] = VALUE | PATH | QUERY,
    ['-'] = ALNUM_CLASS,
    ['.'] = ALNUM_CLASS,
    ['/'] = VALUE | PATH | QUERY,
    ['0' ... '9'] = ALNUM_CLASS,
    [':'] = VALUE | PATH | QUERY | HOST,
    [';'] = VALUE | PATH | QUERY,
    ['<'] = VALUE,
    ['='] = VALUE | PATH | QUERY,
    ['>'] = VALUE,
    ['?'] = VALUE | QUERY,
    ['@'] = VALUE | PATH | QUERY,
    ['A' ... 'Z'] = ALNUM_CLASS,
    ['['] = VALUE | QUERY | HOST,
    ['\\'] = VALUE,
    [']'] = VALUE | QUERY | HOST,
    ['^'] = TOKEN | VALUE | QUERY,
    ['_'] = ALNUM_CLASS,
    ['`'] = TOKEN | VALUE,
    ['a' ... 'z'] = ALNUM_CLASS,
    ['{'] = VALUE | QUERY,
    ['|'] = TOKEN | VALUE | QUERY,
    ['}'] = VALUE | QUERY,
    ['~'] = TOKEN | VALUE | PATH | QUERY,
    [128 ... 255] = VALUE,
};

static const char *const method_names[HTTP_METHOD_COUNT] = {
    [HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT",         [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
    [HTTP_OPTIONS] = "OPTIONS",
};

const char *http_method_name(enum http_method method)
{
    return method_names[method];
}

void guard_reset(struct guard *guard)
{
    *guard = (struct guard){0};
}

static enum guard_verdict refuse(struct guard *guard, enum err err, const char *message)
{
    guard->err = err;
    guard->message = message;
    return GUARD_REFUSED;
}

static enum guard_verdict refuse_line(struct guard *guard, const char *message)
{
    return refuse(guard, ERR_BAD_REQUEST, message);
}

/* How many bytes from at on are of this class. */
static size_t span(const char *at, size_t len, enum byte_class class)
{
    size_t n = 0;

    while (n < len && (classes[(unsigned char)at[n]] & class))
        n++;
    return n;
}

#define EACH_BYTE(byte) (0x0101010101010101ULL * (byte))

/* True when each of the eight bytes is plainly of a value: neither a control nor DEL. A tab is one
 * too, but looked at one by one. */
static bool is_plain_value(const char *at)
{
    uint64_t word, deletes;

    memcpy(&word, at, sizeof word);
    deletes = word ^ EACH_BYTE(0x7f);
    return !((((word - EACH_BYTE(0x20)) & ~word) | ((deletes - EACH_BYTE(1)) & ~deletes)) &
             EACH_BYTE(0x80));
}

/* Tokens and cookies are long. */
static size_t value_span(const char *at, size_t len)
{
    size_t n = 0;

    while (len - n >= sizeof(uint64_t) && is_plain_value(at + n))
        n += sizeof(uint64_t);
    return n + span(at + n, len - n, VALUE);
}

bool guard_is_name(struct str name)
{
    return name.len > 0 && span(name.at, name.len, TOKEN) == name.len;
}

bool guard_is_value(struct str value)
{
    return value_span(value.at, value.len) == value.len;
}

static bool is_hex_pair(const char *at, const char *end)
{
    return end - at >= 2 && isxdigit((unsigned char)at[0]) && isxdigit((unsigned char)at[1]);
}

/* An encoded NUL has no meaning anywhere; an encoded slash in the path would mean one thing to a
 * proxy that decodes and another to a router that splits first. */
static bool is_target_sound(struct str target)
{
    const char *end = target.at + target.len;
    enum byte_class class = PATH;

    if (target.len == 0 || target.at[0] != '/' || (target.len > 1 && target.at[1] == '/'))
        return false;
    for (const char *at = target.at;; at++) {
        at += span(at, (size_t)(end - at), class);
        if (at == end)
            return true;
        if (*at == '?') {
            class = QUERY;
            continue;
        }
        if (*at != '%' || !is_hex_pair(at + 1, end) || (at[1] == '0' && at[2] == '0'))
            return false;
        if (class == PATH && at[1] == '2' && (at[2] | 0x20) == 'f')
            return false;
        at += 2;
    }
}

static bool method_find(struct str name, enum http_method *out)
{
    for (int method = 0; method < HTTP_METHOD_COUNT; method++) {
        if (str_eq(name, str_from(method_names[method]))) {
            *out = (enum http_method)method;
            return true;
        }
    }
    return false;
}

static enum guard_verdict read_request_line(struct guard *guard, struct str line)
{
    size_t method_len = span(line.at, line.len, TOKEN);
    const char *target = line.at + method_len + 1;
    const char *version;

    if (method_len == 0 || method_len == line.len || line.at[method_len] != ' ')
        return refuse_line(guard, "the request line is malformed");
    version = memrchr(target, ' ', line.len - method_len - 1);
    if (!version)
        return refuse_line(guard, "the request line is malformed");
    guard->target_at = method_len + 1;
    guard->target_len = (size_t)(version - target);
    version++;
    if (str_eq((struct str){version, line.len - (size_t)(version - line.at)}, STR("HTTP/1.0")))
        guard->is_http10 = true;
    else if (!str_eq((struct str){version, line.len - (size_t)(version - line.at)},
                     STR("HTTP/1.1")))
        return refuse_line(guard, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    if (!method_find((struct str){line.at, method_len}, &guard->method))
        return refuse(guard, ERR_NOT_IMPLEMENTED, "this method is not implemented");
    if (!is_target_sound((struct str){target, guard->target_len}))
        return refuse_line(guard, "the request target is malformed");
    return GUARD_MORE;
}

static enum guard_verdict read_length(struct guard *guard, struct str value)
{
    if (guard->has_length)
        return refuse_line(guard, "more than one Content-Length");
    guard->has_length = true;
    if (value.len == 0 || value.len > LENGTH_DIGITS_MAX)
        return refuse_line(guard, "Content-Length is not a number");
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return refuse_line(guard, "Content-Length is not a number");
        guard->content_length = guard->content_length * 10 + (uint64_t)(value.at[i] - '0');
    }
    return GUARD_MORE;
}

/* Which refusal it will be is decided at the end of the head, when it is known whether a length was
 * sent too. */
static enum guard_verdict read_coding(struct guard *guard, struct str value)
{
    if (guard->has_coding)
        return refuse_line(guard, "more than one Transfer-Encoding");
    guard->has_coding = true;
    if (value.len == 0)
        return refuse_line(guard, "Transfer-Encoding is empty");
    if (str_eq_nocase(value, STR("chunked")))
        refuse(guard, ERR_LENGTH_REQUIRED, err_info(ERR_LENGTH_REQUIRED)->message);
    else
        refuse(guard, ERR_NOT_IMPLEMENTED, "this transfer coding is not implemented");
    return GUARD_MORE;
}

static enum guard_verdict read_host(struct guard *guard, struct str value)
{
    if (++guard->hosts > 1)
        return refuse_line(guard, "more than one Host");
    if (value.len == 0 || span(value.at, value.len, HOST) != value.len)
        return refuse_line(guard, "Host is malformed");
    return GUARD_MORE;
}

static enum guard_verdict read_expect(struct guard *guard, struct str value)
{
    if (guard->is_http10)
        return GUARD_MORE;
    if (!str_eq_nocase(value, STR("100-continue")))
        return refuse(guard, ERR_EXPECTATION_FAILED, err_info(ERR_EXPECTATION_FAILED)->message);
    guard->expects_continue = true;
    return GUARD_MORE;
}

/* A list of tokens. "close" anywhere in it counts; "keep-alive" only as the first of the first such
 * header: who is not sure of it closes. */
static enum guard_verdict read_connection(struct guard *guard, struct str value)
{
    const char *at = value.at, *end = value.at + value.len;

    if (!guard->has_connection && value.len >= 10 && strncasecmp(at, "keep-alive", 10) == 0)
        guard->is_keep_alive = true;
    guard->has_connection = true;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        while (at < stop && (*at == ' ' || *at == '\t'))
            at++;
        const char *last = stop;
        while (last > at && (last[-1] == ' ' || last[-1] == '\t'))
            last--;
        if (str_eq_nocase((struct str){at, (size_t)(last - at)}, STR("close")))
            guard->is_close = true;
        at = stop + 1;
    }
    return GUARD_MORE;
}

static const struct framing_header {
    struct str name;
    enum guard_verdict (*read)(struct guard *guard, struct str value);
} framing_headers[] = {
    {{"host", 4}, read_host},
    {{"connection", 10}, read_connection},
    {{"content-length", 14}, read_length},
    {{"transfer-encoding", 17}, read_coding},
    {{"expect", 6}, read_expect},
};

static enum guard_verdict read_header(struct guard *guard, struct str line)
{
    size_t name_len = span(line.at, line.len, TOKEN);
    struct str value = {line.at + name_len + 1, line.len - name_len - 1};

    if (name_len == 0 || name_len == line.len || line.at[name_len] != ':')
        return refuse_line(guard, "a header line is malformed");
    if (value_span(value.at, value.len) != value.len)
        return refuse_line(guard, "a header value holds a control byte");
    while (value.len && (*value.at == ' ' || *value.at == '\t'))
        value = (struct str){value.at + 1, value.len - 1};
    while (value.len && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
        value.len--;
    for (size_t i = 0; i < sizeof framing_headers / sizeof framing_headers[0]; i++) {
        const struct framing_header *framing = &framing_headers[i];
        if (name_len == framing->name.len && strncasecmp(line.at, framing->name.at, name_len) == 0)
            return framing->read(guard, value);
    }
    return GUARD_MORE;
}

static enum guard_verdict finish(struct guard *guard)
{
    if (guard->has_coding && (guard->has_length || guard->is_http10))
        return refuse_line(guard, "Transfer-Encoding does not go with this");
    if (guard->has_coding)
        return GUARD_REFUSED; /* as read_coding has decided */
    if (guard->hosts == 0 && !guard->is_http10)
        return refuse_line(guard, "there is no Host");
    /* Many a proxy reads none: what is sent would become the next request. */
    if (guard->method == HTTP_HEAD && guard->content_length)
        return refuse_line(guard, "HEAD takes no body");
    return GUARD_PASSED;
}

static enum guard_verdict
read_line(struct guard *guard, const struct guard_limits *limits, struct str line)
{
    if (guard->lines++ == 0)
        return read_request_line(guard, line);
    if (line.len == 0)
        return finish(guard);
    if (guard->lines - 1 > limits->headers_max)
        return refuse(guard, ERR_HEAD_TOO_LARGE, "there are too many headers");
    return read_header(guard, line);
}

enum guard_verdict
guard_head(struct guard *guard, const struct guard_limits *limits, const char *at, size_t len)
{
    enum guard_verdict verdict = GUARD_MORE;

    /* Not HTTP at all, a TLS hello for one: say so before a line end comes, if ever. */
    if (guard->parsed == 0 && len && !(classes[(unsigned char)at[0]] & TOKEN))
        return refuse_line(guard, "the request line is malformed");
    while (verdict == GUARD_MORE) {
        const char *start = at + guard->parsed;
        const char *end = memchr(start, '\n', len - guard->parsed);
        size_t line_len = end ? (size_t)(end - start) : len - guard->parsed;
        if (guard->parsed + line_len > limits->head_max_bytes)
            return refuse(guard, ERR_HEAD_TOO_LARGE, err_info(ERR_HEAD_TOO_LARGE)->message);
        if (!end)
            return GUARD_MORE;
        if (line_len == 0 || start[line_len - 1] != '\r')
            return refuse_line(guard, "a line does not end with CR LF");
        guard->parsed += line_len + 1;
        verdict = read_line(guard, limits, (struct str){start, line_len - 1});
    }
    guard->head_len = guard->parsed;
    return verdict;
}
