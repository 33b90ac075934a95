#include "ops/cors.h"

#include "base/arena.h"
#include "http/reply.h"
#include "http/request.h"
#include <string.h>

static const char *allowed_origin(const char *list, struct http_request *request)
{
    struct str origin = http_request_header(request, "Origin");

    while (origin.at && *list) {
        size_t length = strcspn(list, ", ");
        if (length && str_eq((struct str){list, length}, origin))
            return arena_copy(http_request_arena(request), origin);
        list += length + strspn(list + length, ", ");
    }
    return NULL;
}

bool cors_answers(const char *origins, struct http_request *request)
{
    static const struct http_header preflight[] = {
        {"Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE"},
        {"Access-Control-Allow-Headers",
         "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id"},
        {"Access-Control-Max-Age", "600"},
    };
    const char *origin = *origins ? allowed_origin(origins, request) : NULL;
    bool is_options = http_request_method(request) == HTTP_OPTIONS;

    if (*origins)
        http_request_add_header(request, "Vary", "Origin");
    if (origin) {
        http_request_add_header(request, "Access-Control-Allow-Origin", origin);
        http_request_add_header(request, "Access-Control-Allow-Credentials", "true");
        http_request_add_header(request, "Access-Control-Expose-Headers",
                                "ETag, Idempotent-Replayed, Location, Retry-After, X-Request-Id");
    }
    if (!is_options || !http_request_header(request, "Access-Control-Request-Method").at)
        return false;
    http_request_set_route(request, "cors.preflight", NULL);
    http_reply(request, 204, preflight, origin ? 3 : 0, STR(""));
    return true;
}
