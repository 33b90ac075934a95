/* Orders that want the same goods, made together. A row that everybody wants is locked for a whole
 * transaction, so one by one they queue for it at the database; here they are gathered while one
 * transaction is under way and committed by the next. With nobody under way whoever comes is sent
 * at once, and alone; who wants what nobody under way wants, beside those and with as many. */
#ifndef SOUK_STOCK_STOCK_H
#define SOUK_STOCK_STOCK_H

#include "base/str.h"
#include "db/query.h"
#include <stdbool.h>
#include <stddef.h>

struct db_pool;
struct db_statement;
struct loop;
struct stock;

struct stock_settings {
    struct loop *loop;
    struct db_pool *pool; /* both borrowed */
    int flights_max;      /* transactions under way at a time */
    int orders_max;       /* in one of them; 1: nothing is gathered */
    int waiting_max;      /* more is ERR_BUSY */
    int wait_max_ms;      /* longer is ERR_BUSY */
};

/* All strings are copied. */
struct stock_order {
    /* All its parameters are arrays, an order's elements beside those of the orders before it; it
     * answers with one row an order, in their order. */
    const struct db_statement *statement;
    struct db_args
        columns;      /* this order's elements: array literals "{…}" without nulls as a whole */
    struct str owner; /* two orders of one owner are never made at a time */
    const struct str *goods;
    int goods_count;
};

/* error, or row `row` of `rows`, which die when it returns. Called exactly once, from the loop,
 * never before stock_place() returned. */
typedef void
stock_done_fn(void *arg, const struct db_error *error, const struct db_result *rows, int row);

struct stock *stock_new(struct stock_settings settings);
/* All that wait are answered ERR_DATABASE_AWAY. Before the pool is freed, which ends what is under
 * way; stock_free() after it. */
void stock_close(struct stock *stock);
void stock_free(struct stock *stock); /* takes NULL */

/* Commits the order, alone or with others, or fails as it would alone: together with others a
 * failure only means that each is sent again by itself, unless nobody knows what became of it
 * (ERR_OUTCOME_UNKNOWN) or there was nobody to ask. */
void stock_place(struct stock *stock, struct stock_order order, stock_done_fn *done, void *arg);

struct stock_stats {
    long long flights, orders; /* sent since the start; orders / flights is how many go together */
    long long parted;          /* flights that failed and were sent one by one */
    int waiting, in_air;
};
struct stock_stats stock_stats(const struct stock *stock);

#endif
