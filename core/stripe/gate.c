/* See gate.h. The one difficulty is who may run what when: done() runs Lua, which sends again. So
 * every decision is made in turn(), at the end of a turn of the loop, and sending only queues. */
#include "stripe/gate.h"

#include "base/clock.h"
#include "base/list.h"
#include "loop/loop.h"
#include <stdlib.h>
#include <string.h>

/* With less than this left a call is not worth sending. */
#define LEAST_US 50000
/* Of four places at least one is kept for clients who wait. */
#define BACKGROUND_SHARE(in_flight_max) ((in_flight_max) - ((in_flight_max) + 3) / 4)

struct waiter {
    struct list node; /* in clients, background, overflow or running */
    struct stripe_gate *gate;
    struct stripe_call call; /* its texts lie behind this struct */
    int64_t deadline_us;
    bool is_probe;
    fetch_done_fn *done;
    void *arg;
    const char *headers[]; /* then the texts */
};

struct stripe_gate {
    struct loop *loop;
    struct fetch *fetch;
    struct stripe_gate_settings settings;
    struct stripe_breaker breaker;
    struct list clients, background, overflow, running;
    int running_count, background_running, waiting_count;
    int64_t sent, refused;
    bool is_turn_due;
    struct loop_timer *timer;
};

static void turn(void *arg);

static int64_t now_ms(void)
{
    return clock_monotonic_us() / 1000;
}

static void ask_for_turn(struct stripe_gate *gate)
{
    if (gate->is_turn_due)
        return;
    gate->is_turn_due = true;
    loop_defer(gate->loop, turn, gate);
}

static void on_timer(void *arg)
{
    ask_for_turn(arg);
}

/* Copies, terminated. */
static const char *put(char **at, const char *text, size_t len)
{
    char *copy = *at;

    if (len)
        memcpy(copy, text, len);
    copy[len] = 0;
    *at += len + 1;
    return copy;
}

static struct waiter *waiter_new(const struct stripe_call *call)
{
    const struct fetch_request *from = &call->request;
    size_t header_bytes = sizeof(char *) * (size_t)from->header_count;
    size_t size = strlen(from->method) + strlen(from->url) + from->body.len + call->lane.len + 4;
    struct waiter *waiter;
    char *at;

    for (int i = 0; i < from->header_count; i++)
        size += strlen(from->headers[i]) + 1;
    waiter = calloc(1, sizeof(*waiter) + header_bytes + size);
    if (!waiter)
        abort();
    list_init(&waiter->node);
    waiter->call = *call;
    at = (char *)waiter->headers + header_bytes;
    waiter->call.request.method = put(&at, from->method, strlen(from->method));
    waiter->call.request.url = put(&at, from->url, strlen(from->url));
    waiter->call.request.body.at = put(&at, from->body.at, from->body.len);
    waiter->call.lane.at = put(&at, call->lane.at, call->lane.len);
    for (int i = 0; i < from->header_count; i++)
        waiter->headers[i] = put(&at, from->headers[i], strlen(from->headers[i]));
    waiter->call.request.headers = waiter->headers;
    return waiter;
}

/* The waiter is in no list any more; gone afterwards. */
static void refuse(struct waiter *waiter, const char *reason)
{
    struct fetch_answer answer = {.outcome = FETCH_REFUSED, .problem = reason};

    waiter->gate->refused++;
    waiter->done(waiter->arg, &answer);
    free(waiter);
}

static void refuse_overflow(struct stripe_gate *gate)
{
    struct list *overflow = &gate->overflow;

    list_each (node, after, overflow) {
        list_remove(node);
        refuse(list_entry(node, struct waiter, node), "queue_full");
    }
}

