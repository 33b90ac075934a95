/* The one difficulty is memory that moves: rows are counted as they come and taken apart when all
 * of them are there, so that what is lent points into a buffer that nobody touches meanwhile. */
#include "db/stream.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/conn_parts.h"
#include "db/statement.h"
#include "db/wire.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ROOM_FIRST 32768u
#define ROOM_KEPT  (1u << 20)
#define ROOM_MAX   ((size_t)1 << 30)
/* Less is not worth a system call. */
#define READ_MIN 8192u
/* Then others have their turn. */
#define READS_MAX 16

struct db_stream {
    struct buf out;
    size_t sent;
    bool is_deaf; /* the server takes nothing more: what it has still said is read */
    char *in;
    size_t len, room;
    size_t at;      /* of the first frame that was not looked at */
    size_t rows_at; /* of the first row of the answer that is under way */
    int rows;
    bool is_skipping; /* the server does, up to the next sync */
    char status;      /* of ReadyForQuery */
    bool has_answered;
    struct str *cells;
    size_t cells_room;
};

struct db_stream *db_stream_new(void)
{
    struct db_stream *stream = calloc(1, sizeof(*stream));

    if (!stream)
        abort();
    buf_init(&stream->out, ROOM_MAX);
    return stream;
}

void db_stream_free(struct db_stream *stream)
{
    if (!stream)
        return;
    buf_done(&stream->out);
    free(stream->in);
    free(stream->cells);
    free(stream);
}

void db_stream_begin(struct db_stream *stream)
{
    buf_clear(&stream->out);
    stream->sent = stream->len = stream->at = 0;
    stream->rows = 0;
    stream->is_deaf = stream->is_skipping = false;
    stream->status = 'I';
}

void db_stream_parse(struct db_stream *stream, const struct db_statement *statement)
{
    wire_put_parse(&stream->out, statement->prepared_name, statement->text);
}

void db_stream_describe(struct db_stream *stream, const struct db_statement *statement)
{
    wire_put_describe(&stream->out, statement->prepared_name);
}

void db_stream_execute(struct db_stream *stream,
                       const struct db_statement *statement,
                       struct db_args args)
{
    wire_put_execute(&stream->out, statement->prepared_name, args);
}

void db_stream_sync(struct db_stream *stream)
{
    wire_put_sync(&stream->out);
}

bool db_stream_is_in_transaction(const struct db_stream *stream)
{
    return stream->status != 'I';
}

bool db_stream_flush(struct db_conn *conn)
{
    struct db_stream *stream = conn->stream;
    struct buf *out = &stream->out;

    while (stream->sent < out->len && !stream->is_deaf) {
        ssize_t sent =
            send(PQsocket(conn->pg), out->at + stream->sent, out->len - stream->sent, MSG_NOSIGNAL);

        if (sent >= 0)
            stream->sent += (size_t)sent;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return true;
        else if (errno != EINTR)
            stream->is_deaf = true;
    }
    stream->sent = 0;
    buf_reuse(out, ROOM_KEPT);
    return false;
}

static bool fail(struct db_conn *conn, const char *why)
{
    (void)snprintf(conn->fault, sizeof(conn->fault), "%s", why);
    return false;
}

/* What the server said makes no sense: nothing after it can be trusted. */
static bool refuse(struct db_conn *conn, char type, const char *why)
{
    log_error("db.protocol.broken", "type=%d why=\"%s\"", type, why);
    return fail(conn, why);
}

/* Makes room behind what came. False: an answer is too large. */
static bool make_room(struct db_stream *stream)
{
    size_t from = stream->rows ? stream->rows_at : stream->at;
    size_t room = stream->room ? stream->room : ROOM_FIRST;

    if (from == stream->len && room > ROOM_KEPT) {
        free(stream->in);
        stream->in = NULL;
        stream->room = 0;
        room = ROOM_FIRST;
    }
    if (from == stream->len || (stream->room - stream->len < READ_MIN && from >= room / 2)) {
        if (stream->len > from)
            memmove(stream->in, stream->in + from, stream->len - from);
        stream->len -= from;
        stream->at -= from;
        stream->rows_at = 0;
    }
    if (stream->room - stream->len >= READ_MIN)
        return true;
    room = stream->room ? room * 2 : room;
    if (room > ROOM_MAX)
        return false;
    stream->in = realloc(stream->in, room + DB_CELL_PAD);
    if (!stream->in)
        abort();
    stream->room = room;
    return true;
}

