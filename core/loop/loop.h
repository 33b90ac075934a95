/* The event loop of a process. The only user of <event2/event.h>, but for http and fetch,
 * who get the base. */
#ifndef SOUK_LOOP_LOOP_H
#define SOUK_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;
struct loop_timer;
struct loop_watch;

typedef void loop_fn(void *arg);
enum loop_ready { LOOP_READ = 1, LOOP_WRITE = 2 };
typedef void loop_ready_fn(void *arg, int ready);

/* EPOLL change list on. Timers follow the coarse clock: up to a scheduler tick (4 ms) early or
 * late. SIGPIPE is ignored from here on. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);
void loop_run(struct loop *loop);  /* until loop_stop */
void loop_stop(struct loop *loop); /* from inside the loop; what else this turn found is not run */
struct event_base *loop_base(struct loop *loop);

/* A persistent watch on fd for READ and/or WRITE; loop_watch_set changes what it waits for (0:
 * nothing). */
struct loop_watch *
loop_watch_new(struct loop *loop, int fd, int ready, loop_ready_fn *fn, void *arg);
void loop_watch_set(struct loop_watch *watch, int ready);
void loop_watch_free(struct loop_watch *watch); /* takes NULL; does not close fd */

/* One shot after delay_ms, or every period_ms. Free from inside its own callback is allowed. */
struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_fn *fn, void *arg);
struct loop_timer *loop_every(struct loop *loop, int64_t period_ms, loop_fn *fn, void *arg);
void loop_timer_free(struct loop_timer *timer); /* takes NULL; a one-shot timer must be freed too */

/* Runs fn once at the end of this turn of the loop, before it sleeps or looks at any socket again.
 */
void loop_defer(struct loop *loop, loop_fn *fn, void *arg);
/* Takes back what was deferred with this fn and arg and has not run: for whoever is freed
 * meanwhile. */
void loop_defer_cancel(struct loop *loop, loop_fn *fn, void *arg);
/* fn runs in the loop when the signal arrives. */
void loop_on_signal(struct loop *loop, int signal_number, loop_fn *fn, void *arg);

#endif
