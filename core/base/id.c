/* UUID v7. The difficulty is to stay ascending within one millisecond, and when the clock steps
 * back: then the time stands still and the random part grows by a random step. */
#include "base/id.h"

#include "base/clock.h"
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

#ifdef __SSE2__
/* The 32 hex digits of 16 bytes: halves of bytes side by side, then all made letters at once. */
static void put_digits(char at[32], uint64_t high, uint64_t low)
{
    const __m128i half = _mm_set1_epi8(0x0F), nine = _mm_set1_epi8(9);
    const __m128i zero = _mm_set1_epi8('0'), more = _mm_set1_epi8('a' - '0' - 10);
    __m128i bytes = _mm_set_epi64x((long long)htobe64(low), (long long)htobe64(high));
    __m128i upper = _mm_and_si128(_mm_srli_epi16(bytes, 4), half);
    __m128i lower = _mm_and_si128(bytes, half);

    for (int i = 0; i < 2; i++) {
        __m128i digits = i == 0 ? _mm_unpacklo_epi8(upper, lower) : _mm_unpackhi_epi8(upper, lower);
        __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(digits, nine), more);
        digits = _mm_add_epi8(_mm_add_epi8(digits, zero), letters);
        memcpy(at + (size_t)i * sizeof(digits), &digits, sizeof(digits));
    }
}
#else
/* The eight hex digits of a word: a digit in each byte, then all made letters at once. */
static void put_word(char at[8], uint32_t word)
{
    uint64_t digits = word, letters;

    digits = (digits & 0xFFFF0000) << 16 | (digits & 0xFFFF);
    digits = (digits & 0x0000FF000000FF00) << 8 | (digits & 0x000000FF000000FF);
    digits = (digits & 0x00F000F000F000F0) << 4 | (digits & 0x000F000F000F000F);
    letters = (digits + 0x0606060606060606) >> 4 & 0x0101010101010101;
    digits = htobe64(digits + 0x3030303030303030 + letters * ('a' - '0' - 10));
    memcpy(at, &digits, sizeof(digits));
}

static void put_digits(char at[32], uint64_t high, uint64_t low)
{
    put_word(at, (uint32_t)(high >> 32));
    put_word(at + 8, (uint32_t)high);
    put_word(at + 16, (uint32_t)(low >> 32));
    put_word(at + 24, (uint32_t)low);
}
#endif

void id_text(uint64_t high, uint64_t low, char out[ID_TEXT])
{
    char digits[32];

    put_digits(digits, high, low);
    memcpy(out, digits, 8);
    memcpy(out + 9, digits + 8, 4);
    memcpy(out + 14, digits + 12, 4);
    memcpy(out + 19, digits + 16, 4);
    memcpy(out + 24, digits + 20, 12);
    out[8] = out[13] = out[18] = out[23] = '-';
}

void id_uuid7(char out[ID_TEXT + 1])
{
    advance();
    id_text((uint64_t)last.ms << 16 | 0x7000U | last.high, UINT64_C(2) << LOW_BITS | last.low, out);
    out[ID_TEXT] = '\0';
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

    if (text.len != ID_TEXT || at[8] != '-' || at[13] != '-' || at[18] != '-' || at[23] != '-')
        return false;
    for (int i = 0; i < ID_TEXT; i++)
        others |= (uint64_t)!is_hex[at[i]] << i;
    return others == DASHES;
}
