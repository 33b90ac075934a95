/* Errors as values: an enum, and what each means on the wire and in SQL. The table is err.def. */
#ifndef SOUK_BASE_ERR_H
#define SOUK_BASE_ERR_H

enum err {
    ERR_OK = 0,
#define ERR(name, status, code, sqlstate, message) ERR_##name,
#define ERR_CONSTRAINT(constraint, name)
#include "base/err.def"
#undef ERR
#undef ERR_CONSTRAINT
    ERR_COUNT
};

struct err_info {
    const char *name;     /* "NOT_FOUND" */
    int status;           /* HTTP */
    const char *code;     /* stable, for programs */
    const char *sqlstate; /* NULL: never raised by SQL */
    const char *message;  /* for people; says what to do next */
};

/* Never NULL; an unknown e is INTERNAL. Static storage. */
const struct err_info *err_info(enum err e);

/* What a database error means. constraint may be NULL or "". A known constraint wins, then the
 * SQLSTATE of err.def, then the general classes (57014: STATEMENT_TIMEOUT, 08/57P: DATABASE_AWAY,
 * 22P02/22003: INVALID, 53: BUSY, 55P03: BUSY); anything else is INTERNAL. */
enum err err_from_sql(const char *sqlstate, const char *constraint);

/* Status line text: "Not Found". Never NULL. */
const char *err_reason(int status);

#endif
