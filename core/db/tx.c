/* Transactions: who waits for a writer, what one run sends, and what its answers mean. The one
 * difficulty is the end of a lost connection: whether the COMMIT took effect is known unless it was
 * sent and not answered. */
#include "base/clock.h"
#include "db/pool_parts.h"
#include "db/query.h"
#include "db/result_parts.h"
#include "db/statement.h"
#include "loop/loop.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define RETRIES_MAX 3

/* One pipeline: calls, their answers, and to whom they go. */
struct run {
    db_done_fn *done;
    void *arg;
    struct db_result *results; /* their replies are owned */
    int count;
    int answered;
    bool is_last;
    enum { COMMIT_NOT_SENT, COMMIT_SENT, COMMIT_DONE } commit;
    struct db_reply *refusal; /* owned: the first statement that failed */
    int refused_at;
    enum err failure; /* ERR_OK, or why without a refusal */
};

struct db_tx {
    struct list node; /* in begins, txs_asleep or txs_done */
    struct db_pool *pool;
    struct db_slot *slot;  /* NULL: none yet, or taken away */
    db_begun_fn *on_begun; /* until told */
    void *begun_arg;
    struct db_call *calls; /* of a batch; copies */
    int call_count;
    int retries;
    bool was_lost;
    bool is_batch, is_begun, is_running;
    bool is_let_go; /* by db_tx_rollback() during a run */
    bool is_dead;   /* error says why */
    bool is_kept;   /* db_tx_keep() */
    struct db_error error;
    char *message; /* error.message, owned */
    int64_t wait_until_us;
    struct loop_timer *timer;
    struct run run;
};

static void run_done(struct run *run)
{
    for (int i = 0; i < run->count; i++)
        db_reply_free((struct db_reply *)run->results[i].reply);
    db_reply_free(run->refusal);
    free(run->results);
    *run = (struct run){0};
}

static void tx_free(struct db_tx *tx)
{
    loop_timer_free(tx->timer);
    run_done(&tx->run);
    free(tx->calls);
    free(tx->message);
    free(tx);
}

static void on_released(void *arg, enum db_answer answer, const struct db_reply *reply)
{
    struct db_slot *slot = arg;

    (void)reply;
    slot->is_releasing = false;
    if (answer == DB_ANSWER_OK && db_conn_is_in_transaction(slot->conn))
        db_conn_close(slot->conn, "a rollback did not end the transaction");
    db_pool_wake(slot->pool);
}

/* The writer is for others again, once it has forgotten this transaction. */
static void release(struct db_slot *slot)
{
    struct db_pool *pool = slot->pool;

    slot->tx = NULL;
    if (db_conn_state(slot->conn) == DB_CONN_UP && db_conn_is_in_transaction(slot->conn)) {
        slot->is_releasing = true;
        db_conn_send(slot->conn, pool->rollback, (struct db_args){0}, NULL, NULL);
        db_conn_sync(slot->conn, on_released, slot);
    }
    db_pool_wake(pool);
}

static void detach(struct db_tx *tx)
{
    struct db_slot *slot = tx->slot;

    tx->slot = NULL;
    if (slot)
        release(slot);
}

static const char *why_of(const struct db_pool *pool, enum err e)
{
    if (e == ERR_BUSY)
        return "no writer was free in time";
    return e == ERR_OUTCOME_UNKNOWN ? "the connection ended while committing" : pool->why;
}

static struct db_error local_error(const struct db_pool *pool, enum err e)
{
    return (struct db_error){
        .err = e,
        .constraint = "",
        .message = why_of(pool, e),
        .detail = "",
        .statement = -1,
    };
}

static void die(struct db_tx *tx, const struct db_error *error)
{
    tx->is_dead = true;
    tx->error = *error;
    tx->message = strdup(error->message);
    if (!tx->message)
        abort();
    tx->error.message = tx->message;
    tx->error.constraint = tx->error.detail = "";
    detach(tx);
}

void db_tx_lost(struct db_tx *tx)
{
    struct db_error error = local_error(tx->pool, ERR_DATABASE_AWAY);

    if (!tx->is_dead)
        die(tx, &error);
}

static struct db_error error_of(const struct db_tx *tx, const struct run *run)
{
    struct db_error error = local_error(tx->pool, run->failure);

