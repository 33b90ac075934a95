/* From method and path to a route. Built once a generation, then read only. A template is
 * "/api/products/{id}"; a literal segment beats a parameter. Segments are split first,
 * percent-decoded after; a decoded segment holding '/' or NUL does not match. */
#ifndef SOUK_HTTP_ROUTER_H
#define SOUK_HTTP_ROUTER_H

#include "base/str.h"
#include "http/request.h"
#include <stdbool.h>
#include <stddef.h>

#define ROUTER_PARAMS_MAX 8

struct arena;
struct http_router;

struct http_match {
    int route;          /* what router_add was given; -1: none */
    bool is_path_known; /* with route -1: 405 rather than 404 */
    char allow[64];     /* "GET, HEAD, POST" when is_path_known */
    int param_count;
    struct str names[ROUTER_PARAMS_MAX];  /* generation lifetime */
    struct str values[ROUTER_PARAMS_MAX]; /* decoded, in the arena */
};

struct http_router *http_router_new(void);
void http_router_free(struct http_router *router);
/* False: message says what is wrong (duplicate, malformed template). */
bool http_router_add(struct http_router *router,
                     enum http_method method,
                     const char *path_template,
                     int route,
                     char *message,
                     size_t message_size);
/* HEAD matches a GET route. A trailing slash is another path (404). */
void http_router_match(const struct http_router *router,
                       enum http_method method,
                       struct str path,
                       struct arena *arena,
                       struct http_match *out);

#endif
