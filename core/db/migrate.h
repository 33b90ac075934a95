/* Migrations: sql/migrations/NNNN_verb_noun.sql forward only, each in its own transaction with its
 * SHA-256 kept in table schema_migrations; a changed file that was applied is refused. Then every
 * file of sql/functions, applied again when their text changed. Blocking: runs in `souk migrate`,
 * never in a worker. An advisory lock keeps two apart. lock_timeout 300 ms with retries. */
#ifndef SOUK_DB_MIGRATE_H
#define SOUK_DB_MIGRATE_H

#include <stdbool.h>

/* Prints what it does, one line a file. False: printed why. */
bool db_migrate(const char *url, const char *sql_dir);

#endif
