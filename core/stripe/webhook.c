#include "stripe/webhook.h"

#include "crypto/hmac.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SIGNATURES_MAX  16
#define TIME_DIGITS_MAX 18

struct parsed {
    struct str time; /* as written: it is part of what is signed */
    struct str signatures[SIGNATURES_MAX];
    int signature_count;
};

/* As the SDK reads it: pairs between commas, no space allowed, the last t wins, v0 is ignored. */
static bool parse_header(struct str header, struct parsed *out)
{
    *out = (struct parsed){0};
    while (header.len) {
        const char *comma = memchr(header.at, ',', header.len);
        size_t len = comma ? (size_t)(comma - header.at) : header.len;
        struct str pair = {header.at, len};

        if (len >= 2 && memcmp(pair.at, "t=", 2) == 0)
            out->time = (struct str){pair.at + 2, len - 2};
        if (len >= 3 && memcmp(pair.at, "v1=", 3) == 0) {
            if (out->signature_count == SIGNATURES_MAX)
                return false;
            out->signatures[out->signature_count++] = (struct str){pair.at + 3, len - 3};
        }
        len += comma != NULL;
        header = (struct str){header.at + len, header.len - len};
    }
    return true;
}

static bool parse_time(struct str text, int64_t *out)
{
    int64_t value = 0;

    if (text.len == 0 || text.len > TIME_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        value = value * 10 + (text.at[i] - '0');
    }
    *out = value;
    return true;
}

static void sign(struct str time, struct str body, struct str secret, char out[DIGEST_HEX_SIZE])
{
    size_t len = time.len + 1 + body.len;
    char *signed_text = malloc(len);

    if (!signed_text)
        abort();
    if (time.len)
        memcpy(signed_text, time.at, time.len);
    signed_text[time.len] = '.';
    if (body.len)
        memcpy(signed_text + time.len + 1, body.at, body.len);
    hmac_sha256_hex(secret, (struct str){signed_text, len}, out);
    free(signed_text);
}

static bool is_signed_by(const struct parsed *parsed, struct str body, struct str secret)
{
    char expected[DIGEST_HEX_SIZE];
    bool is_found = false;

    sign(parsed->time, body, secret, expected);
    for (int i = 0; i < parsed->signature_count; i++)
        is_found |= bytes_equal(parsed->signatures[i], str_from(expected));
    return is_found;
}

const char *
stripe_webhook_refusal(struct str body, struct str header, const struct stripe_webhook_rule *rule)
{
    struct parsed parsed;
    int64_t signed_at_s;
    bool is_found = false;

    if (body.len == 0)
        return "the body is empty";
    if (header.len == 0)
        return "there is no Stripe-Signature";
    if (!parse_header(header, &parsed))
        return "there are too many signatures";
    if (!parse_time(parsed.time, &signed_at_s))
        return "the signature has no time";
    if (parsed.signature_count == 0)
        return "there is no v1 signature";
    for (int i = 0; i < rule->secret_count; i++)
        is_found |= rule->secrets[i].len > 0 && is_signed_by(&parsed, body, rule->secrets[i]);
    if (!is_found)
        return "no signature matches the body";
    if (signed_at_s < rule->now_s - rule->tolerance_s)
        return "the signature is too old";
    if (signed_at_s > rule->now_s + rule->tolerance_s)
        return "the signature is from the future";
    return NULL;
}

void stripe_webhook_sign(struct str body, struct str secret, int64_t now_s, char out[96])
{
    char time[24], digest[DIGEST_HEX_SIZE];

    (void)snprintf(time, sizeof time, "%" PRId64, now_s);
    sign(str_from(time), body, secret, digest);
    (void)snprintf(out, 96, "t=%s,v1=%s", time, digest);
}
