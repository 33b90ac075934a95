/* Flights: one statement, many orders. The one difficulty is failing: what one order causes must
 * not be told to another, so a flight that fails is parted, and each of its orders fails or not by
 * itself. */
#include "stock/stock.h"

#include "base/buf.h"
#include "base/clock.h"
#include "loop/loop.h"
#include "stock/queue.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX      64
#define FLIGHT_BYTES_MAX (1u << 20)
#define COLUMN_BYTES_MAX (16u << 20)
/* A flight that has been away for longer waits for somebody else's lock, or the database is slow:
 * it is no company to wait for. */
#define COMPANY_MS 50

struct order {
    struct stock_ticket ticket;
    const struct db_statement *statement;
    struct db_args columns;
    stock_done_fn *done;
    void *arg;
    int64_t wait_until_us;
};

/* What several orders send. */
struct joined {
    struct buf text; /* all columns, each with its NUL */
    const char *at[COLUMNS_MAX];
    size_t lengths[COLUMNS_MAX];
};

struct flight {
    struct list node; /* of those in the air */
    struct stock *stock;
    struct list orders;
    int count;
    int64_t left_us;
    struct joined *joined; /* NULL: an order alone, whose columns are sent as they are */
};

struct stock {
    struct stock_settings settings;
    struct stock_queue queue;
    struct list refused;           /* struct order, told at the end of the turn */
    struct list flights;           /* in the air */
    struct loop_timer *look_again; /* while somebody waits for company; else NULL */
    int flights_in_air;
    int orders_in_air;
    bool do_return;  /* the first who was told of the last flight was back at once */
    bool is_telling; /* nobody takes off: they are coming back */
    bool is_closed;
    struct stock_stats stats;
};

static struct order *order_at(struct list *node)
{
    return list_entry(node, struct order, ticket.node);
}

/* One piece of memory: the order, its columns, their texts, its goods. */
static struct order *order_new(struct stock_order from)
{
    size_t bytes = 0, size = sizeof(struct order);
    struct order *order;
    uint32_t *goods;
    const char **at;
    size_t *lengths;
    char *text;

    for (int i = 0; i < from.columns.count; i++)
        bytes += db_arg_length(from.columns, i) + 1;
    size += (size_t)from.columns.count * (sizeof(*at) + sizeof(*lengths));
    size += (size_t)from.goods_count * sizeof(*goods);
    order = malloc(size + bytes);
    if (!order)
        abort();
    at = (const char **)(order + 1);
    lengths = (size_t *)(at + from.columns.count);
    goods = (uint32_t *)(lengths + from.columns.count);
    text = (char *)(goods + from.goods_count);
    for (int i = 0; i < from.goods_count; i++)
        goods[i] = stock_hash(from.goods[i]);
    *order = (struct order){
        .ticket = {.owner = stock_hash(from.owner),
                   .goods = goods,
                   .goods_count = from.goods_count,
                   .bytes = bytes,
                   .kind = from.statement},
        .statement = from.statement,
        .columns = {at, from.columns.count, lengths},
    };
    list_init(&order->ticket.node);
    for (int i = 0; i < from.columns.count; i++) {
        lengths[i] = db_arg_length(from.columns, i);
        at[i] = memcpy(text, from.columns.at[i], lengths[i] + 1);
        text += lengths[i] + 1;
    }
    return order;
}

static void
tell(struct order *order, const struct db_error *error, const struct db_result *rows, int row)
{
    stock_done_fn *done = order->done;
    void *arg = order->arg;

    free(order);
    done(arg, error, rows, row);
}

static void tell_refused(void *arg)
{
    struct stock *stock = arg;
    struct db_error error = {
        .err = stock->is_closed ? ERR_DATABASE_AWAY : ERR_BUSY,
        .constraint = "",
        .message = "too many orders wait",
        .detail = "",
        .statement = -1,
    };

    while (!list_is_empty(&stock->refused)) {
        struct list *node = stock->refused.next;

        list_remove(node);
        tell(order_at(node), &error, NULL, 0);
    }
}

static void refuse(struct stock *stock, struct order *order)
{
    if (list_is_empty(&stock->refused))
        loop_defer(stock->settings.loop, tell_refused, stock);
    list_add_last(&stock->refused, &order->ticket.node);
}

