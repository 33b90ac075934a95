/* The strict reader of request heads: it takes what RFC 9112 takes without ambiguity, and of that
 * only what this server needs. It looks at bytes and keeps no memory of its own. */
#ifndef SOUK_HTTP_GUARD_H
#define SOUK_HTTP_GUARD_H

#include "base/err.h"
#include "base/str.h"
#include "http/request.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guard_limits {
    size_t head_max_bytes;
    int headers_max;
};

enum guard_verdict { GUARD_MORE, GUARD_PASSED, GUARD_REFUSED };

struct guard {
    /* Known once the request line was read. */
    enum http_method method;
    bool is_http10;
    size_t target_at, target_len; /* where the target is, from the start of the message */
    /* Known once the head passed. */
    size_t head_len;         /* with the empty line */
    uint64_t content_length; /* 0 when absent */
    bool is_close;           /* the client wants the connection closed after the reply */
    bool is_keep_alive;      /* said by an HTTP/1.0 client */
    bool expects_continue;
    /* Known once refused. */
    enum err err;
    const char *message;
    /* Between calls. */
    size_t parsed; /* up to here lines were read */
    int lines;
    int hosts;
    bool has_length, has_coding, has_connection;
};

/* Before each message; all zero is the same. */
void guard_reset(struct guard *guard);
/* at: the message from its first byte on, len: what is there of it (and perhaps of those that
 * follow). Called again with the same bytes and more of them after GUARD_MORE. */
enum guard_verdict
guard_head(struct guard *guard, const struct guard_limits *limits, const char *at, size_t len);

/* Is it a name, or a value, that a header may have? */
bool guard_is_name(struct str name);
bool guard_is_value(struct str value);

#endif
