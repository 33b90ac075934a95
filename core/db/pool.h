/* The PostgreSQL connections of one worker. Readers: few, shared, pipelined, one sync a turn of the
 * loop, for single statements that only read (their sessions refuse to write). Writers: one
 * transaction at a time each. Connecting, reconnecting (with jitter) and deadlines are
 * asynchronous; nothing here ever blocks the loop, but for looking up the host's name in
 * db_pool_new(). */
#ifndef SOUK_DB_POOL_H
#define SOUK_DB_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct db_pool;
struct db_catalog;

/* For the log: the database went away (why is libpq's or PostgreSQL's message) or came back. Called
 * from the loop. */
typedef void db_pool_state_fn(void *arg, bool is_away, const char *why);

struct db_pool_settings {
    const char *url; /* connection string; copied */
    int readers;
    int writers;
    int statement_timeout_ms;
    int lock_timeout_ms;
    int wait_max_ms;
    int waiters_max;
    db_pool_state_fn *on_state; /* may be NULL */
    void *arg;
};

/* Starts connecting at once. The catalog is borrowed and must outlive the pool; it may be NULL. A
 * url that cannot be parsed gives a pool that is away for ever. */
struct db_pool *
db_pool_new(struct loop *loop, const struct db_catalog *catalog, struct db_pool_settings settings);
/* What waits is answered with ERR_DATABASE_AWAY. Leaders are freed before. */
void db_pool_free(struct db_pool *pool);
/* At least one reader and one writer are connected. */
bool db_pool_is_ready(const struct db_pool *pool);
/* Why the last connection failed or ended; "". For people who operate. */
const char *db_pool_why(const struct db_pool *pool);

struct db_pool_stats {
    int readers_connected, writers_connected, writers_busy, waiters, in_flight;
    int reads;             /* asked for and not answered yet */
    long long retried;     /* statements and transactions sent again, since the start */
    long long reconnected; /* connections made, since the start */
};
struct db_pool_stats db_pool_stats(const struct db_pool *pool);

#endif
