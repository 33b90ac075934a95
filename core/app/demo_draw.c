/* Chance that repeats itself: splitmix64, whose state can be made from any number, so row n needs
 * no row before it. */
#include "app/demo_draw.h"

#include <stddef.h>
#include <stdio.h>
#include <time.h>

uint64_t demo_next(struct demo_draw *draw)
{
    uint64_t x = draw->state += 0x9E3779B97F4A7C15u; /* splitmix64 */

    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

struct demo_draw demo_draw_of(uint64_t seed, uint64_t kind, uint64_t number)
{
    struct demo_draw draw = {seed * 0xD6E8FEB86659FD93u + kind};

    draw.state = demo_next(&draw) ^ (number * 0xA0761D6478BD642Fu);
    return draw;
}

double demo_unit(struct demo_draw *draw)
{
    return (double)(demo_next(draw) >> 11) / 9007199254740992.0;
}

uint64_t demo_below(struct demo_draw *draw, uint64_t end)
{
    return demo_next(draw) % end;
}

double demo_bell(struct demo_draw *draw)
{
    double sum = 0;

    for (int i = 0; i < 4; i++)
        sum += demo_unit(draw);
    return (sum - 2) * 1.7320508;
}

const char *demo_one_of(struct demo_draw *draw, const char *const *words)
{
    size_t count = 0;

    while (words[count])
        count++;
    return words[demo_below(draw, count)];
}

void demo_make_id(struct demo_draw *draw, int64_t time_s, char out[37])
{
    uint64_t high = demo_next(draw);
    uint64_t low = demo_next(draw);
    uint64_t time_ms = (uint64_t)time_s * 1000 + (high >> 54) % 1000;

    snprintf(out, 37, "%08x-%04x-7%03x-%04x-%012llx", (unsigned)(time_ms >> 16),
             (unsigned)(time_ms & 0xFFFF), (unsigned)(high & 0xFFF),
             (unsigned)(0x8000 | (low >> 48 & 0x3FFF)), (unsigned long long)(low & 0xFFFFFFFFFFFF));
}

void demo_make_time(int64_t time_s, char out[DEMO_TIME_SIZE])
{
    time_t at = (time_t)time_s;
    struct tm parts;

    gmtime_r(&at, &parts);
    strftime(out, DEMO_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
}