/* One array of the elements of all arrays. */
static void join_column(struct buf *out, struct list *orders, int column)
{
    buf_add_char(out, '{');
    list_each (node, after, orders) {
        struct db_args columns = order_at(node)->columns;
        const char *text = columns.at[column];
        size_t len = db_arg_length(columns, column);

        assert(len >= 2 && text[0] == '{' && text[len - 1] == '}');
        if (len == 2)
            continue;
        if (out->at[out->len - 1] != '{')
            buf_add_char(out, ',');
        buf_add(out, text + 1, len - 2);
    }
    buf_add_char(out, '}');
}

static void
on_landed(void *arg, const struct db_error *error, const struct db_result *const *rows, int count);

static struct db_args join(struct flight *flight, int count)
{
    struct joined *joined = malloc(sizeof(*joined));
    size_t starts[COLUMNS_MAX], bytes = 0;

    if (!joined)
        abort();
    flight->joined = joined;
    /* One buffer, which may move while it grows: pointers are taken at the end. */
    buf_init(&joined->text, COLUMN_BYTES_MAX);
    list_each (node, after, &flight->orders)
        bytes += order_at(node)->ticket.bytes;
    (void)buf_reserve(&joined->text, bytes);
    for (int i = 0; i < count; i++) {
        starts[i] = joined->text.len;
        join_column(&joined->text, &flight->orders, i);
        joined->lengths[i] = joined->text.len - starts[i];
        buf_add_char(&joined->text, '\0');
    }
    for (int i = 0; i < count; i++)
        joined->at[i] = joined->text.at + starts[i];
    return (struct db_args){joined->at, count, joined->lengths};
}

/* After it has landed: what was sent was lent. */
static void flight_free(struct flight *flight)
{
    if (flight->joined) {
        buf_done(&flight->joined->text);
        free(flight->joined);
    }
    free(flight);
}

static void take_off(struct stock *stock, struct list *orders, int count)
{
    struct flight *flight = malloc(sizeof(*flight));
    const struct order *first = order_at(orders->next);
    struct db_call call = {first->statement, first->columns};

    if (!flight)
        abort();
    *flight = (struct flight){.stock = stock, .count = count, .left_us = clock_monotonic_us()};
    list_init(&flight->orders);
    list_add_last(&stock->flights, &flight->node);
    while (!list_is_empty(orders)) {
        struct list *node = orders->next;

        list_remove(node);
        list_add_last(&flight->orders, node);
    }
    stock->flights_in_air++;
    stock->orders_in_air += count;
    stock->stats.flights++;
    stock->stats.orders += count;
    if (count > 1)
        call.args = join(flight, call.args.count);
    db_batch_lent(stock->settings.pool, call, on_landed, flight);
}

static void drop_late(struct stock *stock)
{
    int64_t now_us = clock_monotonic_us();

    while (!list_is_empty(&stock->queue.waiting) &&
           order_at(stock->queue.waiting.next)->wait_until_us < now_us)
        refuse(stock, list_entry(stock_queue_drop(&stock->queue), struct order, ticket));
}

/* So many go together beside those that are in the air: as many. A transaction costs what an order
 * in it costs, and more. With nobody in the air, whoever comes goes at once. */
static int company(const struct stock *stock)
{
    int64_t since_us = clock_monotonic_us() - COMPANY_MS * INT64_C(1000);
    int count = 0;

    list_each (node, after, &stock->flights) {
        const struct flight *flight = list_entry(node, struct flight, node);

        if (flight->left_us > since_us)
            count += flight->count;
    }
    return count < stock->settings.orders_max ? count : stock->settings.orders_max;
}

static void on_look_again(void *arg);

static void take_off_all(struct stock *stock)
{
    if (stock->is_closed || stock->is_telling)
        return;
    drop_late(stock);
    while (stock->flights_in_air < stock->settings.flights_max && stock->queue.count) {
        struct stock_limits limits = {company(stock), stock->settings.orders_max, FLIGHT_BYTES_MAX};
        struct list orders;
        int count;

        if (stock->queue.count < limits.tickets_min)
            break;
        list_init(&orders);
        count = stock_queue_take(&stock->queue, limits, &orders);
        if (!count)
            break;
        take_off(stock, &orders, count);
    }
    if (stock->queue.count && !stock->look_again)
        stock->look_again = loop_after(stock->settings.loop, COMPANY_MS, on_look_again, stock);
}

static void on_look_again(void *arg)
{
    struct stock *stock = arg;

    loop_timer_free(stock->look_again);
    stock->look_again = NULL;
    take_off_all(stock);
}