/* Refuses what cannot go any more. */
static void refuse_hopeless(struct stripe_gate *gate, struct list *waiters)
{
    list_each (node, after, waiters) {
        struct waiter *waiter = list_entry(node, struct waiter, node);
        bool is_late = waiter->deadline_us - clock_monotonic_us() < LEAST_US;

        if (!is_late && stripe_breaker_wait_ms(&gate->breaker, now_ms()) == 0)
            continue;
        list_remove(node);
        gate->waiting_count--;
        refuse(waiter, is_late ? "waited" : "breaker_open");
    }
}

static bool is_lane_busy(struct stripe_gate *gate, struct str lane)
{
    if (lane.len == 0)
        return false;
    list_each (node, after, &gate->running)
        if (str_eq(list_entry(node, struct waiter, node)->call.lane, lane))
            return true;
    return false;
}

static bool is_bad(const struct fetch_answer *answer)
{
    switch (answer->outcome) {
    case FETCH_ANSWERED: return answer->status >= 500 || answer->status == 429;
    case FETCH_TOO_LARGE:
    case FETCH_REFUSED: return false;
    default: return true;
    }
}

static void record(struct waiter *waiter, const struct fetch_answer *answer)
{
    struct stripe_gate *gate = waiter->gate;
    bool was_open = gate->breaker.state != STRIPE_BREAKER_CLOSED, is_open;

    if (answer->outcome != FETCH_REFUSED)
        stripe_breaker_record(&gate->breaker, now_ms(), is_bad(answer), waiter->is_probe);
    else if (waiter->is_probe)
        stripe_breaker_give_back(&gate->breaker, now_ms());
    is_open = gate->breaker.state != STRIPE_BREAKER_CLOSED;
    if (is_open != was_open && gate->settings.on_change)
        gate->settings.on_change(gate->settings.arg, is_open);
}

static void on_fetched(void *arg, const struct fetch_answer *answer)
{
    struct waiter *waiter = arg;
    struct stripe_gate *gate = waiter->gate;

    list_remove(&waiter->node);
    gate->running_count--;
    gate->background_running -= waiter->call.is_background;
    record(waiter, answer);
    ask_for_turn(gate);
    waiter->done(waiter->arg, answer);
    free(waiter);
}

static void start(struct stripe_gate *gate, struct waiter *waiter)
{
    struct fetch_request *request = &waiter->call.request;
    int64_t left_ms = (waiter->deadline_us - clock_monotonic_us()) / 1000;

    (void)stripe_breaker_enter(&gate->breaker, now_ms(), &waiter->is_probe);
    list_remove(&waiter->node);
    list_add_last(&gate->running, &waiter->node);
    gate->waiting_count--;
    gate->running_count++;
    gate->background_running += waiter->call.is_background;
    gate->sent++;
    if (!request->timeout_ms || left_ms < request->timeout_ms)
        request->timeout_ms = (int)left_ms;
    fetch_run(gate->fetch, request, on_fetched, waiter);
}

static bool is_full(const struct stripe_gate *gate, bool is_background)
{
    int max = gate->settings.in_flight_max;

    return gate->running_count >= max ||
           (is_background && gate->background_running >= BACKGROUND_SHARE(max));
}

/* Starts what may go; microseconds until the rate allows the next one, 0 when it is not the rate
 * that holds it back. */
static int64_t start_some(struct stripe_gate *gate, struct list *waiters, bool is_background)
{
    list_each (node, after, waiters) {
        struct waiter *waiter = list_entry(node, struct waiter, node);
        int64_t wait_us;

        if (is_full(gate, is_background) || stripe_breaker_wait_ms(&gate->breaker, now_ms()) > 0)
            return 0;
        if (is_lane_busy(gate, waiter->call.lane))
            continue;
        wait_us =
            stripe_bucket_take(gate->settings.rate_word, gate->settings.rate, clock_monotonic_us());
        if (wait_us > 0)
            return wait_us;
        start(gate, waiter);
    }
    return 0;
}

