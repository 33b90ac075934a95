#include "crypto/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_BYTES 32

static void put_hex(const unsigned char digest[DIGEST_BYTES], char out[DIGEST_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < DIGEST_BYTES; i++) {
        *out++ = digits[digest[i] >> 4];
        *out++ = digits[digest[i] & 15];
    }
    *out = '\0';
}

void hmac_sha256_hex(struct str key, struct str data, char out[DIGEST_HEX_SIZE])
{
    unsigned char digest[DIGEST_BYTES];

    /* A key pointer of NULL would mean "the key of the last call" to OpenSSL. */
    if (!HMAC(EVP_sha256(), key.len ? key.at : "", (int)key.len,
              (const unsigned char *)(data.len ? data.at : ""), data.len, digest, NULL))
        abort();
    put_hex(digest, out);
}

void sha256_hex(struct str data, char out[DIGEST_HEX_SIZE])
{
    unsigned char digest[DIGEST_BYTES];

    if (!EVP_Digest(data.len ? data.at : "", data.len, digest, NULL, EVP_sha256(), NULL))
        abort();
    put_hex(digest, out);
}

/* Both halves of the product of two words. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Odd, with about half of their bits set; 0 and 1 hold a byte that no UTF-8 has, so that no text
 * makes a product 0. */
#define FINGERPRINT_0 0xa0761d64ffbd642fULL
#define FINGERPRINT_1 0xe7037ed1a0b4ffdbULL
#define FINGERPRINT_2 0x8ebc6af09c88c6e3ULL

/* The state is multiplied and added to, never replaced, so that no step can lose what came before.
 */
static uint64_t mix(uint64_t state, uint64_t a, uint64_t b)
{
    return state * FINGERPRINT_2 + fold(a ^ FINGERPRINT_0, b ^ FINGERPRINT_1);
}

static uint64_t mix_bytes(uint64_t state, const char *at)
{
    uint64_t words[2];

    memcpy(words, at, sizeof words);
    return mix(state, words[0], words[1]);
}

/* Sixteen bytes a step. Long texts go in lanes, since a step waits for the one before. */
static uint64_t mix_lanes(uint64_t state, const char **at, const char *end)
{
    uint64_t a = state, b = state + 1, c = state + 2, d = state + 3;

    for (; end - *at >= 64; *at += 64) {
        a = mix_bytes(a, *at);
        b = mix_bytes(b, *at + 16);
        c = mix_bytes(c, *at + 32);
        d = mix_bytes(d, *at + 48);
    }
    return mix(mix(a, b, c), d, c);
}

void fingerprint_hex(struct str data, char out[FINGERPRINT_HEX_SIZE])
{
    uint64_t state = data.len * FINGERPRINT_2 + FINGERPRINT_0;
    const char *at = data.at, *end = at + data.len;
    char last[16] = {0};

    if (data.len >= 64)
        state = mix_lanes(state, &at, end);
    for (; end - at >= (ptrdiff_t)sizeof last; at += sizeof last)
        state = mix_bytes(state, at);
    if (at < end) {
        memcpy(last, at, (size_t)(end - at));
        state = mix_bytes(state, last);
    }
    state = fold(state ^ FINGERPRINT_0, FINGERPRINT_1) ^ state;
    for (int i = 0; i < FINGERPRINT_HEX_SIZE - 1; i++, state <<= 4)
        out[i] = "0123456789abcdef"[state >> 60];
    out[FINGERPRINT_HEX_SIZE - 1] = '\0';
}

/* As long for what differs early as for what differs late, like CRYPTO_memcmp, which goes byte by
 * byte: a token is compared at each request. */
bool bytes_equal(struct str a, struct str b)
{
    volatile uint64_t differing = 0;
    uint64_t gathered = 0, left, right;
    size_t i = 0;

    if (a.len != b.len)
        return false;
    for (; i + sizeof left <= a.len; i += sizeof left) {
        memcpy(&left, a.at + i, sizeof left);
        memcpy(&right, b.at + i, sizeof right);
        gathered |= left ^ right;
    }
    differing = gathered;
    return (differing == 0) & (CRYPTO_memcmp(a.at + i, b.at + i, a.len - i) == 0);
}
