/* The one difficulty is that order of arrival must hold for every good apart: who is passed over
 * keeps all that come after it from taking what it wants. */
#include "stock/queue.h"

#include <assert.h>
#include <string.h>

/* So far a take looks: a hot product may have thousands waiting, none of which may fly yet. */
#define LOOKED_AT_MAX 256
#define FLIGHT_MAX    256

/* What those that were passed over want. */
struct claims {
    uint8_t bits[STOCK_SLOTS / 8];
};

static unsigned slot_of(uint32_t hash)
{
    return hash & (STOCK_SLOTS - 1);
}

uint32_t stock_hash(struct str text)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * 16777619u;
    return hash ^ hash >> 15;
}

void stock_queue_init(struct stock_queue *queue)
{
    memset(queue, 0, sizeof(*queue));
    list_init(&queue->waiting);
}

static void count(uint16_t counts[STOCK_SLOTS], const struct stock_ticket *ticket, int by)
{
    counts[slot_of(ticket->owner)] = (uint16_t)(counts[slot_of(ticket->owner)] + by);
    for (int i = 0; i < ticket->goods_count; i++)
        counts[slot_of(ticket->goods[i])] = (uint16_t)(counts[slot_of(ticket->goods[i])] + by);
}

static bool is_wanted(const uint16_t counts[STOCK_SLOTS], const struct stock_ticket *ticket)
{
    if (counts[slot_of(ticket->owner)])
        return true;
    for (int i = 0; i < ticket->goods_count; i++)
        if (counts[slot_of(ticket->goods[i])])
            return true;
    return false;
}

static void claim(struct claims *claims, uint32_t hash)
{
    claims->bits[slot_of(hash) / 8] |= (uint8_t)(1u << slot_of(hash) % 8);
}

static bool is_claimed(const struct claims *claims, uint32_t hash)
{
    return claims->bits[slot_of(hash) / 8] >> slot_of(hash) % 8 & 1;
}

static bool is_claimed_before(const struct claims *claims, const struct stock_ticket *ticket)
{
    if (is_claimed(claims, ticket->owner))
        return true;
    for (int i = 0; i < ticket->goods_count; i++)
        if (is_claimed(claims, ticket->goods[i]))
            return true;
    return false;
}

bool stock_queue_is_clear(const struct stock_queue *queue, const struct stock_ticket *ticket)
{
    return !is_wanted(queue->in_air, ticket) && !is_wanted(queue->on_ground, ticket);
}

void stock_queue_fly(struct stock_queue *queue, const struct stock_ticket *ticket)
{
    count(queue->in_air, ticket, 1);
}

void stock_queue_add(struct stock_queue *queue, struct stock_ticket *ticket)
{
    list_add_last(&queue->waiting, &ticket->node);
    queue->count++;
    count(queue->on_ground, ticket, 1);
}

void stock_queue_add_first(struct stock_queue *queue, struct stock_ticket *ticket)
{
    list_add_last(queue->waiting.next, &ticket->node);
    queue->count++;
    count(queue->on_ground, ticket, 1);
}

static void leave(struct stock_queue *queue, struct stock_ticket *ticket)
{
    list_remove(&ticket->node);
    queue->count--;
    count(queue->on_ground, ticket, -1);
}

/* What a flight has so far. Its goods are no hindrance to others that join it; its owners are. */
struct boarding {
    struct stock_ticket *tickets[FLIGHT_MAX];
    int count;
    size_t bytes;
};

static bool may_board(const struct boarding *boarding,
                      const struct stock_ticket *ticket,
                      struct stock_limits limits)
{
    const struct stock_ticket *first = boarding->tickets[0];

    if (!boarding->count)
        return true;
    if (ticket->is_alone || first->is_alone || ticket->kind != first->kind ||
        boarding->bytes + ticket->bytes > limits.bytes_max)
        return false;
    for (int i = 0; i < boarding->count; i++)
        if (boarding->tickets[i]->owner == ticket->owner)
            return false;
    return true;
}

static void board(struct boarding *boarding, struct stock_ticket *ticket)
{
    boarding->tickets[boarding->count++] = ticket;
    boarding->bytes += ticket->bytes;
}

int stock_queue_take(struct stock_queue *queue, struct stock_limits limits, struct list *flight)
{
    struct claims passed_over = {{0}};
    struct boarding boarding;
    int looked_at = 0;

    assert(limits.tickets_max <= FLIGHT_MAX);
    boarding.count = 0;
    boarding.bytes = 0;
    boarding.tickets[0] = NULL;
    list_each (node, after, &queue->waiting) {
        struct stock_ticket *ticket = list_entry(node, struct stock_ticket, node);

        if (boarding.count == limits.tickets_max || looked_at++ == LOOKED_AT_MAX)
            break;
        if (!is_wanted(queue->in_air, ticket) && !is_claimed_before(&passed_over, ticket) &&
            may_board(&boarding, ticket, limits)) {
            board(&boarding, ticket);
            continue;
        }
        claim(&passed_over, ticket->owner);
        for (int i = 0; i < ticket->goods_count; i++)
            claim(&passed_over, ticket->goods[i]);
    }
    if (boarding.count < limits.tickets_min)
        return 0;
    for (int i = 0; i < boarding.count; i++) {
        leave(queue, boarding.tickets[i]);
        list_add_last(flight, &boarding.tickets[i]->node);
        stock_queue_fly(queue, boarding.tickets[i]);
    }
    return boarding.count;
}

void stock_queue_land(struct stock_queue *queue, const struct stock_ticket *ticket)
{
    count(queue->in_air, ticket, -1);
}

struct stock_ticket *stock_queue_drop(struct stock_queue *queue)
{
    struct stock_ticket *ticket;

    if (list_is_empty(&queue->waiting))
        return NULL;
    ticket = list_entry(queue->waiting.next, struct stock_ticket, node);
    leave(queue, ticket);
    return ticket;
}
