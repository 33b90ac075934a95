/* Single reads on shared pipelines. All that share a sync share its fate in PostgreSQL: after a
 * failed statement the server skips to the sync. Those skipped are sent again; one that was skipped
 * twice gets a sync of its own, so that it cannot be starved by neighbours that fail. */
#include "db/query.h"

#include "base/clock.h"
#include "db/pool_parts.h"
#include "db/result_parts.h"
#include "db/statement.h"
#include <stdlib.h>
#include <string.h>

/* Deeper than the 16 to 32 where throughput peaks, so that a short burst does not wait for a round
 * trip. */
#define DEPTH_MAX   64
#define ABORTED_MAX 2
#define STALE_MAX   3

struct db_read {
    struct list node;
    struct db_pool *pool;
    struct db_slot *slot; /* while in flight */
    const struct db_statement *statement;
    db_done_fn *done;
    void *arg;
    struct db_args args;
    int64_t wait_until_us;
    enum err failure; /* in reads_done */
    short aborted;    /* times that a neighbour's failure took it along */
    short stale;      /* times that its prepared statement was not there */
    bool was_lost;
};

bool db_is_server_gone(const char *sqlstate, bool is_reader)
{
    return strncmp(sqlstate, "57P0", 4) == 0 || (!is_reader && strcmp(sqlstate, "25006") == 0);
}

void db_error_from(struct db_error *error, const struct db_reply *reply)
{
    *error = (struct db_error){
        .constraint = reply->constraint,
        .message = reply->message,
        .detail = strncmp(reply->sqlstate, "SK", 2) == 0 ? reply->detail : "",
        .is_retryable =
            strcmp(reply->sqlstate, "40001") == 0 || strcmp(reply->sqlstate, "40P01") == 0,
        .statement = -1,
    };
    strncpy(error->sqlstate, reply->sqlstate, sizeof(error->sqlstate) - 1);
    error->err = err_from_sql(error->sqlstate, error->constraint);
    if (error->is_retryable)
        error->err = ERR_BUSY; /* whoever still sees it has tried often enough */
}

size_t db_args_size(struct db_args args)
{
    size_t size = (size_t)args.count * (sizeof(*args.at) + sizeof(*args.lengths) + 1);

    for (int i = 0; i < args.count; i++)
        size += db_arg_length(args, i);
    return size + sizeof(void *); /* so that the next copy can start aligned */
}

char *db_args_copy(struct db_args args, struct db_args *copy, char *at)
{
    const char **values =
        (const char **)(((uintptr_t)at + sizeof(void *) - 1) & ~(sizeof(void *) - 1));
    size_t *lengths = (size_t *)(values + args.count);
    char *text = (char *)(lengths + args.count);

    for (int i = 0; i < args.count; i++) {
        lengths[i] = db_arg_length(args, i);
        values[i] = args.at[i] ? memcpy(text, args.at[i], lengths[i] + 1) : NULL;
        text += args.at[i] ? lengths[i] + 1 : 0;
    }
    *copy = (struct db_args){values, args.count, lengths};
    return text;
}

static void fail(struct db_read *read, enum err e)
{
    read->failure = e;
    list_add_last(&read->pool->reads_done, &read->node);
    db_pool_wake(read->pool);
}

void db_read(struct db_pool *pool,
             const struct db_statement *statement,
             struct db_args args,
             db_done_fn *done,
             void *arg)
{
    struct db_read *read = malloc(sizeof(*read) + db_args_size(args));

    if (!read)
        abort();
    *read = (struct db_read){
        .pool = pool,
        .statement = statement,
        .done = done,
        .arg = arg,
        .wait_until_us = db_pool_wait_until_us(pool),
    };
    db_args_copy(args, &read->args, (char *)(read + 1));
    list_add_last(&pool->reads, &read->node);
    pool->reads_waiting++;
    db_pool_wake(pool);
}

static void again(struct db_read *read)
{
    read->pool->retried++;
    read->pool->reads_waiting++;
    read->wait_until_us = db_pool_wait_until_us(read->pool);
    list_add_last(&read->pool->reads_again, &read->node);
    db_pool_wake(read->pool);
}

static void lost(struct db_read *read)
{
    bool was_lost = read->was_lost;

    read->was_lost = true;
    if (was_lost || read->pool->is_away || read->pool->is_dead)
        fail(read, ERR_DATABASE_AWAY);
    else
        again(read);
}

bool db_is_plan_stale(const char *sqlstate)
{
    return strcmp(sqlstate, "26000") == 0 || strcmp(sqlstate, "0A000") == 0;
}

