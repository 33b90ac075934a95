#include "ops/gauges.h"

#include "db/pool.h"
#include "http/server.h"
#include "stripe/gate.h"
#include <stdio.h>
#include <unistd.h>

void gauges_init(struct ops_gauges *gauges)
{
    const struct {
        metric_id *id;
        const char *name, *labels, *help;
    } table[] = {
        {&gauges->connections, "http_connections", "", "Open client connections."},
        {&gauges->in_flight, "http_inflight_requests", "", "Requests being handled."},
        {&gauges->paused, "http_accept_pauses", "", "Times accepting was paused."},
        {&gauges->guard_refused, "http_guard_refusals", "", "Requests refused by the wire guard."},
        {&gauges->timed_out, "http_deadline_closures", "", "Connections closed at a deadline."},
        {&gauges->readers, "db_pool_connections", "kind=\"reader\"", "Connections to PostgreSQL."},
        {&gauges->writers, "db_pool_connections", "kind=\"writer\"", "Connections to PostgreSQL."},
        {&gauges->writers_busy, "db_pool_writers_busy", "", "Writers inside a transaction."},
        {&gauges->waiters, "db_pool_waiters", "", "Requests waiting for a connection."},
        {&gauges->queries, "db_queries_in_flight", "", "Statements sent and not answered."},
        {&gauges->leader, "souk_leader", "", "1 where the timers run."},
        {&gauges->stripe_in_flight, "stripe_calls_in_flight", "", "Calls to Stripe that run."},
        {&gauges->stripe_waiting, "stripe_calls_waiting", "", "Calls that wait for their turn."},
        {&gauges->stripe_sent, "stripe_calls_sent", "", "Calls that went to Stripe."},
        {&gauges->stripe_refused, "stripe_calls_refused", "",
         "Calls that did not go: breaker open, queue full, waited too long."},
        {&gauges->breaker_open, "stripe_breaker_open", "", "Workers that leave Stripe alone."},
        {&gauges->breaker_opened, "stripe_breaker_openings", "", "Times the breaker has opened."},
        {&gauges->resident, "process_resident_memory_bytes", "", "Memory of all workers."},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        *table[i].id = metric_register(METRIC_GAUGE, table[i].name, table[i].labels, table[i].help);
    metric_set(metric_register(METRIC_GAUGE, "build_info", "version=\"" SOUK_VERSION "\"",
                               "1 a worker of this version."),
               1);
}

static int64_t resident_bytes(void)
{
    long pages_total = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return 0;
    if (fscanf(file, "%ld %ld", &pages_total, &pages) != 2)
        pages = 0;
    fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

void gauges_update(struct ops_gauges *gauges,
                   const struct db_pool *pool,
                   const struct http_server *server,
                   bool is_leader)
{
    struct http_server_stats http = http_server_stats(server);

    if (gauges->turn++ % 40)
        return;
    metric_set(gauges->connections, http.connections);
    metric_set(gauges->in_flight, http_server_in_flight(server));
    metric_set(gauges->paused, http.paused_accepting);
    metric_set(gauges->guard_refused, http.refused_by_guard);
    metric_set(gauges->timed_out, http.timed_out);
    metric_set(gauges->leader, is_leader);
    metric_set(gauges->resident, resident_bytes());
    if (!pool)
        return;
    struct db_pool_stats db = db_pool_stats(pool);
    metric_set(gauges->readers, db.readers_connected);
    metric_set(gauges->writers, db.writers_connected);
    metric_set(gauges->writers_busy, db.writers_busy);
    metric_set(gauges->waiters, db.waiters);
    metric_set(gauges->queries, db.in_flight);
}

void gauges_update_stripe(struct ops_gauges *gauges, const struct stripe_gate *gate)
{
    struct stripe_gate_stats stats;

    if (gauges->stripe_turn++ % 4)
        return;
    stats = stripe_gate_stats(gate);
    metric_set(gauges->stripe_in_flight, stats.in_flight);
    metric_set(gauges->stripe_waiting, stats.waiting);
    metric_set(gauges->stripe_sent, stats.sent);
    metric_set(gauges->stripe_refused, stats.refused);
    metric_set(gauges->breaker_open, stats.is_open);
    metric_set(gauges->breaker_opened, stats.opened);
}
