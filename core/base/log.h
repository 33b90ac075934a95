/* JSON lines on stderr (or a file descriptor): {"ts","level","event",key:value...}. The event is a
 * static dotted name; format is "key=%s other=%d" with one key=value a field, values up to the next
 * " key=" are quoted as JSON strings (numbers stay numbers). Never bodies, tokens, secrets. Lines
 * are written with one write(2) and capped at 4 KiB. */
#ifndef SOUK_BASE_LOG_H
#define SOUK_BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

void log_init(int fd, enum log_level level_min);
void log_write(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A line whose fields are already JSON members: "\"a\":1,\"b\":\"x\"". */
void log_write_json(enum log_level level, const char *event, struct str members);

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
