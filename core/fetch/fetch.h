/* Outgoing HTTP: libcurl multi on the loop, with our own admission queue (curl's timeout counts
 * queueing otherwise), deadlines, no redirects, TLS verified, answers capped. What failed says
 * whether the request may have reached the other side. */
#ifndef SOUK_FETCH_FETCH_H
#define SOUK_FETCH_FETCH_H

#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>

struct loop;
struct fetch;

enum fetch_outcome {
    FETCH_ANSWERED, /* status and body hold */
    FETCH_NOT_SENT, /* never reached the other side: trying again is free */
    FETCH_UNKNOWN,  /* may have been executed: same idempotency key or look first */
    FETCH_TLS,      /* configuration: never retry by itself */
    FETCH_TOO_LARGE,
    FETCH_REFUSED, /* by us: protocol, queue full, address that is not public */
};

struct fetch_request {
    const char *method, *url;
    const char *const *headers; /* "Name: value" */
    int header_count;
    struct str body;
    int connect_timeout_ms, timeout_ms; /* 0: 3000, 20000 */
    size_t answer_max_bytes;            /* 0: 1 MiB */
    bool is_plain_http_allowed;         /* else https only */
    bool is_public_only; /* connects to no private address, whatever a name resolves to */
};

struct fetch_answer {
    enum fetch_outcome outcome;
    int status;
    struct str body;
    struct str headers;  /* raw block of the final answer */
    const char *problem; /* for the log when not ANSWERED */
};
/* The value of a header in a raw block, any case; at NULL when absent. */
struct str fetch_header(struct str headers, const char *name);

/* Exactly once, from the loop, never before fetch_run returned. answer dies when done() returns. */
typedef void fetch_done_fn(void *arg, const struct fetch_answer *answer);

struct fetch *fetch_new(struct loop *loop, int in_flight_max, int queue_max);
void fetch_free(struct fetch *fetch); /* running requests are dropped without done() */
void fetch_run(struct fetch *fetch,
               const struct fetch_request *request,
               fetch_done_fn *done,
               void *arg);

#endif
