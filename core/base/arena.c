#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_BYTES 8192
#define ALIGN       16

struct block {
    struct block *next;
    size_t used, room;
    _Alignas(ALIGN) unsigned char bytes[];
};

/* The newest block is at the head; the first, which reset keeps, is the last of the list. */
struct arena {
    struct block *head;
    size_t used_bytes;
};

static struct block *block_new(size_t room, struct block *next)
{
    struct block *block = malloc(sizeof *block + room);

    if (!block)
        abort();
    block->next = next;
    block->used = 0;
    block->room = room;
    return block;
}

struct arena *arena_new(void)
{
    struct arena *arena = calloc(1, sizeof *arena);

    if (!arena)
        abort();
    arena->head = block_new(BLOCK_BYTES, NULL);
    return arena;
}

void arena_reset(struct arena *arena)
{
    while (arena->head->next) {
        struct block *next = arena->head->next;

        free(arena->head);
        arena->head = next;
    }
    arena->head->used = 0;
    arena->used_bytes = 0;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    arena_reset(arena);
    free(arena->head);
    free(arena);
}

static void *take(struct arena *arena, size_t size)
{
    struct block *block = arena->head;
    void *at;

    if (size > SIZE_MAX / 2)
        abort();
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (block->room - block->used < size) {
        block = block_new(size > BLOCK_BYTES ? size : BLOCK_BYTES, block);
        arena->head = block;
    }
    at = block->bytes + block->used;
    block->used += size;
    arena->used_bytes += size;
    return at;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(take(arena, size), 0, size);
}

char *arena_copy(struct arena *arena, struct str text)
{
    char *copy = take(arena, text.len + 1);

    if (text.len)
        memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        abort();
    text = arena_alloc(arena, (size_t)len + 1);
    va_start(args, format);
    (void)vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

size_t arena_used_bytes(const struct arena *arena)
{
    return arena->used_bytes;
}
