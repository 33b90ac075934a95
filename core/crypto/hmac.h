/* Digests and comparisons. */
#ifndef SOUK_CRYPTO_HMAC_H
#define SOUK_CRYPTO_HMAC_H

#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>

#define DIGEST_HEX_SIZE 65

void hmac_sha256_hex(struct str key, struct str data, char out[DIGEST_HEX_SIZE]); /* lower case */
/* 64 bits that tell texts apart which nobody has chosen to look alike: for ETags, at a tenth of
 * SHA-256's cost. No secret, no proof. */
#define FINGERPRINT_HEX_SIZE 17
void fingerprint_hex(struct str data, char out[FINGERPRINT_HEX_SIZE]);
void sha256_hex(struct str data, char out[DIGEST_HEX_SIZE]);
/* Constant time in the content; lengths may leak. */
bool bytes_equal(struct str a, struct str b);

#endif
