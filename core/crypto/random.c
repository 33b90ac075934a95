#include "crypto/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *out, size_t size)
{
    unsigned char *at = out;

    while (size) {
        ssize_t got = getrandom(at, size, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        at += got;
        size -= (size_t)got;
    }
}

void random_hex(char *out, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char chunk[64];

    while (bytes) {
        size_t count = bytes < sizeof chunk ? bytes : sizeof chunk;

        random_bytes(chunk, count);
        for (size_t i = 0; i < count; i++) {
            *out++ = digits[chunk[i] >> 4];
            *out++ = digits[chunk[i] & 15];
        }
        bytes -= count;
    }
    *out = '\0';
}

/* 248 is the largest multiple of 62 in a byte: values above it would favour the first letters. */
void random_base62(char *out, size_t length)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    unsigned char chunk[64];
    size_t made = 0;

    while (made < length) {
        random_bytes(chunk, sizeof chunk);
        for (size_t i = 0; i < sizeof chunk && made < length; i++)
            if (chunk[i] < 248)
                out[made++] = digits[chunk[i] % 62];
    }
    out[length] = '\0';
}
