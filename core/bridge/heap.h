/* Where a Lua state's memory comes from. Lua tells the size of what it gives back, so small pieces
 * need no headers: a list of free ones for each size, cut from slabs that live as long as the heap.
 * A quarter of what malloc costs, and most of what a request does is make small tables. */
#ifndef SOUK_BRIDGE_HEAP_H
#define SOUK_BRIDGE_HEAP_H

#include <stddef.h>

#define HEAP_STEP_BYTES  16
#define HEAP_SMALL_BYTES 512 /* larger pieces are malloc's */

struct heap_slab;
struct heap_free;

/* All zero is an empty heap. */
struct heap {
    struct heap_free *free[HEAP_SMALL_BYTES / HEAP_STEP_BYTES];
    struct heap_slab *slabs;
    char *room;
    size_t room_bytes;
};

/* As realloc: NULL makes one, new_size 0 frees, NULL out: no memory, and at stays as it is.
 * old_size is what at was made with. */
void *heap_resize(struct heap *heap, void *at, size_t old_size, size_t new_size);
void heap_done(struct heap *heap);

#endif
