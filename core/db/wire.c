/* The one difficulty is to believe nothing: a length is checked before it is used, and a text has
 * its NUL inside of its frame. */
#include "db/wire.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 5
/* Half of what PostgreSQL can hold in one piece, so that no length looks like a digit. */
#define LONG_MAX_BYTES (1u << 29)
/* Only these may be long. */
#define LONG_TYPES "TDEN"
#define SHORT_MAX  30000u
/* What is said of a column behind its name; and the least of it with a name. */
#define COLUMN_TAIL 18
#define COLUMN_MIN  (COLUMN_TAIL + 1)

static uint32_t number_of(const char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return ntohl(value);
}

static int short_of(const char *at)
{
    return (unsigned char)at[0] << 8 | (unsigned char)at[1];
}

static char *put_number(char *to, uint32_t value)
{
    value = htonl(value);
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

static char *put_short(char *to, unsigned value)
{
    *to++ = (char)(value >> 8);
    *to++ = (char)value;
    return to;
}

static char *put_bytes(char *to, const void *bytes, size_t len)
{
    memcpy(to, bytes, len);
    return to + len;
}

/* Where a message with that much behind its head is to be written; it counts as written. */
static char *message(struct buf *out, char type, size_t body)
{
    char *to;

    if (!buf_reserve(out, HEAD + body))
        abort(); /* the buffer has no end */
    to = out->at + out->len;
    out->len += HEAD + body;
    *to++ = type;
    return put_number(to, (uint32_t)(body + 4));
}

void wire_put_parse(struct buf *out, const char *name, const char *text)
{
    size_t name_size = strlen(name) + 1, text_size = strlen(text) + 1;
    char *to = message(out, 'P', name_size + text_size + 2);

    to = put_bytes(to, name, name_size);
    to = put_bytes(to, text, text_size);
    put_short(to, 0);
}

void wire_put_describe(struct buf *out, const char *name)
{
    size_t name_size = strlen(name) + 1;
    char *to = message(out, 'D', 1 + name_size);

    *to++ = 'S';
    put_bytes(to, name, name_size);
}

void wire_put_execute(struct buf *out, const char *name, struct db_args args)
{
    size_t name_size = strlen(name) + 1, body = 1 + name_size + 6;
    char *to;

    for (int i = 0; i < args.count; i++)
        body += 4 + db_arg_length(args, i);
    to = message(out, 'B', body);
    *to++ = '\0';
    to = put_bytes(to, name, name_size);
    to = put_short(to, 0);
    to = put_short(to, (unsigned)args.count);
    for (int i = 0; i < args.count; i++) {
        size_t length = db_arg_length(args, i);

        to = put_number(to, args.at[i] ? (uint32_t)length : UINT32_MAX);
        if (length)
            to = put_bytes(to, args.at[i], length);
    }
    put_short(to, 0);
    to = message(out, 'E', 5);
    *to++ = '\0';
    put_number(to, 0);
}

void wire_put_sync(struct buf *out)
{
    message(out, 'S', 0);
}

enum wire_look wire_look(struct str bytes, struct wire_frame *frame)
{
    uint32_t len;

    if (bytes.len < HEAD)
        return WIRE_PART;
    len = number_of(bytes.at + 1);
    if (len < 4 || len > LONG_MAX_BYTES ||
        (len > SHORT_MAX && !memchr(LONG_TYPES, bytes.at[0], sizeof(LONG_TYPES) - 1)))
        return WIRE_BAD;
    if (bytes.len < (size_t)len + 1)
        return WIRE_PART;
    *frame = (struct wire_frame){bytes.at[0], {bytes.at + HEAD, len - 4}, (size_t)len + 1};
    return WIRE_WHOLE;
}

struct wire_frame wire_whole(const char *at)
{
    size_t len = number_of(at + 1);

    return (struct wire_frame){*at, {at + HEAD, len - 4}, len + 1};
}

/* The length of the text with its NUL that body begins with; 0: there is no NUL. */
static size_t text_size(struct str body)
{
    const char *end = body.len ? memchr(body.at, '\0', body.len) : NULL;

    return end ? (size_t)(end - body.at) + 1 : 0;
}

static struct str rest(struct str body, size_t from)
{
    return (struct str){body.at + from, body.len - from};
}

static bool fill_columns(struct db_columns *columns, struct str body)
{
    for (int i = 0; i < columns->count; i++) {
        size_t size = text_size(body);

        if (!size || body.len - size < COLUMN_TAIL)
            return false;
        columns->names[i] = strdup(body.at);
        if (!columns->names[i])
            abort();
        columns->types[i] = number_of(body.at + size + 6);
        body = rest(body, size + COLUMN_TAIL);
    }
    return body.len == 0;
}

struct db_columns *wire_columns(struct str body)
{
    struct db_columns *columns;

    if (body.len < 2 || body.len - 2 < (size_t)short_of(body.at) * COLUMN_MIN)
        return NULL;
    columns = db_columns_new(short_of(body.at));
    if (!fill_columns(columns, rest(body, 2))) {
        db_columns_unref(columns);
        return NULL;
    }
    return columns;
}

bool wire_cells(struct str body, int count, struct str *cells)
{
    const char *at = body.at + 2, *end = body.at + body.len;

    if (body.len < 2 || short_of(body.at) != count)
        return false;
    for (const struct str *last = cells + count; cells < last; cells++) {
        uint32_t len = number_of(at); /* perhaps of what follows the row: then it is refused */
        bool is_null = len == UINT32_MAX;

        at += sizeof len;
        if (is_null)
            len = 0;
        if (end - at < (ptrdiff_t)len)
            return false;
        *cells = (struct str){is_null ? NULL : at, len};
        at += len;
    }
    return at == end;
}

bool wire_failure(struct str body, struct db_reply *reply)
{
    *reply =
        (struct db_reply){.tag = "", .severity = "", .message = "", .detail = "", .constraint = ""};
    while (body.len && body.at[0]) {
        size_t size = text_size(rest(body, 1));
        const char *text = body.at + 1;

        if (!size)
            return false;
        switch (body.at[0]) {
        case 'V': reply->severity = text; break;
        case 'C': reply->sqlstate = text; break;
        case 'M': reply->message = text; break;
        case 'D': reply->detail = text; break;
        case 'n': reply->constraint = text; break;
        default: break;
        }
        body = rest(body, 1 + size);
    }
    return body.len == 1 && reply->sqlstate;
}
