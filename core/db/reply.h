/* What a statement was answered, whichever way it came: rows in place, or why it failed. A reply is
 * lent: it and all its texts are gone when the function that was given it returns. */
#ifndef SOUK_DB_REPLY_H
#define SOUK_DB_REPLY_H

#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

/* So many bytes may be read from where a cell begins, however short it is. */
#define DB_CELL_PAD 64

/* The columns of a statement's rows, shared by all replies that have them. */
struct db_columns {
    unsigned users;
    unsigned serial; /* from 1, never given twice */
    int count;
    uint32_t *types; /* OIDs */
    char **names;
};
/* Has one user; types are 0 and names NULL, to be filled by malloc'ed texts. */
struct db_columns *db_columns_new(int count);
struct db_columns *db_columns_ref(struct db_columns *columns);
void db_columns_unref(struct db_columns *columns); /* takes NULL */

/* The same names and types. */
bool db_columns_are_alike(const struct db_columns *a, const struct db_columns *b);

struct db_reply {
    struct db_columns *columns; /* NULL only of a failure; none where there can be no rows */
    int rows;
    /* Row by row; at NULL: null. A row's texts lie one behind another. No digit follows one. */
    const struct str *cells;
    const char *tag; /* "UPDATE 3", "COMMIT"; never NULL */
    /* A failure, else sqlstate is NULL. The others are "" when the server did not say. */
    const char *sqlstate, *severity, *message, *detail, *constraint;
};

/* One of one's own, to be given to db_reply_free(). */
struct db_reply *db_reply_copy(const struct db_reply *reply);
void db_reply_free(struct db_reply *reply); /* takes NULL */

static inline struct str db_reply_cell(const struct db_reply *reply, int row, int column)
{
    return reply->cells[(size_t)row * (size_t)reply->columns->count + (size_t)column];
}
/* FATAL or PANIC: the server ends the session with it. */
bool db_reply_is_fatal(const struct db_reply *reply);

#endif
