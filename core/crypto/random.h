/* Random bytes from the system (getrandom). Failure aborts: nothing here may go on without. */
#ifndef SOUK_CRYPTO_RANDOM_H
#define SOUK_CRYPTO_RANDOM_H

#include <stddef.h>

void random_bytes(void *out, size_t size);
void random_hex(char *out, size_t bytes);     /* 2 * bytes + 1 */
void random_base62(char *out, size_t length); /* length + 1; unbiased */

#endif