    if (!run->refusal)
        return error;
    db_error_from(&error, run->refusal);
    error.statement = run->refused_at;
    if (db_is_server_gone(error.sqlstate, false))
        error.err = ERR_DATABASE_AWAY;
    return error;
}

static void wait_for_writer(struct db_tx *tx, bool is_first)
{
    struct db_pool *pool = tx->pool;

    tx->wait_until_us = db_pool_wait_until_us(pool);
    list_add_last(is_first ? pool->begins.next : &pool->begins, &tx->node);
    pool->begins_waiting++;
    db_pool_wake(pool);
}

static void on_retry(void *arg)
{
    struct db_tx *tx = arg;

    loop_timer_free(tx->timer);
    tx->timer = NULL;
    list_remove(&tx->node);
    wait_for_writer(tx, true);
}

/* A batch can be run again when it is known to have had no effect. */
static bool try_again(struct db_tx *tx, const struct db_error *error)
{
    bool is_lost = error->err == ERR_DATABASE_AWAY && !tx->was_lost;

    if (!tx->is_batch || tx->pool->is_dead || !(error->is_retryable || is_lost) ||
        tx->retries == RETRIES_MAX)
        return false;
    tx->retries++;
    tx->was_lost |= is_lost;
    tx->pool->retried++;
    tx->run = (struct run){.done = tx->run.done, .arg = tx->run.arg};
    tx->is_begun = false;
    list_add_last(&tx->pool->txs_asleep, &tx->node);
    tx->timer =
        loop_after(tx->pool->loop, db_pool_dice(tx->pool, 1, 5 << tx->retries), on_retry, tx);
    return true;
}

static void tell_rows(struct run *run)
{
    const struct db_result *few[16];
    const struct db_result **rows = few;

    if (run->count > 16)
        rows = malloc((size_t)run->count * sizeof(const struct db_result *));
    if (!rows)
        abort();
    for (int i = 0; i < run->count; i++)
        rows[i] = &run->results[i];
    run->done(run->arg, NULL, rows, run->count);
    if (rows != few)
        free(rows);
}

/* A new session prepares anew, or finds the new primary; either way the transaction can be run
 * again. */
static bool is_session_spoilt(struct db_error *error)
{
    bool is_stale = db_is_plan_stale(error->sqlstate);

    error->is_retryable |= is_stale;
    return is_stale || db_is_server_gone(error->sqlstate, false);
}

/* The run is over. The writer is given back and tx freed or marked before done() is called, since
 * done() may start the next run. */
static void finish(struct db_tx *tx)
{
    struct run run = tx->run;
    struct db_pool *pool = tx->pool;
    struct db_slot *slot = tx->slot;
    bool is_failed = run.refusal || run.failure;
    struct db_error error = {0};
    bool is_gone = tx->is_batch || run.is_last || tx->is_let_go;
    bool is_ended = is_failed;

    if (is_failed)
        error = error_of(tx, &run);
    tx->is_running = false;
    if (is_failed && is_session_spoilt(&error)) {
        tx->slot = NULL;
        slot->tx = NULL;
        db_conn_close(slot->conn, error.message);
        if (db_is_server_gone(error.sqlstate, false))
            db_pool_distrust(pool, error.message);
    } else if (tx->is_kept && run.refusal && !run.failure) {
        is_ended = false;
    }
    if (is_ended || is_gone)
        detach(tx);
    if (is_failed && try_again(tx, &error)) {
        run_done(&run);
        return;
    }
    tx->run = (struct run){0};
    if (is_gone)
        tx_free(tx);
    else if (is_ended)
        die(tx, &error);
    if (is_failed)
        run.done(run.arg, &error, NULL, 0);
    else
        tell_rows(&run);
    run_done(&run);
}

static void refuse_run(struct run *run, const struct db_reply *refusal, int at)
{
    if (run->refusal || run->failure)
        return;
    run->refusal = db_reply_copy(refusal);
    run->refused_at = at;
}

static void lose_run(struct run *run, enum err e)
{
    if (!run->refusal && !run->failure)
        run->failure = e;
}

static void on_begin(void *arg, enum db_answer answer, const struct db_reply *reply)
{
    struct db_tx *tx = arg;

    if (answer == DB_ANSWER_ERROR)
        refuse_run(&tx->run, reply, -1);
    if (answer == DB_ANSWER_LOST && !tx->run.is_last)
        lose_run(&tx->run, ERR_DATABASE_AWAY);
}

