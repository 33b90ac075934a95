/* Who goes together, and who waits for whom: pure, no I/O. A ticket is an order that wants goods.
 * It may fly when nobody in the air and nobody before it in the queue wants any of the same goods,
 * so whoever came first is served first; those that wait for the same goods fly together. What an
 * order wants is known here by hashes: two goods that share one only wait for each other without
 * need. */
#ifndef SOUK_STOCK_QUEUE_H
#define SOUK_STOCK_QUEUE_H

#include "base/list.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STOCK_SLOTS 8192 /* a power of two */

struct stock_ticket {
    struct list node;
    uint32_t owner;        /* whose order: two of one owner never fly at a time */
    const uint32_t *goods; /* borrowed for as long as the ticket is known here */
    int goods_count;
    size_t bytes;
    const void *kind; /* only tickets of one kind fly together */
    bool is_alone;    /* flies with nobody */
};

struct stock_queue {
    struct list waiting;
    int count;
    uint16_t in_air[STOCK_SLOTS]; /* tickets that want what hashes to this slot */
    uint16_t on_ground[STOCK_SLOTS];
};

struct stock_limits {
    int tickets_min; /* fewer stay on the ground */
    int tickets_max;
    size_t bytes_max; /* one larger ticket flies alone */
};

void stock_queue_init(struct stock_queue *queue);
uint32_t stock_hash(struct str text);
/* Nobody in the air or waiting wants what this one wants. */
bool stock_queue_is_clear(const struct stock_queue *queue, const struct stock_ticket *ticket);
/* It is in the air without having waited: only when the queue is clear for it. */
void stock_queue_fly(struct stock_queue *queue, const struct stock_ticket *ticket);
void stock_queue_add(struct stock_queue *queue, struct stock_ticket *ticket);
/* In front of all others: tickets that were in the air before them. */
void stock_queue_add_first(struct stock_queue *queue, struct stock_ticket *ticket);
/* Moves those that may fly together now to `flight` (a list that was initialised), in order of
 * arrival, and counts them: 0 when nobody may, or too few. */
int stock_queue_take(struct stock_queue *queue, struct stock_limits limits, struct list *flight);
/* It is no longer in the air. */
void stock_queue_land(struct stock_queue *queue, const struct stock_ticket *ticket);
/* The one that has waited longest, taken off the ground; NULL when nobody waits. */
struct stock_ticket *stock_queue_drop(struct stock_queue *queue);

#endif
