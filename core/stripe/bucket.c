/* The "generic cell rate" form of a token bucket: one number, the time at which the bucket would be
 * full again, says all. So workers share it by a compare-and-swap, and whoever is busiest gets most
 * of it. */
#include "stripe/bucket.h"

int64_t stripe_bucket_take(_Atomic int64_t *next_us, struct stripe_rate rate, int64_t now_us)
{
    int64_t interval_us = 1000000 / rate.per_s;
    int64_t slack_us = interval_us * (rate.burst - 1);
    int64_t full_us = atomic_load(next_us), from_us;

    do {
        from_us = full_us > now_us ? full_us : now_us;
        if (from_us - now_us > slack_us)
            return from_us - now_us - slack_us;
    } while (!atomic_compare_exchange_weak(next_us, &full_us, from_us + interval_us));
    return 0;
}
