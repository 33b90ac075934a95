/* The files of a generation, copied aside before they are loaded, so that all workers load the same
 * bytes however fast somebody types: <home>/generations/<number>/{lua,plugins,sql}. */
#ifndef SOUK_APP_SNAPSHOT_H
#define SOUK_APP_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct db_catalog;

struct app_folders {
    char lua[512], plugins[512], sql[512], root[512];
};

void snapshot_folders(const struct conf *conf, int64_t number, struct app_folders *out);
/* False: message says what could not be read or written. */
bool snapshot_take(const struct conf *conf, int64_t number, char *message, size_t message_size);
/* Those older than the last three; not that of the generation that serves, which a new worker reads
 * again, however many were refused since. */
void snapshot_remove_old(const struct conf *conf, int64_t number, int64_t active);
/* The largest number taken so far, 0 when none. */
int64_t snapshot_latest(const struct conf *conf);
/* sql_dir/queries, and <plugins_dir>/<name>/sql/queries as plugin.<name>/… */
bool snapshot_load_queries(struct db_catalog *catalog,
                           const char *sql_dir,
                           const char *plugins_dir,
                           char *message,
                           size_t message_size);

#endif
