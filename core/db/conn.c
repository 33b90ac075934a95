/* The one difficulty: libpq counts what was sent in its own queue, ours must stay in step with it.
 * So an item is listed before libpq is asked, and a connection where libpq refused is never read
 * again. */
#include "db/conn.h"

#include "base/clock.h"
#include "db/conn_parts.h"
#include "db/statement.h"
#include "db/stream.h"
#include "db/target.h"
#include "loop/loop.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        .stream = db_stream_new(),
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
    db_reply_free(conn->prepare_error);
    conn->held = NULL;
    conn->prepare_error = NULL;
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
    conn->is_broken = conn->is_ended = conn->is_unsynced = conn->is_direct = false;
    conn->fault[0] = '\0';
    for (size_t i = 0; i < conn->known_room; i++) {
        db_columns_unref(conn->known[i].columns);
        conn->known[i] = (struct knowledge){0};
    }
}

void db_conn_close(struct db_conn *conn, const char *why)
{
    enum db_conn_state before = conn->state;
    struct db_reply *last_words = conn->prepare_error, *said = last_words;
    size_t lost = conn->count;

    if (before == DB_CONN_DOWN)
        return;
    conn->prepare_error = NULL;
    if (!why)
        why = conn->fault[0] ? conn->fault : PQerrorMessage(conn->pg);
    disconnect(conn, why);
    while (lost--) {
        struct item item = pop_item(conn);

        if (item.fn && last_words)
            item.fn(item.arg, DB_ANSWER_ERROR, last_words);
        else if (item.fn)
            item.fn(item.arg, DB_ANSWER_LOST, NULL);
        last_words = NULL;
    }
    db_reply_free(said);
    conn->on_event(conn->owner, before == DB_CONN_UP ? DB_CONN_CLOSED : DB_CONN_FAILED);
}

void db_conn_free(struct db_conn *conn)
{
    if (!conn)
        return;
    conn->on_event = NULL;
    disconnect(conn, "");
    db_stream_free(conn->stream);
    free(conn->items);
    free(conn->known);
    free(conn->cells);
    free(conn);
}

/* While nothing is asked, the server's farewell comes as a notice. Whoever used the connection
 * after it would not learn what became of a COMMIT. */
void db_conn_farewell(struct db_conn *conn, const struct db_reply *failure)
{
    if (!db_reply_is_fatal(failure))
        return;
    conn->is_ended = true;
    (void)snprintf(conn->why, sizeof(conn->why), "%s", failure->message);
}

static const char *field(const PGresult *result, int code)
{
    const char *value = PQresultErrorField(result, code);

    return value ? value : "";
}

static struct db_reply failure_of(const PGresult *result)
{
    return (struct db_reply){
        .tag = "",
        .sqlstate = field(result, PG_DIAG_SQLSTATE),
        .severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED),
        .message = field(result, PG_DIAG_MESSAGE_PRIMARY),
        .detail = field(result, PG_DIAG_MESSAGE_DETAIL),
        .constraint = field(result, PG_DIAG_CONSTRAINT_NAME),
    };
}

static void on_notice(void *arg, const PGresult *notice)
{
    struct db_reply failure = failure_of(notice);

    db_conn_farewell(arg, &failure);
}

static void watch(struct db_conn *conn, int ready)
{
    conn->watch = loop_watch_new(conn->loop, PQsocket(conn->pg), ready, on_ready, conn);
}

static void opened(struct db_conn *conn)
{
    conn->is_direct = !PQsslInUse(conn->pg) && !PQgssEncInUse(conn->pg);
    if (PQsetnonblocking(conn->pg, 1) != 0 ||
        (!conn->is_direct && !PQenterPipelineMode(conn->pg))) {
        db_conn_close(conn, "no pipeline mode");
        return;
    }
    (void)PQisBusy(conn->pg); /* what libpq has read already, it reads to its end */
    db_stream_begin(conn->stream);
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

void db_conn_mark_broken(struct db_conn *conn)
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
        db_conn_mark_broken(conn);
    else
        watch(conn, LOOP_WRITE);
}

