/* An intrusive doubly linked list: the node lives in what is listed, so that adding cannot fail. */
#ifndef SOUK_BASE_LIST_H
#define SOUK_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

#define list_entry(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))
/* node may be removed inside the loop. */
#define list_each(node, after, head)                                            \
    for (struct list *node = (head)->next, *after = node->next; node != (head); \
         node = after, after = after->next)

static inline void list_init(struct list *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_add_last(struct list *head, struct list *node)
{
    node->next = head;
    node->prev = head->prev;
    head->prev->next = node;
    head->prev = node;
}

/* Afterwards the node is its own list: removing it again is harmless. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#endif
