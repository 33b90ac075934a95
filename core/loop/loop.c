/* libevent behind a screen of our own. The one difficulty is "the end of the turn": libevent has no
 * such hook. An event made active inside a callback runs after all that this turn's epoll_wait has
 * found and before the next, at no system call; a lower priority, or EVLOOP_ONCE, would let another
 * epoll_wait in between. */
#include "loop/loop.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "base/log.h"

struct deferral {
    loop_fn *fn;
    void *arg;
};

struct deferrals {
    struct deferral *at;
    size_t len, room;
};

struct loop_signal {
    struct event *event;
    loop_fn *fn;
    void *arg;
    struct loop_signal *next;
};

struct loop {
    struct event_base *base;
    struct event *turn_end;
    struct deferrals waiting, running;
    bool is_running_deferred;
    struct loop_signal *signals;
};

struct loop_timer {
    struct event *event;
    loop_fn *fn;
    void *arg;
};

struct loop_watch {
    struct event *event;
    struct event_base *base;
    loop_ready_fn *fn;
    void *arg;
    int ready;
};

static void *alloc_or_abort(size_t size)
{
    void *at = calloc(1, size);
    if (!at)
        abort();
    return at;
}

/* What a deferred function defers runs at the end of the next turn, which then does not sleep: a
 * function that defers itself for ever cannot starve the sockets. */
static void on_turn_end(evutil_socket_t fd, short events, void *arg)
{
    static const struct timeval at_once = {0};
    struct loop *loop = arg;
    struct deferrals batch = loop->waiting;

    (void)fd, (void)events;
    loop->waiting = loop->running;
    loop->waiting.len = 0;
    loop->running = batch;
    loop->is_running_deferred = true;
    for (size_t i = 0; i < batch.len; i++) {
        struct deferral next = batch.at[i];
        batch.at[i].fn = NULL;
        if (next.fn)
            next.fn(next.arg);
    }
    loop->is_running_deferred = false;
    loop->running.len = 0;
    if (loop->waiting.len)
        event_add(loop->turn_end, &at_once);
}

struct loop *loop_new(void)
{
    struct loop *loop = alloc_or_abort(sizeof *loop);
    struct event_config *config = event_config_new();

    if (!config)
        abort();
    /* The change list merges what one turn adds and removes for an fd, as database and curl sockets
     * do. EVENT_BASE_FLAG_PRECISE_TIMER is left off: it pays a timerfd_settime a turn for what we
     * do not need, deadlines below a scheduler tick. */
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    loop->turn_end = loop->base ? event_new(loop->base, -1, 0, on_turn_end, loop) : NULL;
    if (!loop->turn_end)
        abort();
    /* A peer that left is EPIPE to whoever writes, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    while (loop->signals) {
        struct loop_signal *next = loop->signals->next;
        event_free(loop->signals->event);
        free(loop->signals);
        loop->signals = next;
    }
    event_free(loop->turn_end);
    event_base_free(loop->base);
    free(loop->waiting.at);
    free(loop->running.at);
    free(loop);
}

void loop_run(struct loop *loop)
{
    if (event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0) {
        log_error("loop.failed", "reason=%s", "event_base_loop");
        abort();
    }
}

void loop_stop(struct loop *loop)
{
    event_base_loopbreak(loop->base);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

static short to_events(int ready)
{
    return (short)(EV_PERSIST | (ready & LOOP_READ ? EV_READ : 0) |
                   (ready & LOOP_WRITE ? EV_WRITE : 0));
}

static void on_ready(evutil_socket_t fd, short events, void *arg)
{
    struct loop_watch *watch = arg;

    (void)fd;
    watch->fn(watch->arg,
              (events & EV_READ ? LOOP_READ : 0) | (events & EV_WRITE ? LOOP_WRITE : 0));
}

struct loop_watch *
loop_watch_new(struct loop *loop, int fd, int ready, loop_ready_fn *fn, void *arg)
{
    struct loop_watch *watch = alloc_or_abort(sizeof *watch);

    *watch = (struct loop_watch){.base = loop->base, .fn = fn, .arg = arg, .ready = ready};
    watch->event = event_new(loop->base, fd, to_events(ready), on_ready, watch);
    if (!watch->event)
        abort();
    if (ready && event_add(watch->event, NULL) != 0)
        log_error("loop.watch.failed", "fd=%d", fd);
    return watch;
}

void loop_watch_set(struct loop_watch *watch, int ready)
{
    int fd = event_get_fd(watch->event);

    if (watch->ready == ready)
        return;
    if (watch->ready)
        event_del(watch->event);
    watch->ready = ready;
    event_assign(watch->event, watch->base, fd, to_events(ready), on_ready, watch);
    if (ready && event_add(watch->event, NULL) != 0)
        log_error("loop.watch.failed", "fd=%d", fd);
}

void loop_watch_free(struct loop_watch *watch)
{
    if (!watch)
        return;
    event_free(watch->event);
    free(watch);
}

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
    struct loop_timer *timer = arg;

    (void)fd, (void)events;
    timer->fn(timer->arg); /* may free the timer */
}