static void want(struct db_conn *conn, bool is_write_wanted)
{
    loop_watch_set(conn->watch, LOOP_READ | (is_write_wanted ? LOOP_WRITE : 0));
}

static struct knowledge *known(struct db_conn *conn, unsigned id)
{
    if (id >= conn->known_room) {
        size_t room = (id + 256u) & ~255u;

        conn->known = realloc(conn->known, room * sizeof(*conn->known));
        if (!conn->known)
            abort();
        memset(conn->known + conn->known_room, 0, (room - conn->known_room) * sizeof(*conn->known));
        conn->known_room = room;
    }
    return &conn->known[id];
}

static void list(struct db_conn *conn, enum item_kind kind, unsigned statement_id)
{
    push_item(conn, (struct item){.kind = kind, .statement_id = statement_id});
}

/* What the session does not know of a statement goes before it. */
static bool introduce(struct db_conn *conn, const struct db_statement *statement)
{
    struct knowledge *of = known(conn, statement->id);
    bool is_ok = true;

    if (!of->is_prepared) {
        of->is_prepared = true;
        list(conn, ITEM_PREPARE, statement->id);
        if (conn->is_direct)
            db_stream_parse(conn->stream, statement);
        else
            is_ok = PQsendPrepare(conn->pg, statement->prepared_name, statement->text, 0, NULL);
    }
    if (conn->is_direct && !of->is_described) {
        of->is_described = true;
        list(conn, ITEM_DESCRIBE, statement->id);
        db_stream_describe(conn->stream, statement);
    }
    return is_ok;
}

void db_conn_send(struct db_conn *conn,
                  const struct db_statement *statement,
                  struct db_args args,
                  db_answer_fn *fn,
                  void *arg)
{
    bool is_ok = introduce(conn, statement);

    push_item(conn, (struct item){ITEM_STATEMENT, statement->id, fn, arg});
    if (conn->is_direct)
        db_stream_execute(conn->stream, statement, args);
    else
        is_ok = is_ok && PQsendQueryPrepared(conn->pg, statement->prepared_name, args.count,
                                             args.at, NULL, NULL, 0);
    conn->is_unsynced = true;
    if (!is_ok)
        db_conn_mark_broken(conn);
}

static void flush(struct db_conn *conn)
{
    want(conn, conn->is_direct ? db_stream_flush(conn) : PQflush(conn->pg) == 1);
}

void db_conn_sync(struct db_conn *conn, db_answer_fn *fn, void *arg)
{
    push_item(conn, (struct item){.kind = ITEM_SYNC, .fn = fn, .arg = arg});
    conn->is_unsynced = false;
    if (conn->is_direct)
        db_stream_sync(conn->stream);
    else if (!PQpipelineSync(conn->pg)) {
        db_conn_mark_broken(conn);
        return;
    }
    flush(conn);
}

/* A statement that could not be prepared is answered by that failure. */
static void answer(const struct item *item, enum db_answer answer, const struct db_reply *reply)
{
    bool is_told =
        item->kind == ITEM_STATEMENT && (answer == DB_ANSWER_OK || answer == DB_ANSWER_ERROR);

    if (item->fn)
        item->fn(item->arg, answer, is_told ? reply : NULL);
}

