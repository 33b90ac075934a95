/* Rows in bulk by COPY, in and out, for a process or a thread of its own: it blocks. One connection
 * and one transaction from open to commit. The first failure is kept and turns all later calls into
 * nothing, so a writer asks once, at the end. */
#ifndef SOUK_DB_COPY_H
#define SOUK_DB_COPY_H

#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db_copy;

/* Never NULL; whether it connected is told by db_copy_problem(). */
struct db_copy *db_copy_open(const char *url);
/* Without a commit before it nothing was done. */
void db_copy_close(struct db_copy *copy);
bool db_copy_commit(struct db_copy *copy);
/* NULL: all well so far. Dies with the copy. */
const char *db_copy_problem(const struct db_copy *copy);

/* Any statement, outside start and end. */
bool db_copy_run(struct db_copy *copy, const char *sql);
/* The first column of the first row; "" for null and for none. False: it failed or is too long. */
bool db_copy_ask(struct db_copy *copy, const char *sql, char *out, size_t out_size);

/* target: "products (id, name)". Then the columns of each row in that order, each row ended. */
void db_copy_start(struct db_copy *copy, const char *target);
void db_copy_text(struct db_copy *copy, const char *text);
void db_copy_int(struct db_copy *copy, int64_t value);
void db_copy_real(struct db_copy *copy, double value);
void db_copy_null(struct db_copy *copy);
void db_copy_row_end(struct db_copy *copy);
void db_copy_end(struct db_copy *copy);

/* One row as PostgreSQL's binary format has it (big-endian); a null has at NULL. False: what is it?
 * and nothing more is read. */
typedef bool db_copy_row_fn(void *arg, const struct str *columns, int count);
/* All rows of a SELECT, which ends without a semicolon. */
bool db_copy_out(struct db_copy *copy, const char *select, db_copy_row_fn *on_row, void *arg);
uint64_t db_copy_u64(const char *at);  /* 8 bytes as they came */
double db_copy_double(const char *at); /* the same of a double precision */

#endif
