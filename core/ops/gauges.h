/* What is measured rather than counted, looked at a few times a second. */
#ifndef SOUK_OPS_GAUGES_H
#define SOUK_OPS_GAUGES_H

#include "base/metric.h"
#include <stdbool.h>

struct db_pool;
struct http_server;
struct stripe_gate;

struct ops_gauges {
    metric_id connections, in_flight, paused, guard_refused, timed_out;
    metric_id readers, writers, writers_busy, waiters, queries;
    metric_id leader, resident;
    metric_id stripe_in_flight, stripe_waiting, stripe_sent, stripe_refused;
    metric_id breaker_open, breaker_opened;
    int turn, stripe_turn;
};

void gauges_init(struct ops_gauges *gauges);
/* pool may be NULL. Cheap enough for every tick; the expensive ones are read every 40th time. */
void gauges_update(struct ops_gauges *gauges,
                   const struct db_pool *pool,
                   const struct http_server *server,
                   bool is_leader);
void gauges_update_stripe(struct ops_gauges *gauges, const struct stripe_gate *gate);

#endif
