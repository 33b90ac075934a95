/* What is behind struct db_statement; for db only. */
#ifndef SOUK_DB_STATEMENT_H
#define SOUK_DB_STATEMENT_H

#include "base/str.h"

struct db_shape; /* db/result_parts.h */

struct db_statement {
    char *name;
    char *text;
    unsigned id; /* of the text; dense in the process: connections keep a byte an id */
    int params;
    char prepared_name[32]; /* the text's hash: another text never meets an old plan */
    /* How its rows become objects: a cache, filled by the first result that asks. Older ones stay
     * chained behind it, since a result may still point to them. */
    struct db_shape *shape;
};

struct db_statement *db_statement_new(struct str name, struct str text);
void db_statement_free(struct db_statement *statement); /* takes NULL */
/* The highest $n outside of strings, identifiers and comments. */
int db_params_of(struct str text);

#endif
