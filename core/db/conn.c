/* The one difficulty: libpq counts what was sent in its own queue, ours must stay in step with it.
 * So an item is listed before libpq is asked, and a connection where libpq refused is never read
 * again. */
#include "db/conn.h"

#include "base/clock.h"
#include "db/statement.h"
#include "db/target.h"
#include "loop/loop.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was sent and is not answered yet. */
struct item {
    enum { ITEM_STATEMENT, ITEM_PREPARE, ITEM_SYNC } kind;
    unsigned statement_id;
    db_answer_fn *fn;
    void *arg;
};

struct db_conn {
    struct loop *loop;
    const struct db_target *target;
    bool is_read_only;
    db_conn_event_fn *on_event;
    void *owner;

    enum db_conn_state state;
    PGconn *pg;
    struct loop_watch *watch;
    bool is_broken;
    bool is_ended; /* the server said so */
    bool is_unsynced;
    int64_t opened_us;
    int64_t progress_us; /* last answer, or when something was first waited for */
    char why[256];

    struct item *items; /* ring; room is a power of two */
    size_t first, count, room;
    PGresult *held; /* the first item's result, until libpq says that it was the only one */
    PGresult *prepare_error; /* of the item before the first: the answer to the first */
    unsigned char *prepared; /* by statement id */
    size_t prepared_room;
};

static void on_ready(void *arg, int ready);

struct db_conn *db_conn_new(struct loop *loop,
                            const struct db_target *target,
                            bool is_read_only,
                            db_conn_event_fn *on_event,
                            void *owner)
{
    struct db_conn *conn = calloc(1, sizeof(*conn));

    if (!conn)
        abort();
    *conn = (struct db_conn){
        .loop = loop,
        .target = target,
        .is_read_only = is_read_only,
        .on_event = on_event,
        .owner = owner,
        .room = 64,
    };
    conn->items = calloc(conn->room, sizeof(*conn->items));
    if (!conn->items)
        abort();
    return conn;
}

static void push_item(struct db_conn *conn, struct item item)
{
    if (conn->count == conn->room) {
        struct item *wider = calloc(conn->room * 2, sizeof(*wider));

        if (!wider)
            abort();
        for (size_t i = 0; i < conn->count; i++)
            wider[i] = conn->items[(conn->first + i) & (conn->room - 1)];
        free(conn->items);
        conn->items = wider;
        conn->first = 0;
        conn->room *= 2;
    }
    if (!conn->count)
        conn->progress_us = clock_monotonic_us();
    conn->items[(conn->first + conn->count++) & (conn->room - 1)] = item;
}

static struct item pop_item(struct db_conn *conn)
{
    struct item item = conn->items[conn->first];

    conn->first = (conn->first + 1) & (conn->room - 1);
    conn->count--;
    return item;
}

static void drop_results(struct db_conn *conn)
{
    PQclear(conn->held);
    PQclear(conn->prepare_error);
    conn->held = conn->prepare_error = NULL;
}

/* Ends the session; what is in flight stays listed. */
static void disconnect(struct db_conn *conn, const char *why)
{
    size_t len;

    if (!conn->is_ended)
        (void)snprintf(conn->why, sizeof(conn->why), "%s", why);
    len = strlen(conn->why);
    while (len && conn->why[len - 1] == '\n')
        conn->why[--len] = '\0';
    loop_watch_free(conn->watch);
    conn->watch = NULL;
    drop_results(conn);
    PQfinish(conn->pg);
    conn->pg = NULL;
    conn->state = DB_CONN_DOWN;
    conn->is_broken = conn->is_ended = conn->is_unsynced = false;
    if (conn->prepared)
        memset(conn->prepared, 0, conn->prepared_room);
}

void db_conn_close(struct db_conn *conn, const char *why)
{
    enum db_conn_state before = conn->state;
    PGresult *last_words = conn->prepare_error;
    size_t lost = conn->count;

    if (before == DB_CONN_DOWN)
        return;
    conn->prepare_error = NULL;
    disconnect(conn, why ? why : PQerrorMessage(conn->pg));
    while (lost--) {
        struct item item = pop_item(conn);

        if (item.fn && last_words)
            item.fn(item.arg, DB_ANSWER_ERROR, last_words);
        else if (item.fn)
            item.fn(item.arg, DB_ANSWER_LOST, NULL);
        else
            PQclear(last_words);
        last_words = NULL;
    }
    conn->on_event(conn->owner, before == DB_CONN_UP ? DB_CONN_CLOSED : DB_CONN_FAILED);
}