static void failed(struct db_read *read, struct db_slot *slot, const struct db_reply *reply)
{
    struct db_error error;

    db_error_from(&error, reply);
    if (db_is_server_gone(error.sqlstate, true)) {
        lost(read);
        db_pool_distrust(slot->pool, error.message);
    } else if (db_is_plan_stale(error.sqlstate) && read->stale++ < STALE_MAX) {
        again(read);
        if (strcmp(error.sqlstate, "0A000") == 0)
            db_conn_close(slot->conn, error.message); /* a new session prepares anew */
    } else {
        read->done(read->arg, &error, NULL, 0);
        free(read);
    }
}

static void on_answer(void *arg, enum db_answer answer, const struct db_reply *reply)
{
    struct db_read *read = arg;
    struct db_slot *slot = read->slot;
    struct db_result result = {.reply = reply, .statement = read->statement};
    const struct db_result *rows = &result;

    slot->reads--;
    switch (answer) {
    case DB_ANSWER_OK:
        read->done(read->arg, NULL, &rows, 1);
        free(read);
        break;
    case DB_ANSWER_ERROR: failed(read, slot, reply); break;
    case DB_ANSWER_ABORTED:
        read->aborted++;
        again(read);
        break;
    case DB_ANSWER_LOST: lost(read); break;
    }
    if (slot->reads == 0 && slot->pool->reads_waiting)
        db_pool_wake(slot->pool);
}

/* The one with the fewest reads, of those that had none as the turn began: who is busy gets its
 * next ones when it has answered. What comes meanwhile goes out together, with one sync, and
 * nothing queues behind a slow statement while another reader is free. */
static struct db_slot *least_busy_reader(struct db_pool *pool)
{
    struct db_slot *best = NULL;

    for (int i = 0; i < pool->settings.readers; i++) {
        struct db_slot *slot = &pool->slots[i];

        if (slot->is_open && db_conn_state(slot->conn) == DB_CONN_UP &&
            !db_conn_is_broken(slot->conn) && slot->reads < DEPTH_MAX &&
            (!best || slot->reads < best->reads))
            best = slot;
    }
    return best;
}

static void send(struct db_read *read, struct db_slot *slot)
{
    bool is_alone = read->aborted >= ABORTED_MAX;

    if (is_alone && db_conn_is_unsynced(slot->conn))
        db_conn_sync(slot->conn, NULL, NULL);
    read->slot = slot;
    slot->reads++;
    db_conn_send(slot->conn, read->statement, read->args, on_answer, read);
    if (is_alone)
        db_conn_sync(slot->conn, NULL, NULL);
}

static struct db_read *take(struct db_pool *pool, struct list *head)
{
    struct db_read *read = list_entry(head->next, struct db_read, node);

    list_remove(&read->node);
    pool->reads_waiting--;
    return read;
}

void db_reads_give(struct db_pool *pool)
{
    struct db_slot *slot;

    for (int i = 0; i < pool->settings.readers; i++)
        pool->slots[i].is_open = pool->slots[i].reads == 0;
    while (pool->reads_waiting && (slot = least_busy_reader(pool)))
        send(take(pool, list_is_empty(&pool->reads_again) ? &pool->reads : &pool->reads_again),
             slot);
    for (int i = 0; i < pool->settings.readers; i++)
        if (db_conn_is_unsynced(pool->slots[i].conn))
            db_conn_sync(pool->slots[i].conn, NULL, NULL);
    while (pool->reads_waiting > pool->settings.waiters_max && !list_is_empty(&pool->reads)) {
        struct db_read *last = list_entry(pool->reads.prev, struct db_read, node);

        list_remove(&last->node);
        pool->reads_waiting--;
        fail(last, ERR_BUSY);
    }
}

static void expire(struct db_pool *pool, struct list *head, int64_t now_us)
{
    while (!list_is_empty(head) &&
           list_entry(head->next, struct db_read, node)->wait_until_us < now_us)
        fail(take(pool, head), db_pool_has_up(pool, true) ? ERR_BUSY : ERR_DATABASE_AWAY);
}

void db_reads_expire(struct db_pool *pool, int64_t now_us)
{
    expire(pool, &pool->reads_again, now_us);
    expire(pool, &pool->reads, now_us);
}

void db_reads_refuse(struct db_pool *pool)
{
    expire(pool, &pool->reads_again, INT64_MAX);
    expire(pool, &pool->reads, INT64_MAX);
}

bool db_reads_tell(struct db_pool *pool)
{
    bool has_told = !list_is_empty(&pool->reads_done);

    while (!list_is_empty(&pool->reads_done)) {
        struct db_read *read = list_entry(pool->reads_done.next, struct db_read, node);
        struct db_error error = {
            .err = read->failure,
            .constraint = "",
            .message = read->failure == ERR_BUSY ? "no reader had room in time" : pool->why,
            .detail = "",
        };

        list_remove(&read->node);
        read->done(read->arg, &error, NULL, 0);
        free(read);
    }
    return has_told;
}
