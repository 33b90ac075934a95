/* Chance that repeats itself, and what is made from it. One draw a statement: C does not say which
 * argument of a call is evaluated first. */
#ifndef SOUK_APP_DEMO_DRAW_H
#define SOUK_APP_DEMO_DRAW_H

#include <stdint.h>

#define DEMO_TIME_SIZE 32

struct demo_draw {
    uint64_t state;
};

/* The same three numbers give the same draws; kind keeps those for different purposes apart. */
struct demo_draw demo_draw_of(uint64_t seed, uint64_t kind, uint64_t number);
uint64_t demo_next(struct demo_draw *draw);
double demo_unit(struct demo_draw *draw);                  /* [0, 1) */
uint64_t demo_below(struct demo_draw *draw, uint64_t end); /* [0, end) */
double demo_bell(struct demo_draw *draw);                  /* about normal: mean 0, deviation 1 */
/* words end with NULL. */
const char *demo_one_of(struct demo_draw *draw, const char *const *words);
/* A UUID of version 7, of that second. */
void demo_make_id(struct demo_draw *draw, int64_t time_s, char out[37]);
/* RFC 3339, UTC. */
void demo_make_time(int64_t time_s, char out[DEMO_TIME_SIZE]);

#endif
