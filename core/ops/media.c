#include "ops/media.h"

#include "base/buf.h"
#include "base/conf.h"
#include "http/reply.h"
#include "http/request.h"
#include <stdio.h>
#include <string.h>

#define PREFIX "/media/"

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {
        {".jpg", "image/jpeg"}, {".png", "image/png"}, {".webp", "image/webp"}};
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    return NULL;
}

/* "<folder>/<name>" of safe characters: one slash, nothing that starts with a dot. */
static bool is_safe(const char *rest)
{
    const char *slash = strchr(rest, '/');

    return slash && slash != rest && rest[0] != '.' && slash[1] != '.' && !strchr(slash + 1, '/') &&
           strspn(rest, "abcdefghijklmnopqrstuvwxyz0123456789-_./") == strlen(rest);
}

bool media_answers(const struct conf *conf, struct http_request *request)
{
    struct str path = http_request_path(request);
    enum http_method method = http_request_method(request);
    struct http_problem problem = {.err = ERR_NOT_FOUND};
    struct http_header headers[2] = {{"Cache-Control", "public, max-age=31536000, immutable"}};
    char rest[256], file[800];
    struct buf bytes;

    if (path.len <= strlen(PREFIX) || strncmp(path.at, PREFIX, strlen(PREFIX)) != 0)
        return false;
    snprintf(rest, sizeof(rest), "%.*s", (int)(path.len - strlen(PREFIX)),
             path.at + strlen(PREFIX));
    http_request_set_route(request, "media", NULL);
    if (method != HTTP_GET && method != HTTP_HEAD) {
        problem = (struct http_problem){.err = ERR_METHOD_NOT_ALLOWED, .allow = "GET, HEAD"};
        http_reply_problem(request, &problem);
        return true;
    }
    buf_init(&bytes, (size_t)conf_int(conf, "media.image_max_bytes") + 1);
    snprintf(file, sizeof(file), "%.400s/media/%s", conf_text(conf, "home"), rest);
    headers[1] = (struct http_header){"Content-Type", is_safe(rest) ? type_of(rest) : NULL};
    if (headers[1].value && buf_read_file(&bytes, file))
        http_reply(request, 200, headers, 2, buf_str(&bytes));
    else
        http_reply_problem(request, &problem);
    buf_done(&bytes);
    return true;
}
