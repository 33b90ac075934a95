#include "ops/health.h"

#include "base/buf.h"
#include "base/metric.h"
#include "db/pool.h"
#include "http/reply.h"
#include "http/request.h"

#define METRICS_PAGE_MAX (4u << 20)

static void answer_ready(struct http_request *request,
                         const struct db_pool *pool,
                         bool needs_pool,
                         bool is_draining)
{
    struct http_problem problem = {.err = ERR_DATABASE_AWAY};

    http_request_set_route(request, "ready", NULL);
    if (is_draining) {
        problem.err = ERR_BUSY;
        problem.message = "this process is stopping: ask another";
        http_reply_problem(request, &problem);
    } else if (needs_pool && !db_pool_is_ready(pool)) {
        http_reply_problem(request, &problem);
    } else {
        http_reply(request, 200, NULL, 0, STR("{\"status\":\"ready\"}"));
    }
}

bool health_answers(struct http_request *request,
                    const struct db_pool *pool,
                    bool needs_pool,
                    bool is_draining)
{
    enum http_method method = http_request_method(request);
    struct str path = http_request_path(request);
    bool is_health = str_eq(path, STR("/health")) || str_eq(path, STR("/api/health"));
    bool is_ready = str_eq(path, STR("/ready")) || str_eq(path, STR("/api/ready"));

    if (!is_health && !is_ready)
        return false;
    if (method != HTTP_GET && method != HTTP_HEAD) {
        struct http_problem problem = {.err = ERR_METHOD_NOT_ALLOWED, .allow = "GET, HEAD"};
        http_request_set_route(request, is_ready ? "ready" : "health", NULL);
        http_reply_problem(request, &problem);
    } else if (is_ready) {
        answer_ready(request, pool, needs_pool, is_draining);
    } else {
        http_request_set_route(request, "health", NULL);
        http_reply(request, 200, NULL, 0,
                   STR("{\"status\":\"ok\",\"version\":\"" SOUK_VERSION "\"}"));
    }
    return true;
}

void metrics_answer(struct http_request *request)
{
    static const struct http_header type = {"Content-Type",
                                            "text/plain; version=0.0.4; charset=utf-8"};
    struct http_problem problem = {.err = ERR_NOT_FOUND, .message = "only /metrics is here"};
    struct buf page;

    if (!str_eq(http_request_path(request), STR("/metrics"))) {
        http_reply_problem(request, &problem);
        return;
    }
    buf_init(&page, METRICS_PAGE_MAX);
    metric_render(&page);
    http_reply(request, 200, &type, 1, buf_str(&page));
    buf_done(&page);
}
