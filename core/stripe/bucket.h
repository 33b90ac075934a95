/* How many calls a second may go out, over all processes that share one word of memory. Pure. */
#ifndef SOUK_STRIPE_BUCKET_H
#define SOUK_STRIPE_BUCKET_H

#include <stdatomic.h>
#include <stdint.h>

struct stripe_rate {
    int per_s; /* at least 1 */
    int burst; /* calls that may go at once after a quiet time, at least 1 */
};

/* 0: one call may go now, and is counted. Else the microseconds until asking again may help; then
 * nothing was counted. *next_us is 0 at first. In no stretch of T seconds go more than burst + T *
 * per_s. */
int64_t stripe_bucket_take(_Atomic int64_t *next_us, struct stripe_rate rate, int64_t now_us);

#endif