void db_conn_free(struct db_conn *conn)
{
    if (!conn)
        return;
    conn->on_event = NULL;
    disconnect(conn, "");
    free(conn->items);
    free(conn->prepared);
    free(conn);
}

/* While nothing is asked, the server's farewell comes as a notice. Whoever used the connection
 * after it would not learn what became of a COMMIT. */
static void on_notice(void *arg, const PGresult *notice)
{
    struct db_conn *conn = arg;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);

    if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0)) {
        conn->is_ended = true;
        (void)snprintf(conn->why, sizeof(conn->why), "%s", message ? message : severity);
    }
}

static void watch(struct db_conn *conn, int ready)
{
    conn->watch = loop_watch_new(conn->loop, PQsocket(conn->pg), ready, on_ready, conn);
}

static void opened(struct db_conn *conn)
{
    if (PQsetnonblocking(conn->pg, 1) != 0 || !PQenterPipelineMode(conn->pg)) {
        db_conn_close(conn, "no pipeline mode");
        return;
    }
    watch(conn, LOOP_READ);
    conn->state = DB_CONN_UP;
    conn->opened_us = clock_monotonic_us();
    conn->on_event(conn->owner, DB_CONN_OPENED);
}

/* libpq may change its socket in any step, so each step watches anew. */
static void connect_step(struct db_conn *conn)
{
    loop_watch_free(conn->watch);
    conn->watch = NULL;
    switch (PQconnectPoll(conn->pg)) {
    case PGRES_POLLING_READING: watch(conn, LOOP_READ); break;
    case PGRES_POLLING_WRITING: watch(conn, LOOP_WRITE); break;
    case PGRES_POLLING_OK: opened(conn); break;
    default: db_conn_close(conn, NULL); break;
    }
}

static void mark_broken(struct db_conn *conn)
{
    if (!conn->is_broken) {
        conn->is_broken = true;
        conn->on_event(conn->owner, DB_CONN_BROKEN);
    }
}

void db_conn_open(struct db_conn *conn)
{
    conn->state = DB_CONN_CONNECTING;
    conn->progress_us = clock_monotonic_us();
    conn->pg = PQconnectStartParams(db_target_keywords(conn->target),
                                    db_target_values(conn->target, conn->is_read_only), 0);
    if (!conn->pg)
        abort(); /* out of memory */
    PQsetNoticeReceiver(conn->pg, on_notice, conn);
    if (PQstatus(conn->pg) == CONNECTION_BAD)
        mark_broken(conn);
    else
        watch(conn, LOOP_WRITE);
}

static void want(struct db_conn *conn, bool is_write_wanted)
{
    loop_watch_set(conn->watch, LOOP_READ | (is_write_wanted ? LOOP_WRITE : 0));
}

static void set_prepared(struct db_conn *conn, unsigned id, bool is_prepared)
{
    if (id >= conn->prepared_room) {
        size_t room = (id + 256u) & ~255u;

        conn->prepared = realloc(conn->prepared, room);
        if (!conn->prepared)
            abort();
        memset(conn->prepared + conn->prepared_room, 0, room - conn->prepared_room);
        conn->prepared_room = room;
    }
    conn->prepared[id] = is_prepared;
}

static bool is_prepared(const struct db_conn *conn, unsigned id)
{
    return id < conn->prepared_room && conn->prepared[id];
}

void db_conn_send(struct db_conn *conn,
                  const struct db_statement *statement,
                  struct db_args args,
                  db_answer_fn *fn,
                  void *arg)
{
    bool is_ok = true;

    if (!is_prepared(conn, statement->id)) {
        /* Believed at once, so that the next one in the pipeline does not prepare again. */
        set_prepared(conn, statement->id, true);
        push_item(conn, (struct item){.kind = ITEM_PREPARE, .statement_id = statement->id});
        is_ok = PQsendPrepare(conn->pg, statement->prepared_name, statement->text, 0, NULL);
    }
    push_item(conn, (struct item){ITEM_STATEMENT, statement->id, fn, arg});
    is_ok = is_ok && PQsendQueryPrepared(conn->pg, statement->prepared_name, args.count, args.at,
                                         NULL, NULL, 0);
    conn->is_unsynced = true;
    if (!is_ok)
        mark_broken(conn);
}

