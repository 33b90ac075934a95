/* In: COPY in text format, sent in pieces of 64 KiB. Its one difficulty: an error of the server
 * arrives only after the last row, so it is read in db_copy_end(). Out: binary, a row a message. */
#include "db/copy.h"

#include "base/buf.h"
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES   65536
#define ROW_BYTES_MAX (1u << 20)
#define SIGNATURE     11 /* bytes at the beginning; then flags and the length of an extension */
#define HEAD_BYTES    (SIGNATURE + 8)
#define COLUMNS_MAX   16

struct db_copy {
    PGconn *pg; /* owned */
    struct buf piece;
    bool is_row_open;
    char problem[512];
};

static void fail(struct db_copy *copy, const char *text)
{
    size_t len = strcspn(text, "\n");

    if (copy->problem[0])
        return;
    if (len == 0 || len >= sizeof(copy->problem))
        len = len == 0 ? 0 : sizeof(copy->problem) - 1;
    memcpy(copy->problem, text, len);
    copy->problem[len] = 0;
    if (len == 0)
        memcpy(copy->problem, "unknown", sizeof("unknown"));
}

struct db_copy *db_copy_open(const char *url)
{
    struct db_copy *copy = calloc(1, sizeof(*copy));

    if (!copy)
        abort();
    buf_init(&copy->piece, PIECE_BYTES + ROW_BYTES_MAX);
    copy->pg = PQconnectdb(url);
    if (PQstatus(copy->pg) != CONNECTION_OK)
        fail(copy, PQerrorMessage(copy->pg));
    db_copy_run(copy, "begin");
    return copy;
}

void db_copy_close(struct db_copy *copy)
{
    if (!copy)
        return;
    PQfinish(copy->pg);
    buf_done(&copy->piece);
    free(copy);
}

bool db_copy_commit(struct db_copy *copy)
{
    return db_copy_run(copy, "commit");
}

const char *db_copy_problem(const struct db_copy *copy)
{
    return copy->problem[0] ? copy->problem : NULL;
}

bool db_copy_run(struct db_copy *copy, const char *sql)
{
    char ignored[ROW_BYTES_MAX / 1024];

    return db_copy_ask(copy, sql, ignored, sizeof(ignored));
}

bool db_copy_ask(struct db_copy *copy, const char *sql, char *out, size_t out_size)
{
    PGresult *result;
    ExecStatusType status;

    out[0] = 0;
    if (db_copy_problem(copy))
        return false;
    result = PQexec(copy->pg, sql);
    status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail(copy, PQerrorMessage(copy->pg));
    else if (PQntuples(result) > 0 && PQgetlength(result, 0, 0) >= (int)out_size)
        fail(copy, "the answer is longer than expected");
    else if (PQntuples(result) > 0)
        memcpy(out, PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0) + 1);
    PQclear(result);
    return !db_copy_problem(copy);
}

void db_copy_start(struct db_copy *copy, const char *target)
{
    struct buf sql;
    PGresult *result;

    if (db_copy_problem(copy))
        return;
    buf_init(&sql, 4096);
    buf_printf(&sql, "copy %s from stdin", target);
    result = PQexec(copy->pg, sql.at);
    if (PQresultStatus(result) != PGRES_COPY_IN)
        fail(copy, PQerrorMessage(copy->pg));
    PQclear(result);
    buf_done(&sql);
}

static void send_piece(struct db_copy *copy)
{
    if (copy->piece.is_full)
        fail(copy, "a row is longer than a megabyte");
    if (!db_copy_problem(copy) && copy->piece.len > 0 &&
        PQputCopyData(copy->pg, copy->piece.at, (int)copy->piece.len) != 1)
        fail(copy, PQerrorMessage(copy->pg));
    buf_clear(&copy->piece);
}

static void next_column(struct db_copy *copy)
{
    if (copy->is_row_open)
        buf_add_char(&copy->piece, '\t');
    copy->is_row_open = true;
}

void db_copy_text(struct db_copy *copy, const char *text)
{
    next_column(copy);
    while (*text) {
        size_t plain = strcspn(text, "\\\t\n\r");
        buf_add(&copy->piece, text, plain);
        text += plain;
        if (!*text)
            break;
        buf_add_char(&copy->piece, '\\');
        buf_add_char(&copy->piece, *text == '\t'   ? 't'
                                   : *text == '\n' ? 'n'
                                   : *text == '\r' ? 'r'
                                                   : *text);
        text++;
    }
}

