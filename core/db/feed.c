/* The one difficulty is to lose no change. Numbers are given out before the commit, so "all after
 * the last number I saw" skips whoever commits late; and what stops at the oldest transaction still
 * running (its xmin) waits for it, however long it takes and whatever it does. So the cursor is the
 * snapshot of the read before: what that snapshot could not see, and this one can, is new. */
#include "db/feed.h"

#include "base/clock.h"
#include "db/pool_parts.h"
#include "db/statement.h"
#include <stdlib.h>
#include <string.h>

/* More at once are told as "anything". */
#define ROWS_MAX 5000
/* Rows are swept when they were seen five minutes ago (flows/feed_sweep.lua): who has not read for
 * so long may have missed some. */
#define GAP_MAX_US (240 * INT64_C(1000000))
/* A server that says nothing for so long is asked on a new connection. */
#define SILENT_MAX_US (2 * INT64_C(1000000))

/* $1 the snapshot before, or null for "from now on". The first row is this snapshot. */
static const char question[] = "select pg_current_snapshot()::text, null, null "
                               "union all "
                               "(select null, kind, id::text from feed_changes "
                               "where xid >= pg_snapshot_xmin($1::pg_snapshot) "
                               "and not pg_visible_in_snapshot(xid, $1::pg_snapshot) limit 5001)";

struct db_feed {
    struct db_pool *pool;
    struct db_feed_hooks hooks;
    struct db_conn *conn;
    struct db_statement *statement;
    char *snapshot;  /* owned; NULL: nothing is known of what was before */
    int64_t read_us; /* when the snapshot was asked for */
    int64_t sent_us; /* of the question under way; 0: none is */
    bool is_resting;
};

static void forget(struct db_feed *feed)
{
    free(feed->snapshot);
    feed->snapshot = NULL;
    feed->sent_us = 0;
}

static void tell(struct db_feed *feed, const struct db_reply *reply)
{
    bool is_gap =
        !feed->snapshot || reply->rows > ROWS_MAX + 1 || feed->sent_us - feed->read_us > GAP_MAX_US;

    if (is_gap)
        feed->hooks.on_reset(feed->hooks.arg);
    for (int row = 0; row < reply->rows; row++)
        if (!db_reply_cell(reply, row, 0).at && !is_gap)
            feed->hooks.on_change(feed->hooks.arg, db_reply_cell(reply, row, 1),
                                  db_reply_cell(reply, row, 2));
}

static void on_answer(void *arg, enum db_answer answer, const struct db_reply *reply)
{
    struct db_feed *feed = arg;
    int64_t sent_us = feed->sent_us;

    if (answer == DB_ANSWER_OK && !feed->is_resting && reply->rows > 0) {
        tell(feed, reply);
        for (int row = 0; row < reply->rows; row++) {
            struct str snapshot = db_reply_cell(reply, row, 0);

            if (!snapshot.at)
                continue;
            free(feed->snapshot);
            feed->snapshot = strndup(snapshot.at, snapshot.len);
        }
        feed->read_us = sent_us;
        feed->sent_us = 0;
        feed->hooks.on_read(feed->hooks.arg, sent_us);
    } else {
        forget(feed);
    }
}

static void send(struct db_feed *feed)
{
    const char *values[] = {feed->snapshot};
    struct db_args args = {.at = values, .count = 1};

    feed->sent_us = clock_monotonic_us();
    db_conn_send(feed->conn, feed->statement, args, on_answer, feed);
    db_conn_sync(feed->conn, NULL, NULL);
}

/* A new connection may be to another server, or to the same one after a crash. */
static void on_event(void *owner, enum db_conn_event event)
{
    struct db_feed *feed = owner;

    if (event != DB_CONN_BROKEN)
        forget(feed);
    if (event == DB_CONN_OPENED && !feed->is_resting)
        send(feed);
}

struct db_feed *db_feed_new(struct db_pool *pool, struct db_feed_hooks hooks)
{
    struct db_feed *feed = calloc(1, sizeof(*feed));

    if (!feed)
        abort();
    feed->pool = pool;
    feed->hooks = hooks;
    feed->statement = db_statement_new(STR("feed"), str_from(question));
    feed->conn = db_conn_new(pool->loop, pool->target, true, on_event, feed);
    return feed;
}

void db_feed_ask(struct db_feed *feed)
{
    int64_t since_us = db_conn_waiting_since_us(feed->conn);

    feed->is_resting = false;
    if (db_conn_is_broken(feed->conn))
        db_conn_close(feed->conn, NULL);
    else if (since_us && clock_monotonic_us() - since_us > SILENT_MAX_US)
        db_conn_close(feed->conn, "the server does not answer");
    else if (db_conn_state(feed->conn) == DB_CONN_DOWN && feed->pool->target)
        db_conn_open(feed->conn);
    else if (db_conn_state(feed->conn) == DB_CONN_UP && !feed->sent_us)
        send(feed);
}

void db_feed_rest(struct db_feed *feed)
{
    if (feed->is_resting)
        return;
    feed->is_resting = true;
    db_conn_close(feed->conn, NULL);
    forget(feed);
}

void db_feed_free(struct db_feed *feed)
{
    if (!feed)
        return;
    feed->is_resting = true;
    db_conn_free(feed->conn);
    db_statement_free(feed->statement);
    free(feed->snapshot);
    free(feed);
}
