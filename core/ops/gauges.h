/* What is measured rather than counted, looked at a few times a second. */
#ifndef SOUK_OPS_GAUGES_H
#define SOUK_OPS_GAUGES_H

#include "base/metric.h"
#include <stdbool.h>

struct db_pool;
struct http_server;

struct ops_gauges {
    metric_id connections, in_flight, paused, guard_refused, timed_out;
    metric_id readers, writers, writers_busy, waiters, queries;
    metric_id leader, resident;
    int turn;
};

void gauges_init(struct ops_gauges *gauges);
/* pool may be NULL. Cheap enough for every tick; the expensive ones are read every 40th time. */
void gauges_update(struct ops_gauges *gauges,
                   const struct db_pool *pool,
                   const struct http_server *server,
                   bool is_leader);

#endif
