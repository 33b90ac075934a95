/* /health: the process is alive (never touches the database). /ready: it can serve. /metrics on its
 * own listener. */
#ifndef SOUK_OPS_HEALTH_H
#define SOUK_OPS_HEALTH_H

#include <stdbool.h>

struct db_pool;
struct http_request;

/* True: the request was for one of them and has been answered. */
bool health_answers(struct http_request *request,
                    const struct db_pool *pool,
                    bool needs_pool,
                    bool is_draining);
/* Answers /metrics, and 404 for everything else. */
void metrics_answer(struct http_request *request);

#endif
