/* COPY in text format, sent in pieces of 64 KiB. Its one difficulty: an error of the server arrives
 * only after the last row, so it is read in db_copy_end(). */
#include "db/copy.h"

#include "base/buf.h"
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES   65536
#define ROW_BYTES_MAX (1u << 20)

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
