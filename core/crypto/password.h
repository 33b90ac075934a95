/* Password hashes: libxcrypt's bcrypt ("$2b$"). Blocking (55 ms at cost 10): call from a helper
 * thread. */
#ifndef SOUK_CRYPTO_PASSWORD_H
#define SOUK_CRYPTO_PASSWORD_H

#include "base/str.h"
#include <stdbool.h>

#define PASSWORD_BYTES_MIN 8
#define PASSWORD_BYTES_MAX 72
#define PASSWORD_HASH_SIZE 128

/* 8..72 bytes and no NUL, else false: bcrypt would cut. */
bool password_is_allowed(struct str password);
/* False: not allowed, or the library failed ("*" is never returned). */
bool password_hash(struct str password, int cost, char out[PASSWORD_HASH_SIZE]);
/* Constant time in the hash. hash NULL: hashes against a dummy of that cost and says false, so
 * unknown users take as long. */
bool password_check(struct str password, const char *hash, int cost);

#endif
