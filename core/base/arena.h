/* One request's memory: bump allocation, freed as a whole. Out of memory aborts; what a client can
 * make large is limited before it gets here. */
#ifndef SOUK_BASE_ARENA_H
#define SOUK_BASE_ARENA_H

#include "base/str.h"
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
/* Takes NULL. Everything allocated from it dies. */
void arena_free(struct arena *arena);
/* Frees all blocks but the first: for reuse by the next request. */
void arena_reset(struct arena *arena);
/* Zeroed, aligned to 16, never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
/* A terminated copy. */
char *arena_copy(struct arena *arena, struct str text);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));
size_t arena_used_bytes(const struct arena *arena);

#endif