static struct loop_timer *
timer_new(struct loop *loop, int64_t ms, short flags, struct deferral call)
{
    struct loop_timer *timer = alloc_or_abort(sizeof *timer);
    struct timeval wait = {.tv_sec = (time_t)(ms / 1000),
                           .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

    timer->fn = call.fn;
    timer->arg = call.arg;
    timer->event = event_new(loop->base, -1, flags, on_timer, timer);
    /* libevent would count from when this turn began, which may be long ago. */
    event_base_update_cache_time(loop->base);
    if (!timer->event || event_add(timer->event, &wait) != 0)
        abort();
    return timer;
}

struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_fn *fn, void *arg)
{
    return timer_new(loop, delay_ms > 0 ? delay_ms : 0, EV_TIMEOUT, (struct deferral){fn, arg});
}

struct loop_timer *loop_every(struct loop *loop, int64_t period_ms, loop_fn *fn, void *arg)
{
    return timer_new(loop, period_ms > 0 ? period_ms : 1, EV_TIMEOUT | EV_PERSIST,
                     (struct deferral){fn, arg});
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    event_free(timer->event);
    free(timer);
}

void loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
    struct deferrals *waiting = &loop->waiting;

    if (waiting->len == waiting->room) {
        waiting->room = waiting->room ? waiting->room * 2 : 64;
        waiting->at = realloc(waiting->at, waiting->room * sizeof *waiting->at);
        if (!waiting->at)
            abort();
    }
    waiting->at[waiting->len++] = (struct deferral){fn, arg};
    if (waiting->len == 1 && !loop->is_running_deferred)
        event_active(loop->turn_end, 0, 0);
}

static void forget(struct deferrals *deferrals, struct deferral what)
{
    for (size_t i = 0; i < deferrals->len; i++) {
        if (deferrals->at[i].fn == what.fn && deferrals->at[i].arg == what.arg)
            deferrals->at[i].fn = NULL;
    }
}

void loop_defer_cancel(struct loop *loop, loop_fn *fn, void *arg)
{
    forget(&loop->waiting, (struct deferral){fn, arg});
    forget(&loop->running, (struct deferral){fn, arg});
}

static void on_signal(evutil_socket_t signal_number, short events, void *arg)
{
    struct loop_signal *watched = arg;

    (void)signal_number, (void)events;
    watched->fn(watched->arg);
}

void loop_on_signal(struct loop *loop, int signal_number, loop_fn *fn, void *arg)
{
    struct loop_signal *watched = alloc_or_abort(sizeof *watched);

    watched->fn = fn;
    watched->arg = arg;
    watched->event = evsignal_new(loop->base, signal_number, on_signal, watched);
    if (!watched->event || event_add(watched->event, NULL) != 0)
        abort();
    watched->next = loop->signals;
    loop->signals = watched;
}
