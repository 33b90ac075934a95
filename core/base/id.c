/* UUID v7. The difficulty is to stay ascending within one millisecond, and when the clock steps
 * back: then the time stands still and the random part grows by a random step. */
#include "base/id.h"

#include "base/clock.h"
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

#define POOL_WORDS 32 /* so many bytes getrandom() gives whole, or not at all */

#define LOW_BITS  62
#define LOW_MASK  ((UINT64_C(1) << LOW_BITS) - 1)
#define HIGH_MASK 0xFFFU

static _Thread_local struct {
    int64_t ms;
    uint16_t high; /* 12 bits after the version */
    uint64_t low;  /* 62 bits after the variant */
} last;

/* Random words are asked for many at a time. A child must not draw its parent's. */
static _Thread_local struct {
    uint64_t words[POOL_WORDS];
    int left;
} pool;

static void forget_pool(void)
{
    pool.left = 0;
}

static void forget_when_forked(void)
{
    if (pthread_atfork(NULL, NULL, forget_pool) != 0)
        abort();
}

static void fill_pool(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    ssize_t got;

    (void)pthread_once(&once, forget_when_forked);
    do {
        got = getrandom(pool.words, sizeof pool.words, 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof pool.words)
        abort();
    pool.left = POOL_WORDS;
}

static uint64_t random_word(void)
{
    if (!pool.left)
        fill_pool();
    return pool.words[--pool.left];
}

static void advance(void)
{
    int64_t now_ms = clock_wall_ms();

    if (now_ms > last.ms) {
        last.ms = now_ms;
        last.high = random_word() & (HIGH_MASK >> 1);
        last.low = random_word() & LOW_MASK;
        return;
    }
    last.low += 1 + (random_word() >> 32);
    if (last.low <= LOW_MASK)
        return;
    last.low &= LOW_MASK;
    if (++last.high <= HIGH_MASK)
        return;
    last.high = 0;
    last.ms++;
}

static char *put_hex(char *at, uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
    return at + digits;
}

void id_uuid7(char out[37])
{
    uint64_t variant_and_low;

    advance();
    variant_and_low = UINT64_C(2) << LOW_BITS | last.low;
    out = put_hex(out, (uint64_t)last.ms >> 16, 8);
    *out++ = '-';
    out = put_hex(out, (uint64_t)last.ms & 0xFFFF, 4);
    *out++ = '-';
    out = put_hex(out, 0x7000U | last.high, 4);
    *out++ = '-';
    out = put_hex(out, variant_and_low >> 48, 4);
    *out++ = '-';
    out = put_hex(out, variant_and_low & UINT64_C(0xFFFFFFFFFFFF), 12);
    *out = '\0';
}

/* Each bit: at that place of a UUID there is a dash. */
#define DASHES (UINT64_C(1) << 8 | UINT64_C(1) << 13 | UINT64_C(1) << 18 | UINT64_C(1) << 23)

bool id_is_uuid(struct str text)
{
    static const unsigned char is_hex[256] = {
        ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
        ['8'] = 1, ['9'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1,
        ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1};
    const unsigned char *at = (const unsigned char *)text.at;
    uint64_t others = 0;

    if (text.len != 36 || at[8] != '-' || at[13] != '-' || at[18] != '-' || at[23] != '-')
        return false;
    for (int i = 0; i < 36; i++)
        others |= (uint64_t)!is_hex[at[i]] << i;
    return others == DASHES;
}
