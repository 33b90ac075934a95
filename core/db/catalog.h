/* The SQL the program may run: sql/queries/<noun>/<verb>.sql, one statement a file, named
 * "noun/verb"; plugins add "plugin.<name>/". Each is prepared once a connection, on first use, by
 * a name that holds a hash of its text, so a reload may change a file. */
#ifndef SOUK_DB_CATALOG_H
#define SOUK_DB_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

struct db_catalog;
struct db_statement; /* name, text, parameter count, prepared name */

struct db_catalog *db_catalog_new(void);
void db_catalog_free(struct db_catalog *catalog);
/* Reads every *.sql below dir, names prefixed with prefix (may be ""). Call again to re-read:
 * statements whose text changed are replaced (old ones stay alive until the catalog is freed).
 * False: message says which file and why. */
bool db_catalog_load(struct db_catalog *catalog,
                     const char *dir,
                     const char *prefix,
                     char *message,
                     size_t message_size);
/* One statement from text, as if it had been read from a file. */
void db_catalog_put(struct db_catalog *catalog, const char *name, const char *text);
/* NULL: no such query. */
const struct db_statement *db_catalog_find(const struct db_catalog *catalog, const char *name);
int db_statement_params(const struct db_statement *statement); /* highest $n */
const char *db_statement_name(const struct db_statement *statement);
const char *db_statement_text(const struct db_statement *statement);

/* Every query, in no order: for checks that prepare them all. */
typedef void db_catalog_each_fn(void *arg, const char *name, const char *text);
void db_catalog_each(const struct db_catalog *catalog, db_catalog_each_fn *each, void *arg);

#endif
