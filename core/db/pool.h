/* The PostgreSQL connections of one worker. Readers: few, shared, pipelined, one sync a turn of the loop, for single
 * statements that only read. Writers: one transaction at a time each. Connecting, reconnecting (with jitter) and deadlines
 * are asynchronous; nothing here ever blocks the loop. */
#ifndef SOUK_DB_POOL_H
#define SOUK_DB_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct db_pool;
struct db_catalog;

struct db_pool_settings {
    const char *url; /* connection string; copied */
    int readers;
    int writers;
    int statement_timeout_ms;
    int lock_timeout_ms;
    int wait_max_ms;
    int waiters_max;
};

/* Starts connecting at once. The catalog is borrowed and must outlive the pool. */
struct db_pool *db_pool_new(struct loop *loop, const struct db_catalog *catalog, struct db_pool_settings settings);
/* What waits is answered with ERR_DATABASE_AWAY. */
void db_pool_free(struct db_pool *pool);
/* At least one reader and one writer are connected. */
bool db_pool_is_ready(const struct db_pool *pool);

struct db_pool_stats {
    int readers_connected, writers_connected, writers_busy, waiters, in_flight;
};
struct db_pool_stats db_pool_stats(const struct db_pool *pool);

#endif
