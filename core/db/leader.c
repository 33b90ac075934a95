/* Leadership by an advisory lock: the server gives it to one session, and takes it back when that
 * session ends, however it ends. A leader that is cut off learns of it later than the server does,
 * so whatever a leader does must be safe twice. */
#include "db/query.h"

#include "base/clock.h"
#include "db/pool_parts.h"
#include "db/statement.h"
#include "loop/loop.h"
#include <stdio.h>
#include <stdlib.h>

struct db_leader {
    struct db_pool *pool;
    struct db_conn *conn;
    struct db_statement *try_lock;
    struct loop_timer *timer;
    char key[24];
    int retry_ms;
    bool is_leader;
    db_leader_fn *on_change;
    void *arg;
};

static void change(struct db_leader *leader, bool is_leader)
{
    if (leader->is_leader == is_leader)
        return;
    leader->is_leader = is_leader;
    leader->on_change(leader->arg, is_leader);
}

static void on_answer(void *arg, enum db_answer answer, const struct db_reply *reply)
{
    struct db_leader *leader = arg;
    bool is_held =
        answer == DB_ANSWER_OK && reply->rows && str_eq(db_reply_cell(reply, 0, 0), STR("t"));

    change(leader, is_held);
}

/* Held already: the same question is a sign of life. The server counts the lock once more (a number
 * in its table, not a row), and drops it whole with the session. */
static void ask(struct db_leader *leader)
{
    const char *values[] = {leader->key};
    struct db_args args = {.at = values, .count = 1};

    db_conn_send(leader->conn, leader->try_lock, args, on_answer, leader);
    db_conn_sync(leader->conn, NULL, NULL);
}

static void on_event(void *owner, enum db_conn_event event)
{
    struct db_leader *leader = owner;

    if (event == DB_CONN_OPENED)
        ask(leader);
    else if (event != DB_CONN_BROKEN) /* the timer deals with that */
        change(leader, false);
}

static void on_timer(void *arg)
{
    struct db_leader *leader = arg;
    int64_t since_us = db_conn_waiting_since_us(leader->conn);
    int64_t limit_us = (leader->retry_ms < 1000 ? 1000 : leader->retry_ms) * 2000LL;

    if (db_conn_is_broken(leader->conn))
        db_conn_close(leader->conn, NULL);
    else if (since_us && clock_monotonic_us() - since_us > limit_us)
        db_conn_close(leader->conn, "the server does not answer");
    else if (db_conn_state(leader->conn) == DB_CONN_DOWN && leader->pool->target)
        db_conn_open(leader->conn);
    else if (!since_us)
        ask(leader);
}

struct db_leader *db_leader_new(
    struct db_pool *pool, long long lock_key, int retry_ms, db_leader_fn *on_change, void *arg)
{
    struct db_leader *leader = calloc(1, sizeof(*leader));

    if (!leader)
        abort();
    leader->pool = pool;
    leader->retry_ms = retry_ms;
    leader->on_change = on_change;
    leader->arg = arg;
    (void)snprintf(leader->key, sizeof(leader->key), "%lld", lock_key);
    leader->try_lock = db_statement_new(STR("leader"), STR("select pg_try_advisory_lock($1)"));
    leader->conn = db_conn_new(pool->loop, pool->target, false, on_event, leader);
    leader->timer = loop_every(pool->loop, retry_ms, on_timer, leader);
    if (pool->target)
        db_conn_open(leader->conn);
    return leader;
}

void db_leader_free(struct db_leader *leader)
{
    if (!leader)
        return;
    loop_timer_free(leader->timer);
    db_conn_free(leader->conn);
    db_statement_free(leader->try_lock);
    free(leader);
}
