#include "bridge/heap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLAB_BYTES 65536

struct heap_slab {
    struct heap_slab *next;
    void *padding; /* so that pieces are aligned to HEAP_STEP_BYTES */
};

struct heap_free {
    struct heap_free *next;
};

/* A sanitizer sees uses of freed memory only in pieces of malloc's. */
static bool is_small(size_t size)
{
#ifdef __SANITIZE_ADDRESS__
    (void)size;
    return false;
#else
    return size <= HEAP_SMALL_BYTES;
#endif
}

static size_t class_of(size_t size)
{
    return (size - 1) / HEAP_STEP_BYTES;
}

static bool add_slab(struct heap *heap)
{
    struct heap_slab *slab = malloc(SLAB_BYTES);

    if (!slab)
        return false;
    slab->next = heap->slabs;
    heap->slabs = slab;
    heap->room = (char *)(slab + 1);
    heap->room_bytes = SLAB_BYTES - sizeof(*slab);
    return true;
}

/* What is left of a slab that is too short for a piece is lost: less than 1 % of it. */
static void *take_small(struct heap *heap, size_t size)
{
    size_t class = class_of(size), bytes = (class + 1) * HEAP_STEP_BYTES;
    struct heap_free *piece = heap->free[class];

    if (piece) {
        heap->free[class] = piece->next;
        return piece;
    }
    if (heap->room_bytes < bytes && !add_slab(heap))
        return NULL;
    piece = (struct heap_free *)heap->room;
    heap->room += bytes;
    heap->room_bytes -= bytes;
    return piece;
}

static void *take(struct heap *heap, size_t size)
{
    return is_small(size) ? take_small(heap, size) : malloc(size);
}

static void give_back(struct heap *heap, void *at, size_t size)
{
    struct heap_free *piece = at;

    if (!is_small(size)) {
        free(at);
        return;
    }
    piece->next = heap->free[class_of(size)];
    heap->free[class_of(size)] = piece;
}

void *heap_resize(struct heap *heap, void *at, size_t old_size, size_t new_size)
{
    void *moved;

    if (!at)
        return new_size ? take(heap, new_size) : NULL;
    if (new_size == 0) {
        give_back(heap, at, old_size);
        return NULL;
    }
    if (!is_small(old_size) && !is_small(new_size))
        return realloc(at, new_size);
    if (is_small(old_size) && is_small(new_size) && class_of(old_size) == class_of(new_size))
        return at;
    moved = take(heap, new_size);
    if (!moved)
        return NULL;
    memcpy(moved, at, old_size < new_size ? old_size : new_size);
    give_back(heap, at, old_size);
    return moved;
}

void heap_done(struct heap *heap)
{
    struct heap_slab *next;

    for (; heap->slabs; heap->slabs = next) {
        next = heap->slabs->next;
        free(heap->slabs);
    }
    *heap = (struct heap){0};
}
