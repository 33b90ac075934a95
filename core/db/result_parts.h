/* What is behind struct db_result; for db only. */
#ifndef SOUK_DB_RESULT_PARTS_H
#define SOUK_DB_RESULT_PARTS_H

#include "db/plan.h"
#include "db/reply.h"
#include "db/result.h"

struct db_statement;

struct db_result {
    const struct db_reply *reply;
    const struct db_statement *statement;
    const struct db_plan *plan; /* NULL until asked for; the statement owns it */
};

/* What a statement keeps of its last result's columns. */
struct db_shape;
void db_shape_free(struct db_shape *shape); /* takes NULL */

#endif