/* Reads once. False: the session is over. *is_more: there may be more to read. */
static bool fill(struct db_conn *conn, bool *is_more)
{
    struct db_stream *stream = conn->stream;
    ssize_t got;
    size_t room;

    *is_more = false;
    if (!make_room(stream))
        return refuse(conn, 'D', "an answer is too large");
    room = stream->room - stream->len;
    do
        got = recv(PQsocket(conn->pg), stream->in + stream->len, room, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return true;
    if (got < 0)
        return fail(conn, strerror(errno));
    if (got == 0)
        return fail(conn, "the server closed the connection");
    stream->len += (size_t)got;
    *is_more = (size_t)got == room;
    return true;
}

/* Takes the rows apart that came for the first item. */
static bool take_rows(struct db_conn *conn, struct db_reply *reply)
{
    struct db_stream *stream = conn->stream;
    size_t columns = (size_t)reply->columns->count, at = stream->rows_at;
    struct str *cells;
    struct wire_frame frame;

    if ((size_t)stream->rows * columns > stream->cells_room) {
        stream->cells_room = (size_t)stream->rows * columns * 2;
        free(stream->cells);
        stream->cells = malloc(stream->cells_room * sizeof(*stream->cells));
        if (!stream->cells)
            abort();
    }
    cells = stream->cells;
    /* Notices may stand between them. */
    for (int row = 0; row < stream->rows; at += frame.size) {
        frame = wire_whole(stream->in + at);
        if (frame.type != 'D')
            continue;
        if (!wire_cells(frame.body, (int)columns, cells))
            return false;
        cells += columns;
        row++;
    }
    reply->rows = stream->rows;
    reply->cells = stream->cells;
    stream->rows = 0;
    return true;
}

static bool is_text(struct str body)
{
    return body.len && body.at[body.len - 1] == '\0';
}

/* CommandComplete, or EmptyQueryResponse without a tag. */
static bool on_complete(struct db_conn *conn, struct wire_frame frame)
{
    static const struct db_reply unknown = {.tag = "",
                                            .sqlstate = "26000",
                                            .severity = "ERROR",
                                            .message = "its columns are not known",
                                            .detail = "",
                                            .constraint = ""};
    struct db_columns *columns = conn->known[db_conn_first(conn)->statement_id].columns;
    struct db_reply reply = {.columns = columns, .tag = frame.type == 'C' ? frame.body.at : ""};

    if (frame.type == 'C' && !is_text(frame.body))
        return refuse(conn, frame.type, "a tag has no end");
    if (!columns) {
        conn->stream->rows = 0;
        db_conn_deliver(conn, DB_ANSWER_ERROR, &unknown);
        return true;
    }
    if (!take_rows(conn, &reply))
        return refuse(conn, 'D', "a row is not one");
    db_columns_ref(columns);
    db_conn_deliver(conn, DB_ANSWER_OK, &reply);
    db_columns_unref(columns);
    return true;
}

static bool on_failure(struct db_conn *conn, struct wire_frame frame)
{
    const struct item *first = db_conn_first(conn);
    struct db_reply reply;

    if (!wire_failure(frame.body, &reply))
        return refuse(conn, frame.type, "a failure is not one");
    conn->stream->rows = 0;
    if (!first || first->kind == ITEM_SYNC) {
        db_conn_farewell(conn, &reply);
        /* Who was told that all is well must not learn from nobody that it was not. */
        return !first || conn->is_ended || fail(conn, reply.message);
    }
    conn->stream->is_skipping = true;
    db_conn_deliver(conn, DB_ANSWER_ERROR, &reply);
    while (conn->state == DB_CONN_UP && (first = db_conn_first(conn)) && first->kind != ITEM_SYNC)
        db_conn_deliver(conn, DB_ANSWER_ABORTED, NULL);
    return true;
}

static bool on_described(struct db_conn *conn, struct wire_frame frame)
{
    struct knowledge *known = &conn->known[db_conn_first(conn)->statement_id];
    struct db_columns *columns = frame.type == 'T' ? wire_columns(frame.body) : db_columns_new(0);

    if (!columns)
        return refuse(conn, frame.type, "a description of rows is not one");
    db_columns_unref(known->columns);
    known->columns = columns;
    db_conn_deliver(conn, DB_ANSWER_OK, NULL);
    return true;
}

static bool on_ready_for_query(struct db_conn *conn, struct wire_frame frame)
{
    if (frame.body.len != 1)
        return refuse(conn, frame.type, "a status is not one");
    conn->stream->status = frame.body.at[0];
    conn->stream->is_skipping = false;
    db_conn_deliver(conn, DB_ANSWER_OK, NULL);
    return true;
}

static void on_row(struct db_stream *stream, const struct wire_frame *frame)
{
    if (!stream->rows++)
        stream->rows_at = stream->at - frame->size;
    stream->has_answered = true;
}

/* What may come whenever it likes. */
static bool on_news(struct db_conn *conn, struct wire_frame frame)
{
    struct db_reply reply;

    if (frame.type == 'N' && wire_failure(frame.body, &reply))
        db_conn_farewell(conn, &reply);
    return true;
}

/* What answers the first item must be of its kind. */
static bool is_expected(struct db_conn *conn, char type)
{
    const struct item *first = db_conn_first(conn);

    if (!first)
        return false;
    switch (type) {
    case '1': return first->kind == ITEM_PREPARE;
    case 't':
    case 'T':
    case 'n': return first->kind == ITEM_DESCRIBE;
    case '2':
    case 'D':
    case 'C':
    case 'I': return first->kind == ITEM_STATEMENT;
    case 'Z': return first->kind == ITEM_SYNC;
    default: return false;
    }
}

static bool take(struct db_conn *conn, struct wire_frame frame)
{
    if (frame.type == 'D' && conn->stream->rows) { /* one more of those that were expected */
        on_row(conn->stream, &frame);
        return true;
    }
    switch (frame.type) {
    case 'A':
    case 'N':
    case 'S': return on_news(conn, frame);
    case 'E': return on_failure(conn, frame);
    default: break;
    }
    if (!is_expected(conn, frame.type))
        return refuse(conn, frame.type, "the server said what nobody asked");
    conn->stream->has_answered = true;
    switch (frame.type) {
    case '1': db_conn_deliver(conn, DB_ANSWER_OK, NULL); return true;
    case 'T':
    case 'n': return on_described(conn, frame);
    case 'D': on_row(conn->stream, &frame); return true;
    case 'C':
    case 'I': return on_complete(conn, frame);
    case 'Z': return on_ready_for_query(conn, frame);
    default: return true;
    }
}

static bool take_all(struct db_conn *conn)
{
    struct db_stream *stream = conn->stream;
    struct wire_frame frame;

    while (conn->state == DB_CONN_UP && !conn->is_broken && stream->at < stream->len) {
        struct str left = {stream->in + stream->at, stream->len - stream->at};
        enum wire_look look = wire_look(left, &frame);

        if (look == WIRE_BAD)
            return refuse(conn, left.at[0], "lost synchronization with the server");
        if (look == WIRE_PART)
            return true;
        stream->at += frame.size;
        if (!take(conn, frame))
            return false;
    }
    return true;
}

bool db_stream_receive(struct db_conn *conn)
{
    bool is_more = true;

    if (conn->is_broken)
        return true;
    conn->stream->has_answered = false;
    for (int i = 0; is_more && i < READS_MAX && conn->state == DB_CONN_UP; i++)
        if (!fill(conn, &is_more) || !take_all(conn))
            return false;
    if (conn->stream->has_answered)
        conn->progress_us = clock_monotonic_us();
    return true;
}