static void on_call(void *arg, enum db_answer answer, const struct db_reply *reply)
{
    struct run *run = &((struct db_tx *)arg)->run;
    int at = run->answered++;

    if (answer == DB_ANSWER_OK)
        run->results[at].reply = db_reply_copy(reply);
    else if (answer == DB_ANSWER_ERROR)
        refuse_run(run, reply, at);
    else if (answer == DB_ANSWER_LOST && !run->is_last)
        lose_run(run, ERR_DATABASE_AWAY); /* else the COMMIT's fate says what happened */
}

static void on_commit(void *arg, enum db_answer answer, const struct db_reply *reply)
{
    struct run *run = &((struct db_tx *)arg)->run;
    const char *sqlstate = reply ? reply->sqlstate : NULL;

    if (answer == DB_ANSWER_OK && strcmp(reply->tag, "COMMIT") == 0)
        run->commit = COMMIT_DONE;
    else if (answer == DB_ANSWER_OK)
        lose_run(run, ERR_INTERNAL); /* it answered ROLLBACK */
    else if (answer == DB_ANSWER_LOST || (sqlstate && db_is_server_gone(sqlstate, true)))
        lose_run(run, ERR_OUTCOME_UNKNOWN);
    else if (answer == DB_ANSWER_ERROR)
        refuse_run(run, reply, -1);
}

static void on_sync(void *arg, enum db_answer answer, const struct db_reply *reply)
{
    struct db_tx *tx = arg;

    (void)reply;
    if (answer == DB_ANSWER_LOST && tx->run.commit != COMMIT_DONE)
        lose_run(&tx->run, ERR_DATABASE_AWAY);
    finish(tx);
}

static void send_run(struct db_tx *tx, const struct db_call *calls, int count)
{
    struct db_conn *conn = tx->slot->conn;
    struct run *run = &tx->run;

    run->results = calloc((size_t)count + 1, sizeof(*run->results));
    if (!run->results)
        abort();
    run->count = count;
    tx->is_running = true;
    if (!tx->is_begun)
        db_conn_send(conn, tx->pool->begin, (struct db_args){0}, on_begin, tx);
    tx->is_begun = true;
    for (int i = 0; i < count; i++) {
        run->results[i].statement = calls[i].statement;
        db_conn_send(conn, calls[i].statement, calls[i].args, on_call, tx);
    }
    if (run->is_last) {
        db_conn_send(conn, tx->pool->commit, (struct db_args){0}, on_commit, tx);
        run->commit = COMMIT_SENT;
    }
    db_conn_sync(conn, on_sync, tx);
}

static void tell_later(struct db_tx *tx)
{
    list_add_last(&tx->pool->txs_done, &tx->node);
    db_pool_wake(tx->pool);
}

void db_tx_run(struct db_tx *tx,
               const struct db_call *calls,
               int count,
               bool is_last,
               db_done_fn *done,
               void *arg)
{
    assert(!tx->is_running && !tx->is_batch);
    tx->run = (struct run){.done = done, .arg = arg, .is_last = is_last};
    if (tx->is_dead || (is_last && !count && !tx->is_begun)) {
        tx->is_running = true;
        tell_later(tx);
    } else {
        send_run(tx, calls, count);
    }
}

void db_tx_keep(struct db_tx *tx, bool is_kept)
{
    tx->is_kept = is_kept;
}

void db_tx_rollback(struct db_tx *tx)
{
    if (tx->is_running) {
        tx->is_let_go = true;
        return;
    }
    detach(tx);
    tx_free(tx);
}

static struct db_tx *tx_new(struct db_pool *pool)
{
    struct db_tx *tx = calloc(1, sizeof(*tx));

    if (!tx)
        abort();
    tx->pool = pool;
    list_init(&tx->node);
    return tx;
}

static void fail_waiting(struct db_tx *tx, enum err e)
{
    struct db_error error = local_error(tx->pool, e);

    die(tx, &error);
    tell_later(tx);
}

static void queue_up(struct db_tx *tx)
{
    if (tx->pool->begins_waiting >= tx->pool->settings.waiters_max)
        fail_waiting(tx, ERR_BUSY);
    else
        wait_for_writer(tx, false);
}

