/* Where a Lua state's memory comes from. Lua tells the size of what it gives back, so small pieces
 * need no headers: each size has slabs of its own, and a slab a bit for each piece that is free.
 * Neither taking nor giving back touches the piece itself, which has left the caches by then, and
 * what is taken one after the other lies side by side. A quarter of what malloc costs, and most of
 * what a request does is make small tables. */
#ifndef SOUK_BRIDGE_HEAP_H
#define SOUK_BRIDGE_HEAP_H

#include <stddef.h>
#include <stdint.h>

#define HEAP_STEP_BYTES  16
#define HEAP_SMALL_BYTES 512 /* larger pieces are malloc's */

struct heap_chunk;
struct heap_slab;

/* Of one size: where the next pieces are. */
struct heap_class {
    uint64_t bits;          /* free ones of the 64 from at on, no longer in the slab's own bits */
    char *at;               /* the first of those 64 */
    struct heap_slab *slab; /* theirs, in a ring of all of this size */
    unsigned slabs;         /* in the ring */
    unsigned unasked;       /* so many new ones before the ring is looked through again */
};

/* All zero is an empty heap. */
struct heap {
    struct heap_class classes[HEAP_SMALL_BYTES / HEAP_STEP_BYTES];
    struct heap_chunk *chunks;
    char *room; /* of the newest chunk, for slabs */
    size_t room_bytes;
};

/* As realloc: NULL makes one, new_size 0 frees, NULL out: no memory, and at stays as it is.
 * old_size is what at was made with. */
void *heap_resize(struct heap *heap, void *at, size_t old_size, size_t new_size);
void heap_done(struct heap *heap);

#endif
