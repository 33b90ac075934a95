/* A circuit breaker: when Stripe fails, we stop asking for a while, so that clients are told at
 * once and a Stripe that recovers is not met by a crowd. Pure: the time is an argument. */
#ifndef SOUK_STRIPE_BREAKER_H
#define SOUK_STRIPE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define STRIPE_BREAKER_WINDOW_S    30
#define STRIPE_BREAKER_SAMPLES_MIN 10

enum stripe_breaker_state {
    STRIPE_BREAKER_CLOSED,  /* all calls go */
    STRIPE_BREAKER_OPEN,    /* none goes */
    STRIPE_BREAKER_PROBING, /* one goes; what becomes of it decides */
};

struct stripe_breaker {
    enum stripe_breaker_state state;
    int64_t open_ms;        /* how long it stays open */
    int64_t probe_at_ms;    /* while open: when one call may try */
    int64_t opened, rounds; /* times it has opened; clears the window by being counted up */
    struct stripe_breaker_second {
        int64_t second, round;
        int total, bad;
    } seconds[STRIPE_BREAKER_WINDOW_S];
};

/* Zeroed but for open_ms it is closed. */
struct stripe_breaker stripe_breaker_new(int64_t open_ms);
/* Milliseconds until a call may go; 0: now. While the probe is away, a guess. */
int64_t stripe_breaker_wait_ms(const struct stripe_breaker *breaker, int64_t now_ms);
/* Whether this call may go. *is_probe: it is the one that decides, and must be recorded or given
 * back. */
bool stripe_breaker_enter(struct stripe_breaker *breaker, int64_t now_ms, bool *is_probe);
/* What became of a call that went: bad is no answer, 5xx or 429. Opens at half of at least 10
 * within 30 seconds. Late news of calls that went before it opened changes nothing. */
void stripe_breaker_record(struct stripe_breaker *breaker,
                           int64_t now_ms,
                           bool is_bad,
                           bool is_probe);
/* The probe did not go after all. */
void stripe_breaker_give_back(struct stripe_breaker *breaker, int64_t now_ms);

#endif