void db_conn_sync(struct db_conn *conn, db_answer_fn *fn, void *arg)
{
    push_item(conn, (struct item){.kind = ITEM_SYNC, .fn = fn, .arg = arg});
    conn->is_unsynced = false;
    if (!PQpipelineSync(conn->pg))
        mark_broken(conn);
    else
        want(conn, PQflush(conn->pg) == 1);
}

static enum db_answer answer_of(const PGresult *result)
{
    const char *sqlstate;

    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_PIPELINE_SYNC: return DB_ANSWER_OK;
    case PGRES_PIPELINE_ABORTED: return DB_ANSWER_ABORTED;
    default:
        /* Without an SQLSTATE libpq speaks, not the server: the connection ended. */
        sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        return sqlstate ? DB_ANSWER_ERROR : DB_ANSWER_LOST;
    }
}

/* The first item is answered by result. A statement that could not be prepared is answered by that
 * error. */
static void deliver(struct db_conn *conn, PGresult *result)
{
    struct item item = pop_item(conn);
    enum db_answer answer = answer_of(result);

    if (item.kind != ITEM_SYNC && answer == DB_ANSWER_OK)
        PQclear(conn->prepare_error), conn->prepare_error = NULL;
    if (item.kind == ITEM_PREPARE) {
        if (answer != DB_ANSWER_OK)
            set_prepared(conn, item.statement_id, false);
        if (answer == DB_ANSWER_ERROR) {
            conn->prepare_error = result;
            return;
        }
    } else if (item.kind == ITEM_STATEMENT && conn->prepare_error) {
        PQclear(result);
        result = conn->prepare_error;
        conn->prepare_error = NULL;
        answer = DB_ANSWER_ERROR;
    }
    if (item.fn && item.kind == ITEM_STATEMENT &&
        (answer == DB_ANSWER_OK || answer == DB_ANSWER_ERROR)) {
        item.fn(item.arg, answer, result);
        return;
    }
    PQclear(result);
    if (item.fn)
        item.fn(item.arg, answer, NULL);
}

static void receive(struct db_conn *conn)
{
    bool has_answer = false;

    while (conn->state == DB_CONN_UP && !conn->is_broken && conn->count && !PQisBusy(conn->pg)) {
        PGresult *result = PQgetResult(conn->pg);

        if (!has_answer)
            conn->progress_us = clock_monotonic_us();
        has_answer = true;
        if (result && PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            deliver(conn, result);
        } else if (result && !conn->held) {
            conn->held = result;
        } else if (result) {
            PQclear(result); /* a second one: only libpq's word that the connection ended */
        } else if (conn->held) {
            result = conn->held;
            conn->held = NULL;
            deliver(conn, result);
        } else {
            return; /* libpq has nothing for us: the connection is bad, as the caller will see */
        }
    }
}

static void on_ready(void *arg, int ready)
{
    struct db_conn *conn = arg;
    bool is_alive = true;

    if (conn->state == DB_CONN_CONNECTING) {
        connect_step(conn);
        return;
    }
    if (ready & LOOP_WRITE)
        want(conn, PQflush(conn->pg) == 1);
    if (ready & LOOP_READ) {
        is_alive = PQconsumeInput(conn->pg);
        (void)PQisBusy(conn->pg); /* reads notices and parameter changes while nothing is asked */
    }
    receive(conn);
    if (conn->state != DB_CONN_UP)
        return;
    if (!is_alive || conn->is_ended || PQstatus(conn->pg) == CONNECTION_BAD)
        db_conn_close(conn, NULL);
}

enum db_conn_state db_conn_state(const struct db_conn *conn)
{
    return conn->state;
}

bool db_conn_is_broken(const struct db_conn *conn)
{
    return conn->is_broken;
}

bool db_conn_is_unsynced(const struct db_conn *conn)
{
    return conn->is_unsynced;
}

int db_conn_in_flight(const struct db_conn *conn)
{
    return (int)conn->count;
}

bool db_conn_is_in_transaction(const struct db_conn *conn)
{
    return PQtransactionStatus(conn->pg) != PQTRANS_IDLE;
}

int64_t db_conn_opened_us(const struct db_conn *conn)
{
    return conn->opened_us;
}

const char *db_conn_why(const struct db_conn *conn)
{
    return conn->why;
}

int64_t db_conn_waiting_since_us(const struct db_conn *conn)
{
    bool is_waiting =
        conn->state == DB_CONN_CONNECTING || (conn->state == DB_CONN_UP && conn->count);

    return is_waiting ? conn->progress_us : 0;
}
