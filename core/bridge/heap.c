#include "bridge/heap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLAB_BYTES   16384 /* and so aligned: a piece's slab is known by its address */
#define CHUNK_SLABS  16
#define SLAB_WORDS   (SLAB_BYTES / HEAP_STEP_BYTES / 64)
#define WORTH_ASKING 8 /* a slab with less than one in so many free is passed over */

struct heap_chunk {
    struct heap_chunk *next;
    void *slabs;
};

struct heap_slab {
    struct heap_slab *next;
    uint32_t inverse; /* 65536 over a piece's steps, rounded up */
    uint16_t count, free, word;
    uint64_t bits[SLAB_WORDS]; /* which are free */
};

#define HEADER_BYTES \
    ((sizeof(struct heap_slab) + HEAP_STEP_BYTES - 1) / HEAP_STEP_BYTES * HEAP_STEP_BYTES)

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

static bool add_chunk(struct heap *heap)
{
    struct heap_chunk *chunk = malloc(sizeof(*chunk));

    if (!chunk)
        return false;
    chunk->slabs = aligned_alloc(SLAB_BYTES, (size_t)CHUNK_SLABS * SLAB_BYTES);
    if (!chunk->slabs) {
        free(chunk);
        return false;
    }
    chunk->next = heap->chunks;
    heap->chunks = chunk;
    heap->room = chunk->slabs;
    heap->room_bytes = (size_t)CHUNK_SLABS * SLAB_BYTES;
    return true;
}

/* A slab, all free, after the class's present one. */
static struct heap_slab *add_slab(struct heap *heap, struct heap_class *class, size_t steps)
{
    struct heap_slab *slab;
    unsigned count = (unsigned)((SLAB_BYTES - HEADER_BYTES) / (steps * HEAP_STEP_BYTES));

    if (heap->room_bytes == 0 && !add_chunk(heap))
        return NULL;
    slab = (struct heap_slab *)heap->room;
    heap->room += SLAB_BYTES;
    heap->room_bytes -= SLAB_BYTES;
    *slab = (struct heap_slab){
        .inverse = (uint32_t)((65536 + steps - 1) / steps),
        .count = (uint16_t)count,
        .free = (uint16_t)count,
    };
    for (unsigned i = 0; i < count; i++)
        slab->bits[i / 64] |= 1ull << i % 64;
    slab->next = class->slab ? class->slab->next : slab;
    if (class->slab)
        class->slab->next = slab;
    class->slabs++;
    return slab;
}

/* The next slab around the ring in which enough is free. */
static struct heap_slab *find_slab(struct heap_class *class)
{
    struct heap_slab *slab = class->slab;

    for (unsigned i = 0; i < class->slabs; i++) {
        slab = slab->next;
        if ((unsigned)slab->free * WORTH_ASKING >= slab->count)
            return slab;
    }
    return NULL;
}

/* The class's present slab gives no more: another, begun from its front. */
static bool turn_over(struct heap *heap, struct heap_class *class, size_t steps)
{
    struct heap_slab *slab = NULL;

    if (class->unasked)
        class->unasked--;
    else if (!(slab = find_slab(class)))
        class->unasked = class->slabs / WORTH_ASKING;
    if (!slab)
        slab = add_slab(heap, class, steps);
    if (!slab)
        return false;
    slab->word = 0;
    class->slab = slab;
    return true;
}

/* Takes the next 64 pieces of which some are free out of the slab. */
static bool refill(struct heap *heap, struct heap_class *class, size_t steps)
{
    for (;;) {
        struct heap_slab *slab = class->slab;

        while (slab && slab->word < SLAB_WORDS) {
            unsigned word = slab->word++;

            if (!slab->bits[word])
                continue;
            class->bits = slab->bits[word];
            class->at = (char *)slab + HEADER_BYTES + word * 64 * steps * HEAP_STEP_BYTES;
            slab->bits[word] = 0;
            slab->free -= (uint16_t)__builtin_popcountll(class->bits);
            return true;
        }
        if (!turn_over(heap, class, steps))
            return false;
    }
}

static void *take_small(struct heap *heap, size_t size)
{
    size_t steps = class_of(size) + 1;
    struct heap_class *class = &heap->classes[steps - 1];
    unsigned place;

    if (!class->bits && !refill(heap, class, steps))
        return NULL;
    place = (unsigned)__builtin_ctzll(class->bits);
    class->bits &= class->bits - 1;
    return class->at + place * steps * HEAP_STEP_BYTES;
}

static void *take(struct heap *heap, size_t size)
{
    return is_small(size) ? take_small(heap, size) : malloc(size);
}

static void give_back(void *at, size_t size)
{
    struct heap_slab *slab = (struct heap_slab *)((uintptr_t)at & ~(uintptr_t)(SLAB_BYTES - 1));
    unsigned place;

    if (!is_small(size)) {
        free(at);
        return;
    }
    place = (unsigned)((uintptr_t)at - (uintptr_t)slab - HEADER_BYTES) / HEAP_STEP_BYTES *
            slab->inverse / 65536;
    slab->bits[place / 64] |= 1ull << place % 64;
    slab->free++;
}

void *heap_resize(struct heap *heap, void *at, size_t old_size, size_t new_size)
{
    void *moved;

    if (!at)
        return new_size ? take(heap, new_size) : NULL;
    if (new_size == 0) {
        give_back(at, old_size);
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
    give_back(at, old_size);
    return moved;
}

void heap_done(struct heap *heap)
{
    struct heap_chunk *next;

    for (; heap->chunks; heap->chunks = next) {
        next = heap->chunks->next;
        free(heap->chunks->slabs);
        free(heap->chunks);
    }
    *heap = (struct heap){0};
}
