/* How a result's columns become an object: steps compiled once from the column names (db/result.h
 * says the rules) and kept with the statement, so that writing a row is a walk over an array. JSON
 * and Lua tables are made from the same steps. */
#ifndef SOUK_DB_PLAN_H
#define SOUK_DB_PLAN_H

#include "base/str.h"
#include "db/result.h"
#include <stdbool.h>

/* So many bytes may be read from where a prefix begins, however short it is. */
#define DB_PREFIX_PAD 64

enum db_step_op { DB_STEP_VALUE, DB_STEP_OPEN, DB_STEP_OPEN_NULLABLE, DB_STEP_CLOSE };

struct db_step {
    enum db_step_op op;
    enum db_kind kind; /* VALUE: what it is when it is not null */
    bool is_hidden;  /* VALUE: not for JSON; a member of the outermost table. Hidden steps come last
                      */
    int column;      /* VALUE */
    int skip_to;     /* OPEN_NULLABLE: the step behind its CLOSE */
    struct str name; /* the member; unused in CLOSE */
    struct str prefix; /* the member in JSON: [,]"name": and the first of its quotes */
};

struct db_plan {
    struct db_step *steps;
    int step_count;
    size_t text_len;  /* of all prefixes */
    int member_count; /* of the outermost object: a hint for its size */
    /* Where no group can be null: the values that JSON shows, with all that stands between two of
     * them in their prefixes, and what ends the row. Else flat_count is 0. */
    struct db_step *flat;
    int flat_count;
    struct str flat_end;
    unsigned serial; /* from 1, never given twice */
};

static inline bool db_is_quoted(enum db_kind kind)
{
    return kind >= DB_TIME;
}

/* The plan of a result, made on first use. Never NULL; dies with the result. */
const struct db_plan *db_result_plan(const struct db_result *result);
/* True when every value of the group that steps[open] opens is null in this row. */
bool db_group_is_null(const struct db_result *result, int row, const struct db_step *open);

#endif