void db_copy_int(struct db_copy *copy, int64_t value)
{
    next_column(copy);
    buf_add_int(&copy->piece, value);
}

void db_copy_real(struct db_copy *copy, double value)
{
    next_column(copy);
    buf_printf(&copy->piece, "%.17g", value);
}

void db_copy_null(struct db_copy *copy)
{
    next_column(copy);
    buf_add(&copy->piece, "\\N", 2);
}

void db_copy_row_end(struct db_copy *copy)
{
    buf_add_char(&copy->piece, '\n');
    copy->is_row_open = false;
    if (copy->piece.len >= PIECE_BYTES)
        send_piece(copy);
}

void db_copy_end(struct db_copy *copy)
{
    PGresult *result;

    send_piece(copy);
    if (db_copy_problem(copy))
        return;
    if (PQputCopyEnd(copy->pg, NULL) != 1)
        fail(copy, PQerrorMessage(copy->pg));
    while ((result = PQgetResult(copy->pg))) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            fail(copy, PQresultErrorMessage(result));
        PQclear(result);
    }
}

static uint32_t u32(const char *at)
{
    const unsigned char *byte = (const unsigned char *)at;

    return (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
}

uint64_t db_copy_u64(const char *at)
{
    return (uint64_t)u32(at) << 32 | u32(at + 4);
}

double db_copy_double(const char *at)
{
    uint64_t bits = db_copy_u64(at);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* False: this is no row. The end is a count of -1. */
static bool read_row(struct str message, struct str *columns, int *count)
{
    const char *at = message.at;
    const char *end = message.at + message.len;

    if (end - at < 2)
        return false;
    *count = (int16_t)((unsigned char)at[0] << 8 | (unsigned char)at[1]);
    at += 2;
    if (*count > COLUMNS_MAX)
        return false;
    for (int i = 0; i < *count; i++) {
        int32_t len;
        if (end - at < 4)
            return false;
        len = (int32_t)u32(at);
        at += 4;
        if (len > end - at)
            return false;
        columns[i] = (struct str){len < 0 ? NULL : at, len < 0 ? 0 : (size_t)len};
        at += len < 0 ? 0 : len;
    }
    return at == end;
}

/* The head comes with the first row or alone. */
static bool take_message(struct str message, bool is_first, db_copy_row_fn *on_row, void *arg)
{
    struct str columns[COLUMNS_MAX];
    int count;

    if (is_first) {
        if (message.len < HEAD_BYTES || u32(message.at + SIGNATURE + 4) != 0)
            return false;
        message = (struct str){message.at + HEAD_BYTES, message.len - HEAD_BYTES};
        if (message.len == 0)
            return true;
    }
    return read_row(message, columns, &count) && (count < 0 || on_row(arg, columns, count));
}

static bool begin_out(struct db_copy *copy, const char *select)
{
    struct buf sql;
    PGresult *result;

    if (db_copy_problem(copy))
        return false;
    buf_init(&sql, ROW_BYTES_MAX);
    buf_printf(&sql, "copy (%s) to stdout (format binary)", select);
    result = PQexec(copy->pg, sql.at);
    if (PQresultStatus(result) != PGRES_COPY_OUT)
        fail(copy, PQerrorMessage(copy->pg));
    PQclear(result);
    buf_done(&sql);
    return !db_copy_problem(copy);
}

bool db_copy_out(struct db_copy *copy, const char *select, db_copy_row_fn *on_row, void *arg)
{
    PGresult *result;
    char *message;
    int len;

    if (!begin_out(copy, select))
        return false;
    for (bool is_first = true; (len = PQgetCopyData(copy->pg, &message, 0)) > 0; is_first = false) {
        if (!db_copy_problem(copy) &&
            !take_message((struct str){message, (size_t)len}, is_first, on_row, arg))
            fail(copy, "COPY gave something else than was asked for");
        PQfreemem(message);
    }
    if (len == -2)
        fail(copy, PQerrorMessage(copy->pg));
    while ((result = PQgetResult(copy->pg))) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            fail(copy, PQresultErrorMessage(result));
        PQclear(result);
    }
    return !db_copy_problem(copy);
}
