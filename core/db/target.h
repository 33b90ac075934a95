/* Where to connect and how: a connection string made into the parameters of PQconnectStartParams,
 * with the limits that every session of ours has. */
#ifndef SOUK_DB_TARGET_H
#define SOUK_DB_TARGET_H

#include <stdbool.h>
#include <stddef.h>

struct db_target;

struct db_limits {
    int statement_timeout_ms;
    int lock_timeout_ms;
};

/* NULL: message says what is wrong with the url. A host name is looked up here, once: libpq would
 * do it while connecting, and block the loop. */
struct db_target *
db_target_new(const char *url, struct db_limits limits, char *message, size_t message_size);
void db_target_free(struct db_target *target); /* takes NULL */
/* NULL-terminated, for PQconnectStartParams. Read-only sessions refuse to write (25006). */
const char *const *db_target_keywords(const struct db_target *target);
const char *const *db_target_values(const struct db_target *target, bool is_read_only);

#endif
