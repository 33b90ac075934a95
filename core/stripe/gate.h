/* The one way to Stripe: which call goes when. At most so many at once, so many a second over all
 * workers, one at a time in a lane, none while the breaker is open; clients who wait come before
 * background work. A call that cannot go in time is refused: it was never sent. */
#ifndef SOUK_STRIPE_GATE_H
#define SOUK_STRIPE_GATE_H

#include "fetch/fetch.h"
#include "stripe/breaker.h"
#include "stripe/bucket.h"

struct loop;
struct stripe_gate;

struct stripe_gate_settings {
    int in_flight_max, queue_max;
    struct stripe_rate rate;
    _Atomic int64_t *rate_word; /* shared by all workers */
    int64_t open_ms;            /* how long the breaker stays open */
    /* The breaker has opened, or closed again. */
    void (*on_change)(void *arg, bool is_open);
    void *arg;
};

struct stripe_call {
    struct fetch_request request; /* its time-out counts from the sending */
    struct str lane;              /* empty: goes beside anything */
    int deadline_ms;              /* from now, waiting and answer together */
    bool is_background;
};

struct stripe_gate_stats {
    int in_flight, waiting;
    int64_t sent, refused, opened;
    bool is_open;
};

/* settings are copied, what they point at outlives the gate. */
struct stripe_gate *
stripe_gate_new(struct loop *loop, struct fetch *fetch, struct stripe_gate_settings settings);
/* Before its fetch. What waits is dropped without done(). */
void stripe_gate_free(struct stripe_gate *gate);
/* call is copied. done as for fetch_run; outcome FETCH_REFUSED with problem "breaker_open",
 * "queue_full" or "waited" says that it did not go. */
void stripe_gate_send(struct stripe_gate *gate,
                      const struct stripe_call *call,
                      fetch_done_fn *done,
                      void *arg);
/* Milliseconds until calls go again; 0: they do. */
int64_t stripe_gate_away_ms(const struct stripe_gate *gate);
struct stripe_gate_stats stripe_gate_stats(const struct stripe_gate *gate);

#endif
