#include "stripe/breaker.h"

#define PROBE_GUESS_MS 1000

struct stripe_breaker stripe_breaker_new(int64_t open_ms)
{
    return (struct stripe_breaker){.open_ms = open_ms};
}

int64_t stripe_breaker_wait_ms(const struct stripe_breaker *breaker, int64_t now_ms)
{
    if (breaker->state == STRIPE_BREAKER_PROBING)
        return PROBE_GUESS_MS;
    if (breaker->state == STRIPE_BREAKER_CLOSED || now_ms >= breaker->probe_at_ms)
        return 0;
    return breaker->probe_at_ms - now_ms;
}

bool stripe_breaker_enter(struct stripe_breaker *breaker, int64_t now_ms, bool *is_probe)
{
    *is_probe = false;
    if (breaker->state == STRIPE_BREAKER_CLOSED)
        return true;
    if (stripe_breaker_wait_ms(breaker, now_ms) > 0)
        return false;
    breaker->state = STRIPE_BREAKER_PROBING;
    *is_probe = true;
    return true;
}

static void open_up(struct stripe_breaker *breaker, int64_t now_ms)
{
    breaker->state = STRIPE_BREAKER_OPEN;
    breaker->probe_at_ms = now_ms + breaker->open_ms;
    breaker->opened++;
}

static struct stripe_breaker_second *second_of(struct stripe_breaker *breaker, int64_t now_ms)
{
    int64_t second = now_ms / 1000;
    struct stripe_breaker_second *slot = &breaker->seconds[second % STRIPE_BREAKER_WINDOW_S];

    if (slot->second != second || slot->round != breaker->rounds)
        *slot = (struct stripe_breaker_second){.second = second, .round = breaker->rounds};
    return slot;
}

static bool is_failing(const struct stripe_breaker *breaker, int64_t now_ms)
{
    int total = 0, bad = 0;

    for (int i = 0; i < STRIPE_BREAKER_WINDOW_S; i++) {
        const struct stripe_breaker_second *slot = &breaker->seconds[i];
        if (slot->round != breaker->rounds ||
            slot->second <= now_ms / 1000 - STRIPE_BREAKER_WINDOW_S)
            continue;
        total += slot->total;
        bad += slot->bad;
    }
    return total >= STRIPE_BREAKER_SAMPLES_MIN && 2 * bad >= total;
}

void stripe_breaker_record(struct stripe_breaker *breaker,
                           int64_t now_ms,
                           bool is_bad,
                           bool is_probe)
{
    struct stripe_breaker_second *slot;

    if (is_probe && is_bad) {
        open_up(breaker, now_ms);
    } else if (is_probe) {
        breaker->state = STRIPE_BREAKER_CLOSED;
        breaker->rounds++;
    } else if (breaker->state == STRIPE_BREAKER_CLOSED) {
        slot = second_of(breaker, now_ms);
        slot->total++;
        slot->bad += is_bad;
        if (is_bad && is_failing(breaker, now_ms))
            open_up(breaker, now_ms);
    }
}

void stripe_breaker_give_back(struct stripe_breaker *breaker, int64_t now_ms)
{
    breaker->state = STRIPE_BREAKER_OPEN;
    breaker->probe_at_ms = now_ms;
}
