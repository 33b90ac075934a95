/* One line and one observation for each answered request. */
#ifndef SOUK_OPS_ACCESS_LOG_H
#define SOUK_OPS_ACCESS_LOG_H

struct http_done;
struct loop;

/* The line goes out at the end of the loop's turn (base/log.h). Routes are templates, never paths,
 * so the number of series is fixed. */
void access_log_write(struct loop *loop, const struct http_done *done);

#endif
