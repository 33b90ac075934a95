/* Answers. Exactly one per request; all take the request's ownership: it is gone afterwards. */
#ifndef SOUK_HTTP_REPLY_H
#define SOUK_HTTP_REPLY_H

#include "base/err.h"
#include "base/str.h"

struct http_request;
struct buf;

struct http_header {
    const char *name;
    const char *value; /* CR, LF or NUL in it: the header is dropped and logged */
};

/* Adds Content-Length, Content-Type (application/json; charset=utf-8 unless given), Date,
 * X-Request-Id, Cache-Control: no-store unless given, X-Content-Type-Options: nosniff. HEAD, 204
 * and 304 send no body. Headers and body are copied or written before it returns.
 * Status 0: no answer, the connection is closed; below 0: it is reset. The Stripe emulator drops
 * connections so. */
void http_reply(struct http_request *request,
                int status,
                const struct http_header *headers,
                int header_count,
                struct str body);

struct http_problem {
    enum err err; /* gives status, code and message where those below are 0 or NULL */
    int status;
    const char *code;
    const char *message;
    struct str details_json;           /* an array as JSON, or len 0 */
    int retry_after_s;                 /* 0: none, but 503 and 429 always get at least 1 */
    const char *allow;                 /* 405 */
    const struct http_header *headers; /* more of them */
    int header_count;
};
/* The error body of api.md: statusCode, message, error, timestamp, path, code, requestId, details.
 */
void http_reply_problem(struct http_request *request, const struct http_problem *problem);
/* The body alone, for replies made outside a request (wire guard). */
void http_problem_body(struct buf *out,
                       const struct http_problem *problem,
                       struct str path,
                       const char *request_id);

#endif
