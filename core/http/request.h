/* One request, as handlers see it: slices into the request's own memory, valid until the reply was
 * sent. */
#ifndef SOUK_HTTP_REQUEST_H
#define SOUK_HTTP_REQUEST_H

#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct http_request;

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_METHOD_COUNT
};

enum http_method http_request_method(const struct http_request *request);
const char *http_method_name(enum http_method method);
struct str http_request_path(
    const struct http_request *request); /* as sent, before '?'; split before decoding */
struct str
http_request_query(const struct http_request *request); /* after '?', raw; len 0 when none */
/* First header of that name, any case; at is NULL when absent. */
struct str http_request_header(const struct http_request *request, const char *name);
struct str http_request_body(struct http_request *request);
const char *
http_request_id(const struct http_request *
                    request); /* X-Request-Id taken if it matches [A-Za-z0-9._-]{1,64}, else made */
const char *http_request_peer(
    const struct http_request *request); /* address; X-Forwarded-For only from trusted proxies */
int64_t http_request_started_us(const struct http_request *request);
struct arena *http_request_arena(struct http_request *request);
/* The route that matched, for the log and metrics: "products.get"; set by who dispatches; static or
 * generation lifetime is copied. */
void http_request_set_route(struct http_request *request, const char *route, const char *user_id);
/* gone(arg) is called at most once, when the client left before the reply. The reply must still be
 * sent (it frees). NULL clears. */
void http_request_on_gone(struct http_request *request, void (*gone)(void *arg), void *arg);

/* A header for whatever reply this request gets (CORS). name static, value in the request's arena.
 * At most 8. */
void http_request_add_header(struct http_request *request, const char *name, const char *value);

#endif
