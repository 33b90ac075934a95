/* JSON lines on stderr (or a file descriptor): {"ts","level","event",key:value...}. The event is a
 * static dotted name; format is "key=%s other=%d" with one key=value a field, values up to the next
 * " key=" are quoted as JSON strings (numbers stay numbers). Never bodies, tokens, secrets. Lines
 * are written with one write(2) and capped at 4 KiB; held ones go out together. */
#ifndef SOUK_BASE_LOG_H
#define SOUK_BASE_LOG_H

#include "base/str.h"
#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

void log_init(int fd, enum log_level level_min);
void log_write(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A line whose fields are already JSON members: "\"a\":1,\"b\":\"x\"". */
void log_write_json(enum log_level level, const char *event, struct str members);
/* The same, but the line may wait: for log_flush, for any line that is not held (so that lines keep
 * their order), or until 32 KiB wait. True: nothing waited before, so call log_flush soon. */
bool log_hold_json(enum log_level level, const char *event, struct str members);
void log_flush(void);
/* From now on abort and faults write the lines that wait, then do what they did before. */
void log_flush_on_crash(void);
bool log_is_on(enum log_level level);

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
