/* Talking to Stripe: what is pure. (Bracket form encoding of Lua tables is in bridge/bind_stripe.c,
 * on top of stripe_form_escape.) */
#ifndef SOUK_STRIPE_API_H
#define SOUK_STRIPE_API_H

#include "base/buf.h"
#include "base/str.h"
#include "fetch/fetch.h"
#include <stdbool.h>
#include <stdint.h>

/* Percent-encodes as the official SDK does: UTF-8, space %20, brackets raw. */
void stripe_form_escape(struct buf *out, struct str text);

enum stripe_verdict {
    STRIPE_DONE,    /* an answer that says what happened, be it 402 or 429 */
    STRIPE_RETRY,   /* again, with the same idempotency key, after sleep_ms */
    STRIPE_UNKNOWN, /* may have been executed: keep the key, reconcile */
    STRIPE_FATAL,   /* not executed, and trying again at once is of no use */
};
/* The official SDK's rule (design/stripe.md 1.3) as a pure function. attempt counts from 1;
 * random_01 in [0,1). *sleep_ms only for RETRY. */
enum stripe_verdict stripe_retry_rule(int attempt,
                                      int attempts_max,
                                      const struct fetch_answer *answer,
                                      double random_01,
                                      int64_t *sleep_ms);
/* Calls a second that Stripe surely takes from an account: below its limits of 25 (test) and 100.
 */
int stripe_rate_of_key(struct str key);
/* NULL: the key may be used with that address; else why not. */
const char *stripe_key_refusal(struct str key, struct str base_url, bool is_live_allowed);

#endif