/* What one order of many may have caused. */
static bool is_of_one(const struct db_error *error)
{
    return error->err != ERR_OUTCOME_UNKNOWN && error->err != ERR_DATABASE_AWAY &&
           error->err != ERR_BUSY;
}

/* Each goes again by itself, before all that came later. */
static void part(struct stock *stock, struct flight *flight)
{
    stock->stats.parted++;
    while (!list_is_empty(&flight->orders)) {
        struct list *node = flight->orders.prev;
        struct order *order = order_at(node);

        list_remove(node);
        order->ticket.is_alone = true;
        stock_queue_add_first(&stock->queue, &order->ticket);
    }
}

static void leave_telling(struct stock *stock)
{
    if (!stock->is_telling)
        return;
    stock->is_telling = false;
    take_off_all(stock);
}

/* Tells the orders of a flight. The next one leaves before: the database works while we answer. But
 * where those who are told come back at once (a loop that reserves), and fewer than they wait, all
 * go together once they have: else both would fly after each other for ever, a commit each. */
static void tell_all(struct stock *stock,
                     struct flight *flight,
                     const struct db_error *error,
                     const struct db_result *rows)
{
    int row = 0;

    stock->is_telling = stock->do_return && stock->queue.count < flight->count;
    take_off_all(stock);
    while (!list_is_empty(&flight->orders)) {
        struct list *node = flight->orders.next;
        int waiting = stock->queue.count;
        bool is_back;

        list_remove(node);
        tell(order_at(node), error, rows, row++);
        is_back = stock->queue.count > waiting;
        if (row == 1)
            stock->do_return = is_back;
        if (!is_back)
            leave_telling(stock);
    }
    leave_telling(stock);
}

static void
on_landed(void *arg, const struct db_error *error, const struct db_result *const *rows, int count)
{
    struct flight *flight = arg;
    struct stock *stock = flight->stock;

    (void)count;
    list_remove(&flight->node);
    stock->flights_in_air--;
    stock->orders_in_air -= flight->count;
    list_each (node, after, &flight->orders)
        stock_queue_land(&stock->queue, &order_at(node)->ticket);
    if (error && flight->count > 1 && is_of_one(error) && !stock->is_closed)
        part(stock, flight);
    tell_all(stock, flight, error, error ? NULL : rows[0]);
    flight_free(flight);
}

void stock_place(struct stock *stock, struct stock_order from, stock_done_fn *done, void *arg)
{
    struct order *order = order_new(from);

    assert(from.columns.count <= COLUMNS_MAX);
    order->done = done;
    order->arg = arg;
    order->wait_until_us = clock_monotonic_us() + stock->settings.wait_max_ms * INT64_C(1000);
    if (stock->is_closed || stock->queue.count >= stock->settings.waiting_max) {
        refuse(stock, order);
    } else if (stock->settings.orders_max == 1 ||
               (!stock->flights_in_air && !stock->is_telling &&
                stock_queue_is_clear(&stock->queue, &order->ticket))) {
        struct list orders;

        list_init(&orders);
        list_add_last(&orders, &order->ticket.node);
        stock_queue_fly(&stock->queue, &order->ticket);
        take_off(stock, &orders, 1);
    } else {
        stock_queue_add(&stock->queue, &order->ticket);
        take_off_all(stock);
    }
}

struct stock *stock_new(struct stock_settings settings)
{
    struct stock *stock = calloc(1, sizeof(*stock));

    if (!stock)
        abort();
    stock->settings = settings;
    stock_queue_init(&stock->queue);
    list_init(&stock->refused);
    list_init(&stock->flights);
    return stock;
}

void stock_close(struct stock *stock)
{
    struct stock_ticket *ticket;

    stock->is_closed = true;
    loop_timer_free(stock->look_again);
    stock->look_again = NULL;
    while ((ticket = stock_queue_drop(&stock->queue)))
        refuse(stock, list_entry(ticket, struct order, ticket));
    loop_defer_cancel(stock->settings.loop, tell_refused, stock);
    tell_refused(stock);
}

void stock_free(struct stock *stock)
{
    if (stock)
        loop_timer_free(stock->look_again);
    free(stock);
}

struct stock_stats stock_stats(const struct stock *stock)
{
    struct stock_stats stats = stock->stats;

    stats.waiting = stock->queue.count;
    stats.in_air = stock->orders_in_air;
    return stats;
}
