/* Stripe-Signature: t=<unix>,v1=<hex hmac of "t.body">[,v1=…][,v0=…]; vectors:
 * ../shared/data/webhook-vectors.json. Unlike the SDK a timestamp more than tolerance_s in the
 * future is refused too. */
#ifndef SOUK_STRIPE_WEBHOOK_H
#define SOUK_STRIPE_WEBHOOK_H

#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stripe_webhook_rule {
    const struct str *secrets; /* any of them may have signed; an empty one never counts */
    int secret_count;
    int64_t now_s, tolerance_s;
};

/* NULL: accepted by one of the secrets; else why not (static text). */
const char *
stripe_webhook_refusal(struct str body, struct str header, const struct stripe_webhook_rule *rule);
/* "t=…,v1=…" for one secret; out holds 96 bytes. */
void stripe_webhook_sign(struct str body, struct str secret, int64_t now_s, char out[96]);

#endif
