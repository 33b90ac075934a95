/* Time. Wall time for what people and tokens see, monotonic for deadlines. Specs may shift the wall
 * clock. */
#ifndef SOUK_BASE_CLOCK_H
#define SOUK_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_ms(void);                /* since 1970, UTC */
int64_t clock_monotonic_us(void);           /* for deadlines and durations */
void clock_shift_wall_ms(int64_t shift_ms); /* specs only */
/* "2026-01-27T10:30:00.000Z" and its NUL: 25 bytes. */
void clock_rfc3339(int64_t wall_ms, char out[25]);

#endif
