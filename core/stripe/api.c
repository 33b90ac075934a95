#include "stripe/api.h"

#include <string.h>

#define SLEEP_MIN_MS    500
#define SLEEP_MAX_MS    5000
#define RATE_TEST_PER_S 20
#define RATE_LIVE_PER_S 80

/* What encodeURIComponent leaves, and the brackets, which the SDK writes raw. */
static bool is_raw(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-_.~[]", c));
}

void stripe_form_escape(struct buf *out, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];

        if (is_raw(c))
            buf_add_char(out, (char)c);
        else
            buf_add(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

/* 0.5 s, 1 s, 2 s, 4 s, 5 s, each scaled by 0.5 to 1, never below 0.5 s. */
static int64_t sleep_of(int attempt, double random_01)
{
    int64_t sleep_ms = SLEEP_MIN_MS;

    while (--attempt > 0 && sleep_ms < SLEEP_MAX_MS)
        sleep_ms *= 2;
    if (sleep_ms > SLEEP_MAX_MS)
        sleep_ms = SLEEP_MAX_MS;
    sleep_ms = (int64_t)((double)sleep_ms * (0.5 + 0.5 * random_01));
    return sleep_ms < SLEEP_MIN_MS ? SLEEP_MIN_MS : sleep_ms;
}

static bool is_answer_final(const struct fetch_answer *answer)
{
    struct str wish = fetch_header(answer->headers, "Stripe-Should-Retry");

    if (str_eq(wish, STR("false")))
        return true;
    if (str_eq(wish, STR("true")))
        return false;
    return answer->status != 409 && answer->status < 500;
}

/* What is left when no attempt follows. A 5xx or a 409 does not say whether the request was
 * executed, and once an attempt came before, "not sent" only speaks of the last one. */
static enum stripe_verdict verdict_at_end(int attempt, const struct fetch_answer *answer)
{
    switch (answer->outcome) {
    case FETCH_ANSWERED:
        return answer->status < 500 && answer->status != 409 ? STRIPE_DONE : STRIPE_UNKNOWN;
    case FETCH_NOT_SENT:
    case FETCH_TLS:
    case FETCH_REFUSED: return attempt > 1 ? STRIPE_UNKNOWN : STRIPE_FATAL;
    default: return STRIPE_UNKNOWN;
    }
}

enum stripe_verdict stripe_retry_rule(int attempt,
                                      int attempts_max,
                                      const struct fetch_answer *answer,
                                      double random_01,
                                      int64_t *sleep_ms)
{
    bool is_final;

    switch (answer->outcome) {
    case FETCH_ANSWERED: is_final = is_answer_final(answer); break;
    case FETCH_NOT_SENT:
    case FETCH_UNKNOWN: is_final = false; break;
    default: is_final = true; break;
    }
    if (is_final || attempt >= attempts_max)
        return verdict_at_end(attempt, answer);
    *sleep_ms = sleep_of(attempt, random_01);
    return STRIPE_RETRY;
}

static bool begins_with(struct str text, struct str prefix)
{
    return text.len >= prefix.len && memcmp(text.at, prefix.at, prefix.len) == 0;
}

static bool is_live_key(struct str key)
{
    return begins_with(key, STR("sk_live_")) || begins_with(key, STR("rk_live_"));
}

int stripe_rate_of_key(struct str key)
{
    return is_live_key(key) ? RATE_LIVE_PER_S : RATE_TEST_PER_S;
}

/* The host of a URL is this machine: a port or a path may follow, nothing else. */
static bool is_loopback(struct str url)
{
    static const struct str starts[] = {
        {"http://127.0.0.1", 16},
        {"http://localhost", 16},
        {"http://[::1]", 12},
    };

    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (begins_with(url, starts[i]) &&
            (url.len == starts[i].len || url.at[starts[i].len] == ':' ||
             url.at[starts[i].len] == '/') &&
            !memchr(url.at, '@', url.len))
            return true;
    return false;
}

const char *stripe_key_refusal(struct str key, struct str base_url, bool is_live_allowed)
{
    bool is_live = is_live_key(key);
    bool is_test = begins_with(key, STR("sk_test_")) || begins_with(key, STR("rk_test_"));

    if (!is_live && !is_test)
        return "the key is neither sk_test_… nor sk_live_…";
    for (size_t i = 0; i < key.len; i++)
        if (!is_raw((unsigned char)key.at[i]))
            return "the key has characters that no key has";
    if (is_loopback(base_url))
        return is_live ? "a live key is never sent to an emulator" : NULL;
    if (!begins_with(base_url, STR("https://")))
        return "a key is only sent over https, or to an emulator on this machine";
    if (is_live && !is_live_allowed)
        return "a live key needs stripe.live = true";
    if (is_live && !str_eq(base_url, STR("https://api.stripe.com")))
        return "a live key is only sent to https://api.stripe.com";
    return NULL;
}