void db_begin(struct db_pool *pool, db_begun_fn *on_begun, void *arg)
{
    struct db_tx *tx = tx_new(pool);

    tx->on_begun = on_begun;
    tx->begun_arg = arg;
    queue_up(tx);
}

static void queue_up_batch(struct db_tx *tx, int count, db_done_fn *done, void *arg)
{
    tx->call_count = count;
    tx->is_batch = true;
    tx->run.done = done;
    tx->run.arg = arg;
    queue_up(tx);
}

static void make_calls(struct db_tx *tx, size_t size)
{
    tx->calls = malloc(size);
    if (!tx->calls)
        abort();
}

void db_batch_lent(struct db_pool *pool, struct db_call call, db_done_fn *done, void *arg)
{
    struct db_tx *tx = tx_new(pool);

    make_calls(tx, sizeof(call));
    tx->calls[0] = call;
    queue_up_batch(tx, 1, done, arg);
}

void db_batch(
    struct db_pool *pool, const struct db_call *calls, int count, db_done_fn *done, void *arg)
{
    struct db_tx *tx = tx_new(pool);
    size_t size = (size_t)count * sizeof(*calls) + 1;
    char *at;

    for (int i = 0; i < count; i++)
        size += db_args_size(calls[i].args);
    make_calls(tx, size);
    at = (char *)(tx->calls + count);
    for (int i = 0; i < count; i++) {
        tx->calls[i].statement = calls[i].statement;
        at = db_args_copy(calls[i].args, &tx->calls[i].args, at);
    }
    queue_up_batch(tx, count, done, arg);
}

static struct db_tx *take_waiting(struct db_pool *pool)
{
    struct db_tx *tx = list_entry(pool->begins.next, struct db_tx, node);

    list_remove(&tx->node);
    pool->begins_waiting--;
    return tx;
}

void db_txs_give(struct db_pool *pool)
{
    struct db_slot *slot;

    while (!list_is_empty(&pool->begins) && (slot = db_pool_free_writer(pool))) {
        struct db_tx *tx = take_waiting(pool);

        slot->tx = tx;
        tx->slot = slot;
        if (tx->is_batch) {
            tx->run.is_last = true;
            send_run(tx, tx->calls, tx->call_count);
        } else {
            list_add_last(&pool->txs_done, &tx->node);
        }
    }
}

void db_txs_expire(struct db_pool *pool, int64_t now_us)
{
    while (!list_is_empty(&pool->begins) &&
           list_entry(pool->begins.next, struct db_tx, node)->wait_until_us < now_us)
        fail_waiting(take_waiting(pool),
                     db_pool_has_up(pool, false) ? ERR_BUSY : ERR_DATABASE_AWAY);
}

void db_txs_refuse(struct db_pool *pool)
{
    while (pool->is_dead && !list_is_empty(&pool->txs_asleep))
        on_retry(list_entry(pool->txs_asleep.next, struct db_tx, node));
    db_txs_expire(pool, INT64_MAX);
}

static void tell(struct db_tx *tx)
{
    struct run run = tx->run;
    db_begun_fn *on_begun = tx->on_begun;
    void *begun_arg = tx->begun_arg;
    struct db_error error = tx->error;
    bool is_dead = tx->is_dead;

    if (on_begun && !is_dead) {
        tx->on_begun = NULL;
        on_begun(begun_arg, NULL, tx);
        return;
    }
    tx->is_running = false;
    tx->run = (struct run){0};
    error.message = tx->message;
    tx->message = NULL; /* until it has been told */
    if (on_begun || run.is_last || tx->is_batch || tx->is_let_go) {
        detach(tx);
        tx_free(tx);
    } else {
        tx->message = strdup(error.message);
    }
    if (on_begun)
        on_begun(begun_arg, &error, NULL);
    else
        run.done(run.arg, is_dead ? &error : NULL, NULL, 0);
    free((char *)error.message);
}

bool db_txs_tell(struct db_pool *pool)
{
    bool has_told = !list_is_empty(&pool->txs_done);

    while (!list_is_empty(&pool->txs_done)) {
        struct db_tx *tx = list_entry(pool->txs_done.next, struct db_tx, node);

        list_remove(&tx->node);
        tell(tx);
    }
    return has_told;
}
