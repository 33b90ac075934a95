/* Settings: one table (conf.def: CONF(key, TYPE, "default", "unit and why")), read from a file of
 * `key = value` lines, then the environment (named in conf.def's CONF_ENV rows), then --set
 * key=value. An unknown key or a bad value is an error with its line. */
#ifndef SOUK_BASE_CONF_H
#define SOUK_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;

struct conf *conf_new(void);
void conf_free(struct conf *conf);
/* False: message holds "file:line: what is wrong and what is allowed". */
bool conf_read_file(struct conf *conf, const char *path, char *message, size_t message_size);
bool conf_read_env(struct conf *conf, char *message, size_t message_size);
bool conf_set(struct conf *conf, const char *assignment, char *message, size_t message_size);
/* An unknown key aborts: keys are literals of our own. Lifetimes: the conf's. */
const char *conf_text(const struct conf *conf, const char *key);
int64_t conf_int(const struct conf *conf, const char *key);
bool conf_bool(const struct conf *conf, const char *key);
/* NULL when there is no such key (for Lua's core.conf). */
const char *conf_find(const struct conf *conf, const char *key);
bool conf_is_secret(const char *key);
/* Calls each() for every key in the order of conf.def. */
void conf_each(const struct conf *conf,
               void (*each)(void *arg, const char *key, const char *value, const char *why),
               void *arg);

#endif
