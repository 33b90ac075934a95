/* One connection: a state machine that never blocks, always in pipeline mode. libpq opens it, and
 * speaks for it where it must be encrypted.
 * Statements are answered in the order they were sent. Nothing is answered from inside
 * db_conn_send() or db_conn_sync(): a connection that breaks there says so later, from the loop. */
#ifndef SOUK_DB_CONN_H
#define SOUK_DB_CONN_H

#include "db/query.h"
#include "db/reply.h"
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct db_conn;
struct db_target;

enum db_conn_state { DB_CONN_DOWN, DB_CONN_CONNECTING, DB_CONN_UP };

enum db_answer {
    DB_ANSWER_OK,
    DB_ANSWER_ERROR,   /* reply tells */
    DB_ANSWER_ABORTED, /* not run, or undone: a statement before it, up to the last sync, failed */
    DB_ANSWER_LOST,    /* the connection ended first */
};
/* reply is lent (db/reply.h); NULL when ABORTED, LOST or for a sync. */
typedef void db_answer_fn(void *arg, enum db_answer answer, const struct db_reply *reply);

enum db_conn_event {
    DB_CONN_OPENED,
    DB_CONN_FAILED, /* an attempt to connect */
    DB_CONN_CLOSED, /* was up; everything in flight has been answered LOST */
    DB_CONN_BROKEN, /* opening or sending failed at once: db_conn_close() it, from the loop */
};
typedef void db_conn_event_fn(void *owner, enum db_conn_event event);

/* The target is borrowed. */
struct db_conn *db_conn_new(struct loop *loop,
                            const struct db_target *target,
                            bool is_read_only,
                            db_conn_event_fn *on_event,
                            void *owner);
void db_conn_free(struct db_conn *conn); /* takes NULL; closes; no event */
void db_conn_open(struct db_conn *conn); /* when DOWN; the event comes later */
/* why NULL: what went wrong last. Harmless when DOWN. */
void db_conn_close(struct db_conn *conn, const char *why);

/* Prepares the statement first when this connection has not yet. */
void db_conn_send(struct db_conn *conn,
                  const struct db_statement *statement,
                  struct db_args args,
                  db_answer_fn *fn,
                  void *arg);
/* Ends what was sent since the last sync, and hands all to the kernel. fn may be NULL. */
void db_conn_sync(struct db_conn *conn, db_answer_fn *fn, void *arg);

enum db_conn_state db_conn_state(const struct db_conn *conn);
bool db_conn_is_broken(const struct db_conn *conn);
bool db_conn_is_unsynced(const struct db_conn *conn);
int db_conn_in_flight(const struct db_conn *conn); /* statements and syncs not yet answered */
bool db_conn_is_in_transaction(const struct db_conn *conn);
int64_t db_conn_opened_us(const struct db_conn *conn);
const char *db_conn_why(const struct db_conn *conn); /* it last failed or closed; "" */
/* Since when it has been waiting for the server to connect or to answer; 0 when it is not waiting.
 */
int64_t db_conn_waiting_since_us(const struct db_conn *conn);

#endif
