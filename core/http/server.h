/* The listener of HTTP/1.1 and 1.0. */
#ifndef SOUK_HTTP_SERVER_H
#define SOUK_HTTP_SERVER_H

#include "base/str.h"
#include "http/request.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct http_server;

struct http_settings {
    const char *host;
    int port; /* 0: any; see http_server_port */
    size_t head_max_bytes;
    int headers_max;
    size_t body_max_bytes;     /* ordinary routes */
    size_t body_ceiling_bytes; /* the largest any route takes: watermarks */
    int head_timeout_ms, body_timeout_ms, idle_timeout_ms;
    int connections_max;
    size_t output_max_bytes;
    const char *tls_cert_file, *tls_key_file; /* NULL or "": plain */
    const char *trusted_proxies;
};

typedef void http_handler_fn(void *arg, struct http_request *request);
/* Whether this route takes so large a body, asked when the head is complete. */
typedef bool http_takes_body_fn(void *arg, enum http_method method, struct str path, size_t len);
/* Once for each answered request, for log and metrics. status 0: the client left before the reply.
 */
struct http_done {
    const char *request_id, *route, *user_id, *peer;
    enum http_method method;
    struct str path;
    int status;
    size_t body_bytes, reply_bytes;
    int64_t duration_us;
    const char *traceparent;
};
typedef void http_log_fn(void *arg, const struct http_done *done);

struct http_hooks {
    http_handler_fn *handler;
    http_takes_body_fn *takes_body; /* NULL: up to settings.body_max_bytes */
    http_log_fn *on_done;           /* NULL: none */
    void *arg;
};

/* Listens with SO_REUSEPORT. NULL: logged why. */
struct http_server *
http_server_new(struct loop *loop, struct http_settings settings, struct http_hooks hooks);
int http_server_port(const struct http_server *server);
int http_server_in_flight(const struct http_server *server);
/* Stops accepting; answers what is in flight with Connection: close; on_idle once nothing is left.
 */
void http_server_drain(struct http_server *server, void (*on_idle)(void *arg), void *arg);
void http_server_free(struct http_server *server); /* only when nothing is in flight */

struct http_server_stats {
    int connections;
    int64_t accepted, refused_by_guard, timed_out, paused_accepting;
};
struct http_server_stats http_server_stats(const struct http_server *server);

#endif
