/* One line and one observation for each answered request. */
#ifndef SOUK_OPS_ACCESS_LOG_H
#define SOUK_OPS_ACCESS_LOG_H

struct http_done;

/* An http_log_fn. Routes are templates, never paths, so the number of series is fixed. */
void access_log_write(void *arg, const struct http_done *done);

#endif
