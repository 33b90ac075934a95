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

/* Sixteen bytes a step; the state is turned and multiplied, never replaced, so that no step can
 * lose what came before. The constants are odd and have 32 bits set (as wyhash's). */
void fingerprint_hex(struct str data, char out[FINGERPRINT_HEX_SIZE])
{
    const uint64_t k0 = 0xa0761d6478bd642fULL, k1 = 0xe7037ed1a0b428dbULL;
    const uint64_t k2 = 0x8ebc6af09c88c6e3ULL;
    uint64_t state = data.len * k2 + k0, words[2];
    const char *at = data.at, *end = at + data.len;

    for (; end - at >= (ptrdiff_t)sizeof words; at += sizeof words) {
        memcpy(words, at, sizeof words);
        state = (state << 27 | state >> 37) * k2 ^ fold(words[0] ^ k0, words[1] ^ k1);
    }
    if (at < end) {
        words[0] = words[1] = 0;
        memcpy(words, at, (size_t)(end - at));
        state = (state << 27 | state >> 37) * k2 ^ fold(words[0] ^ k0, words[1] ^ k1);
    }
    state = fold(state ^ k0, k1) ^ state;
    for (int i = 0; i < FINGERPRINT_HEX_SIZE - 1; i++, state <<= 4)
        out[i] = "0123456789abcdef"[state >> 60];
    out[FINGERPRINT_HEX_SIZE - 1] = '\0';
}

bool bytes_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.at, b.at, a.len) == 0);
}