void db_conn_deliver(struct db_conn *conn, enum db_answer how, const struct db_reply *reply)
{
    struct item item = pop_item(conn);
    struct db_reply *earlier = conn->prepare_error;
    bool is_introduction = item.kind == ITEM_PREPARE || item.kind == ITEM_DESCRIBE;

    if (is_introduction && how != DB_ANSWER_OK) {
        struct knowledge *of = &conn->known[item.statement_id];

        of->is_described = false;
        if (item.kind == ITEM_PREPARE)
            of->is_prepared = false;
        if (how == DB_ANSWER_ERROR)
            conn->prepare_error = db_reply_copy(reply);
        return;
    }
    if (item.kind == ITEM_SYNC) {
        answer(&item, how, NULL);
        return;
    }
    conn->prepare_error = NULL;
    if (item.kind == ITEM_STATEMENT && earlier && how != DB_ANSWER_OK)
        answer(&item, DB_ANSWER_ERROR, earlier);
    else if (!is_introduction)
        answer(&item, how, reply);
    db_reply_free(earlier);
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

/* libpq's columns of the statement, which are the last ones as long as they are like them. */
static struct db_columns *columns_of(struct db_conn *conn, unsigned id, const PGresult *result)
{
    struct knowledge *of = known(conn, id);
    struct db_columns *columns = db_columns_new(PQnfields(result));

    for (int i = 0; i < columns->count; i++) {
        columns->types[i] = PQftype(result, i);
        columns->names[i] = strdup(PQfname(result, i));
        if (!columns->names[i])
            abort();
    }
    if (of->columns && db_columns_are_alike(of->columns, columns)) {
        db_columns_unref(columns);
    } else {
        db_columns_unref(of->columns);
        of->columns = columns;
    }
    return of->columns;
}

static struct db_reply rows_of(struct db_conn *conn, PGresult *result)
{
    struct db_columns *columns = columns_of(conn, db_conn_first(conn)->statement_id, result);
    int rows = PQntuples(result);
    size_t room = (size_t)rows * (size_t)columns->count;
    struct str *cell;

    if (room > conn->cells_room) {
        free(conn->cells);
        conn->cells = malloc(room * sizeof(*conn->cells));
        if (!conn->cells)
            abort();
        conn->cells_room = room;
    }
    cell = conn->cells;
    for (int row = 0; row < rows; row++)
        for (int i = 0; i < columns->count; i++, cell++)
            *cell = PQgetisnull(result, row, i) ? (struct str){0}
                                                : (struct str){PQgetvalue(result, row, i),
                                                               (size_t)PQgetlength(result, row, i)};
    return (struct db_reply){
        .columns = columns, .rows = rows, .cells = conn->cells, .tag = PQcmdStatus(result)};
}

static void deliver_rows(struct db_conn *conn, PGresult *result)
{
    struct db_reply reply = rows_of(conn, result);
    struct db_reply *padded = db_reply_copy(&reply);

    db_conn_deliver(conn, DB_ANSWER_OK, padded);
    db_reply_free(padded);
}

static void deliver(struct db_conn *conn, PGresult *result)
{
    enum db_answer how = answer_of(result);
    struct db_reply failure;

    if (how == DB_ANSWER_OK && db_conn_first(conn)->kind == ITEM_STATEMENT) {
        deliver_rows(conn, result);
    } else if (how == DB_ANSWER_ERROR) {
        failure = failure_of(result);
        db_conn_deliver(conn, how, &failure);
    } else {
        db_conn_deliver(conn, how, NULL);
    }
    PQclear(result);
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

/* False: the session is over. */
static bool read_libpq(struct db_conn *conn, int ready)
{
    bool is_alive = true;

    if (ready & LOOP_READ) {
        is_alive = PQconsumeInput(conn->pg);
        (void)PQisBusy(conn->pg); /* reads notices and parameter changes while nothing is asked */
    }
    receive(conn);
    return is_alive && (conn->state != DB_CONN_UP || PQstatus(conn->pg) != CONNECTION_BAD);
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
        flush(conn);
    if (!conn->is_direct)
        is_alive = read_libpq(conn, ready);
    else if (ready & LOOP_READ)
        is_alive = db_stream_receive(conn);
    if (conn->state == DB_CONN_UP && (!is_alive || conn->is_ended))
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
    if (conn->is_direct)
        return conn->count || db_stream_is_in_transaction(conn->stream);
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
