#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

/* Read by helper threads too. */
static _Atomic int64_t shift;

static int64_t read_us(clockid_t id)
{
    struct timespec at;

    (void)clock_gettime(id, &at);
    return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000 + atomic_load_explicit(&shift, memory_order_relaxed);
}

int64_t clock_monotonic_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

void clock_shift_wall_ms(int64_t shift_ms)
{
    atomic_store_explicit(&shift, shift_ms, memory_order_relaxed);
}

static char *put_digits(char *at, unsigned value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + digits;
}

/* Days since 1970 to a civil date: H. Hinnant, "chrono-compatible low-level date algorithms". */
static void civil_from_days(int64_t days, unsigned *year, unsigned *month, unsigned *day)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    unsigned day_of_era = (unsigned)(shifted - era * 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * day_of_year + 2) / 153;

    *day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *year = (unsigned)(year_of_era + era * 400) + (*month <= 2);
}

void clock_rfc3339(int64_t wall_ms, char out[25])
{
    int64_t days = wall_ms / 86400000 - (wall_ms % 86400000 < 0);
    unsigned ms = (unsigned)(wall_ms - days * 86400000);
    unsigned year, month, day;

    civil_from_days(days, &year, &month, &day);
    out = put_digits(out, year, 4);
    *out++ = '-';
    out = put_digits(out, month, 2);
    *out++ = '-';
    out = put_digits(out, day, 2);
    *out++ = 'T';
    out = put_digits(out, ms / 3600000, 2);
    *out++ = ':';
    out = put_digits(out, ms / 60000 % 60, 2);
    *out++ = ':';
    out = put_digits(out, ms / 1000 % 60, 2);
    *out++ = '.';
    out = put_digits(out, ms % 1000, 3);
    *out++ = 'Z';
    *out = '\0';
}