static int64_t soonest_deadline_us(struct stripe_gate *gate)
{
    struct list *const lists[] = {&gate->clients, &gate->background};
    int64_t soonest_us = INT64_MAX;

    for (int i = 0; i < 2; i++)
        list_each (node, after, lists[i]) {
            int64_t at_us = list_entry(node, struct waiter, node)->deadline_us - LEAST_US;
            if (at_us < soonest_us)
                soonest_us = at_us;
        }
    return soonest_us;
}

static void arm(struct stripe_gate *gate, int64_t wait_us)
{
    int64_t late_us = soonest_deadline_us(gate);

    loop_timer_free(gate->timer);
    gate->timer = NULL;
    if (late_us == INT64_MAX)
        return;
    late_us -= clock_monotonic_us();
    if (wait_us == 0 || late_us < wait_us)
        wait_us = late_us < 0 ? 0 : late_us;
    gate->timer = loop_after(gate->loop, wait_us / 1000 + 1, on_timer, gate);
}

static void turn(void *arg)
{
    struct stripe_gate *gate = arg;
    int64_t wait_us;

    gate->is_turn_due = false;
    refuse_overflow(gate);
    refuse_hopeless(gate, &gate->clients);
    refuse_hopeless(gate, &gate->background);
    wait_us = start_some(gate, &gate->clients, false);
    if (wait_us == 0)
        wait_us = start_some(gate, &gate->background, true);
    if (gate->breaker.state == STRIPE_BREAKER_PROBING) {
        refuse_hopeless(gate, &gate->clients);
        refuse_hopeless(gate, &gate->background);
    }
    arm(gate, wait_us);
}

struct stripe_gate *
stripe_gate_new(struct loop *loop, struct fetch *fetch, struct stripe_gate_settings settings)
{
    struct stripe_gate *gate = calloc(1, sizeof(*gate));

    if (!gate)
        abort();
    gate->loop = loop;
    gate->fetch = fetch;
    gate->settings = settings;
    gate->breaker = stripe_breaker_new(settings.open_ms);
    list_init(&gate->clients);
    list_init(&gate->background);
    list_init(&gate->overflow);
    list_init(&gate->running);
    return gate;
}

static void drop_all(struct list *waiters)
{
    list_each (node, after, waiters) {
        list_remove(node);
        free(list_entry(node, struct waiter, node));
    }
}

void stripe_gate_free(struct stripe_gate *gate)
{
    if (!gate)
        return;
    loop_defer_cancel(gate->loop, turn, gate);
    loop_timer_free(gate->timer);
    drop_all(&gate->clients);
    drop_all(&gate->background);
    drop_all(&gate->overflow);
    drop_all(&gate->running);
    free(gate);
}

/* What is refused at once waits for turn() too, since done() may not be called from here. */
void stripe_gate_send(struct stripe_gate *gate,
                      const struct stripe_call *call,
                      fetch_done_fn *done,
                      void *arg)
{
    struct waiter *waiter = waiter_new(call);

    waiter->gate = gate;
    waiter->done = done;
    waiter->arg = arg;
    waiter->deadline_us = clock_monotonic_us() + (int64_t)call->deadline_ms * 1000;
    if (gate->waiting_count >= gate->settings.queue_max) {
        list_add_last(&gate->overflow, &waiter->node);
    } else {
        list_add_last(call->is_background ? &gate->background : &gate->clients, &waiter->node);
        gate->waiting_count++;
    }
    ask_for_turn(gate);
}

int64_t stripe_gate_away_ms(const struct stripe_gate *gate)
{
    return stripe_breaker_wait_ms(&gate->breaker, now_ms());
}

struct stripe_gate_stats stripe_gate_stats(const struct stripe_gate *gate)
{
    return (struct stripe_gate_stats){
        .in_flight = gate->running_count,
        .waiting = gate->waiting_count,
        .sent = gate->sent,
        .refused = gate->refused,
        .opened = gate->breaker.opened,
        .is_open = gate->breaker.state != STRIPE_BREAKER_CLOSED,
    };
}
