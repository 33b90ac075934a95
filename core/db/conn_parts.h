/* What conn.c shares with stream.c, which speaks for it where libpq is not needed. */
#ifndef SOUK_DB_CONN_PARTS_H
#define SOUK_DB_CONN_PARTS_H

#include "db/conn.h"
#include <libpq-fe.h>

/* What was sent and is not answered yet. */
enum item_kind { ITEM_STATEMENT, ITEM_PREPARE, ITEM_DESCRIBE, ITEM_SYNC };
struct item {
    enum item_kind kind;
    unsigned statement_id;
    db_answer_fn *fn;
    void *arg;
};

/* What a session knows of a statement. Believed when it is sent, so that the next one in the
 * pipeline does not send it again; taken back when it failed. */
struct knowledge {
    bool is_prepared, is_described;
    struct db_columns *columns; /* a share */
};

struct db_conn {
    struct loop *loop;
    const struct db_target *target;
    bool is_read_only;
    db_conn_event_fn *on_event;
    void *owner;

    enum db_conn_state state;
    PGconn *pg;
    struct db_stream *stream; /* its memory outlives sessions: what was lent from it stays */
    bool is_direct;           /* stream speaks; else libpq, since it has to encrypt */
    struct loop_watch *watch;
    bool is_broken;
    bool is_ended; /* the server said so */
    bool is_unsynced;
    int64_t opened_us;
    int64_t progress_us; /* last answer, or when something was first waited for */
    char why[256];
    char fault[256]; /* what went wrong beside libpq; "" */

    struct item *items; /* ring; room is a power of two */
    size_t first, count, room;
    PGresult *held; /* the first item's result, until libpq says that it was the only one */
    struct db_reply *prepare_error; /* of the item before the first: the answer to the first */
    struct knowledge *known;        /* by statement id */
    size_t known_room;
    struct str *cells; /* of libpq's result */
    size_t cells_room;
};

static inline struct item *db_conn_first(struct db_conn *conn)
{
    return conn->count ? &conn->items[conn->first] : NULL;
}

/* The first item is answered; it is no longer listed when its function is called. */
void db_conn_deliver(struct db_conn *conn, enum db_answer answer, const struct db_reply *reply);
/* The server ends the session with this failure, though nothing asked it. */
void db_conn_farewell(struct db_conn *conn, const struct db_reply *failure);
void db_conn_mark_broken(struct db_conn *conn);

#endif
