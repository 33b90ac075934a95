/* Running statements: a read on the shared pipeline, or transactions on a connection of their own.
 */
#ifndef SOUK_DB_QUERY_H
#define SOUK_DB_QUERY_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct db_pool;
struct db_statement;
struct db_result; /* db/result.h */
struct db_tx;

/* Text format; at[i] NULL is SQL null. Copied before the call returns. */
struct db_args {
    const char *const *at;
    int count;
    const size_t *lengths; /* of the texts; NULL: nobody has counted */
};

static inline size_t db_arg_length(struct db_args args, int i)
{
    if (!args.at[i])
        return 0;
    return args.lengths ? args.lengths[i] : strlen(args.at[i]);
}

/* Why a statement failed. Strings die when done() returns; never for a client. */
struct db_error {
    enum err err;
    char sqlstate[6];       /* "" when the connection failed */
    const char *constraint; /* "" or the violated constraint */
    const char *message;    /* PostgreSQL's primary message */
    const char *detail;     /* SKnnn: JSON made by our own functions, or "" */
    bool is_retryable;      /* 40001, 40P01 */
    int statement;          /* index in a batch; -1: BEGIN, COMMIT, or none of them */
};

/* rows: count results (1 for db_read); NULL, 0 after a failure. error NULL: all well.
 * Called exactly once, from the loop, never before the call that took it returned. */
typedef void
db_done_fn(void *arg, const struct db_error *error, const struct db_result *const *rows, int count);

/* A single statement that only reads, on a pipelined reader (which refuses to write). A neighbour's
 * failure or a lost connection before the answer makes it run again. ERR_BUSY: no reader had room
 * within wait_max. ERR_DATABASE_AWAY: the server does not answer. */
void db_read(struct db_pool *pool,
             const struct db_statement *statement,
             struct db_args args,
             db_done_fn *done,
             void *arg);

struct db_call {
    const struct db_statement *statement;
    struct db_args args;
};

/* BEGIN, calls, COMMIT in one pipeline: one round trip. All or nothing. Serialization failures and
 * deadlocks are tried again, three times at most. A connection lost after COMMIT was sent, so that
 * nobody knows: ERR_OUTCOME_UNKNOWN. */
void db_batch(
    struct db_pool *pool, const struct db_call *calls, int count, db_done_fn *done, void *arg);
/* The same of one call, whose arguments nobody copies: they stay as they are until done(). */
void db_batch_lent(struct db_pool *pool, struct db_call call, db_done_fn *done, void *arg);

/* A longer transaction. on_begun gets an error and NULL when no connection came in time. The BEGIN
 * is sent with the first calls. Each tx ends with either db_tx_run(is_last) or db_tx_rollback(). */
typedef void db_begun_fn(void *arg, const struct db_error *error, struct db_tx *tx);
void db_begin(struct db_pool *pool, db_begun_fn *on_begun, void *arg);
/* calls in one pipeline, one db_tx_run at a time; with is_last the COMMIT goes out with them, and
 * the caller's tx is gone at once. After an error the transaction is rolled back and its connection
 * is others'; what is left of tx refuses further calls with the same error, so that nothing meant
 * for a transaction runs outside of one, until db_tx_rollback(). count may be 0 with is_last. */
void db_tx_run(struct db_tx *tx,
               const struct db_call *calls,
               int count,
               bool is_last,
               db_done_fn *done,
               void *arg);
/* While is_kept a statement that the server refuses leaves tx and its connection as they are: the
 * caller has set a savepoint, and goes back to it before anything else. */
void db_tx_keep(struct db_tx *tx, bool is_kept);
/* tx is gone for the caller; the connection returns when the server has answered. A done() that is
 * still due comes. */
void db_tx_rollback(struct db_tx *tx);

/* A session-level advisory lock on a connection of its own, for leadership: tries every retry_ms;
 * on_change(true) when held, (false) when lost. While it is held the connection is asked every
 * retry_ms, so that a leader whose server has gone silent steps down. */
struct db_leader;
typedef void db_leader_fn(void *arg, bool is_leader);
struct db_leader *db_leader_new(
    struct db_pool *pool, long long lock_key, int retry_ms, db_leader_fn *on_change, void *arg);
void db_leader_free(struct db_leader *leader); /* no on_change */

#endif
