/* When the worker's thread may take the processor from others. */
#ifndef SOUK_APP_PACE_H
#define SOUK_APP_PACE_H

#include <stdbool.h>

struct db_pool;

/* Of the calling thread, at each tick. pool: NULL without a database; has_rivals: threads of our
 * own compute. A policy that whoever started us has chosen stays. */
void pace_set(const struct db_pool *pool, bool has_rivals);

#endif
