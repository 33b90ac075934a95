#include "crypto/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

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

bool bytes_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.at, b.at, a.len) == 0);
}
