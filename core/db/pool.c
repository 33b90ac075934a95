/* The connections, and the turn in which all that changed is dealt with. Whatever happens asks for
 * a turn (db_pool_wake); the turn tells those who failed, gives work to connections and sends it.
 * Callbacks run from turns and from answers only, never from inside a caller's call. */
#include "db/pool.h"

#include "base/clock.h"
#include "db/pool_parts.h"
#include "db/statement.h"
#include "db/target.h"
#include "loop/loop.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JANITOR_MS       50
#define BACKOFF_MIN_MS   50
#define BACKOFF_MAX_MS   700 /* up to twice that with the jitter: back within 3 s of the server */
#define CONNECT_LEAST_MS 2000
#define SILENCE_EXTRA_MS 2000 /* beyond statement_timeout: the server itself should have spoken */
#define LIFETIME_MS      (30 * 60 * 1000)

static void on_event(void *owner, enum db_conn_event event);

int db_pool_dice(struct db_pool *pool, int from, int to)
{
    pool->dice = pool->dice * 6364136223846793005u + 1442695040888963407u;
    return from + (int)((pool->dice >> 33) % (uint64_t)(to - from + 1));
}

int64_t db_pool_wait_until_us(const struct db_pool *pool)
{
    return clock_monotonic_us() + (int64_t)pool->settings.wait_max_ms * 1000;
}

static bool is_up(const struct db_slot *slot)
{
    return db_conn_state(slot->conn) == DB_CONN_UP && !db_conn_is_broken(slot->conn);
}

bool db_pool_has_up(const struct db_pool *pool, bool is_reader)
{
    for (int i = 0; i < pool->slot_count; i++)
        if (pool->slots[i].is_reader == is_reader && is_up(&pool->slots[i]))
            return true;
    return false;
}

struct db_slot *db_pool_free_writer(struct db_pool *pool)
{
    for (int i = pool->settings.readers; i < pool->slot_count; i++)
        if (is_up(&pool->slots[i]) && !pool->slots[i].tx && !pool->slots[i].is_releasing)
            return &pool->slots[i];
    return NULL;
}

static void tell_state(struct db_pool *pool, bool is_away)
{
    if (pool->is_away == is_away)
        return;
    pool->is_away = is_away;
    if (pool->settings.on_state)
        pool->settings.on_state(pool->settings.arg, is_away, pool->why);
}

static bool is_idle(const struct db_slot *slot)
{
    return !slot->tx && !slot->is_releasing && !db_conn_in_flight(slot->conn);
}

static void later(struct db_pool *pool, int delay_ms)
{
    pool->retry_us = clock_monotonic_us() + (int64_t)delay_ms * 1000;
}

void db_pool_distrust(struct db_pool *pool, const char *why)
{
    for (int i = 0; i < pool->slot_count; i++)
        if (is_up(&pool->slots[i]) && is_idle(&pool->slots[i]))
            db_conn_close(pool->slots[i].conn, why);
}

static void on_failed(struct db_pool *pool)
{
    if (pool->backoff_ms < BACKOFF_MIN_MS)
        pool->backoff_ms = BACKOFF_MIN_MS;
    later(pool, db_pool_dice(pool, pool->backoff_ms, pool->backoff_ms * 2));
    pool->backoff_ms =
        pool->backoff_ms * 2 < BACKOFF_MAX_MS ? pool->backoff_ms * 2 : BACKOFF_MAX_MS;
    if (!db_pool_has_up(pool, true) && !db_pool_has_up(pool, false))
        tell_state(pool, true);
}

static void on_opened(struct db_slot *slot)
{
    struct db_pool *pool = slot->pool;
    int lifetime_ms = db_pool_dice(pool, LIFETIME_MS / 10 * 9, LIFETIME_MS / 10 * 11);

    slot->retire_us = clock_monotonic_us() + (int64_t)lifetime_ms * 1000;
    pool->reconnected++;
    pool->backoff_ms = 0;
    pool->retry_us = 0; /* the server is there: the others need not wait out their time */
    tell_state(pool, false);
}

static void on_event(void *owner, enum db_conn_event event)
{
    struct db_slot *slot = owner;
    struct db_pool *pool = slot->pool;

    if (event == DB_CONN_FAILED || event == DB_CONN_CLOSED)
        (void)snprintf(pool->why, sizeof(pool->why), "%s", db_conn_why(slot->conn));
    if (event == DB_CONN_FAILED)
        on_failed(pool);
    if (event == DB_CONN_OPENED)
        on_opened(slot);
    if (event == DB_CONN_CLOSED) {
        slot->is_releasing = false;
        if (slot->tx)
            db_tx_lost(slot->tx);
        if (!pool->retry_us)
            later(pool, db_pool_dice(pool, 1, BACKOFF_MIN_MS));
    }
    db_pool_wake(pool);
}

/* One connection knocks while the database is away; all of them while it is not. */
static void open_some(struct db_pool *pool, int64_t now_us)
{
    bool is_knocking = false;

    if (now_us < pool->retry_us)
        return;
    for (int i = 0; i < pool->slot_count; i++)
        is_knocking |= db_conn_state(pool->slots[i].conn) == DB_CONN_CONNECTING;
    for (int i = 0; i < pool->slot_count && !(pool->is_away && is_knocking); i++) {
        if (db_conn_state(pool->slots[i].conn) != DB_CONN_DOWN)
            continue;
        is_knocking = true;
        db_conn_open(pool->slots[i].conn);
    }
}

/* A server that is slow to take connections is not away as long as somebody would wait for one. */
static int64_t connect_limit_ms(const struct db_pool *pool)
{
    int64_t wait_max_ms = pool->settings.wait_max_ms;

    return wait_max_ms > CONNECT_LEAST_MS ? wait_max_ms : CONNECT_LEAST_MS;
}

static void check_deadline(struct db_slot *slot, int64_t now_us)
{
    int64_t since_us = db_conn_waiting_since_us(slot->conn);
    bool is_connecting = db_conn_state(slot->conn) == DB_CONN_CONNECTING;
    int64_t limit_ms = is_connecting ? connect_limit_ms(slot->pool)
                                     : slot->pool->settings.statement_timeout_ms + SILENCE_EXTRA_MS;

    if (since_us && now_us - since_us > limit_ms * 1000) {
        db_conn_close(slot->conn, "the server does not answer");
        if (!is_connecting)
            db_pool_distrust(slot->pool, "the server does not answer");
    } else if (is_up(slot) && now_us > slot->retire_us && is_idle(slot)) {
        slot->pool->retry_us = now_us;
        db_conn_close(slot->conn, "end of its life");
    }
}

static void on_janitor(void *arg)
{
    struct db_pool *pool = arg;
    int64_t now_us = clock_monotonic_us();

    for (int i = 0; i < pool->slot_count; i++)
        check_deadline(&pool->slots[i], now_us);
    if (pool->target)
        open_some(pool, now_us);
    db_reads_expire(pool, now_us);
    db_txs_expire(pool, now_us);
}

static void close_broken(struct db_pool *pool)
{
    for (int i = 0; i < pool->slot_count; i++)
        if (db_conn_is_broken(pool->slots[i].conn))
            db_conn_close(pool->slots[i].conn, NULL);
}

static void turn(void *arg)
{
    struct db_pool *pool = arg;
    bool has_told;

    /* Those told may ask for more at once; it goes out with this turn. What wakes the pool later
     * gets a turn of its own. */
    do {
        close_broken(pool);
        if (pool->is_away) {
            db_reads_refuse(pool);
            db_txs_refuse(pool);
        }
        db_txs_give(pool);
        has_told = db_reads_tell(pool) | db_txs_tell(pool);
    } while (has_told);
    pool->is_turn_due = false;
    db_reads_give(pool);
}

void db_pool_wake(struct db_pool *pool)
{
    if (pool->is_turn_due || pool->is_dead)
        return;
    pool->is_turn_due = true;
    loop_defer(pool->loop, turn, pool);
}

static void make_slots(struct db_pool *pool)
{
    pool->slot_count = pool->settings.readers + pool->settings.writers;
    pool->slots = calloc((size_t)pool->slot_count, sizeof(*pool->slots));
    if (!pool->slots)
        abort();
    for (int i = 0; i < pool->slot_count; i++) {
        struct db_slot *slot = &pool->slots[i];

        slot->pool = pool;
        slot->is_reader = i < pool->settings.readers;
        slot->conn = db_conn_new(pool->loop, pool->target, slot->is_reader, on_event, slot);
    }
}

struct db_pool *
db_pool_new(struct loop *loop, const struct db_catalog *catalog, struct db_pool_settings settings)
{
    struct db_pool *pool = calloc(1, sizeof(*pool));
    struct db_limits limits = {settings.statement_timeout_ms, settings.lock_timeout_ms};

    (void)catalog; /* statements are found by the callers; its life is the contract */
    if (!pool)
        abort();
    pool->loop = loop;
    pool->settings = settings;
    pool->settings.url = NULL;
    pool->dice = (uint64_t)clock_monotonic_us() ^ (uint64_t)(uintptr_t)pool;
    list_init(&pool->reads);
    list_init(&pool->reads_again);
    list_init(&pool->reads_done);
    list_init(&pool->begins);
    list_init(&pool->txs_asleep);
    list_init(&pool->txs_done);
    pool->begin = db_statement_new(STR("begin"), STR("begin"));
    pool->commit = db_statement_new(STR("commit"), STR("commit"));
    pool->rollback = db_statement_new(STR("rollback"), STR("rollback"));
    pool->target = db_target_new(settings.url, limits, pool->why, sizeof(pool->why));
    make_slots(pool);
    if (pool->target)
        open_some(pool, clock_monotonic_us());
    else
        tell_state(pool, true);
    pool->janitor = loop_every(loop, JANITOR_MS, on_janitor, pool);
    return pool;
}

void db_pool_free(struct db_pool *pool)
{
    if (!pool)
        return;
    pool->is_dead = true;
    loop_timer_free(pool->janitor);
    for (int i = 0; i < pool->slot_count; i++)
        db_conn_close(pool->slots[i].conn, "the pool is closed");
    do {
        db_reads_refuse(pool);
        db_txs_refuse(pool);
    } while (db_reads_tell(pool) | db_txs_tell(pool));
    for (int i = 0; i < pool->slot_count; i++)
        db_conn_free(pool->slots[i].conn);
    free(pool->slots);
    db_target_free(pool->target);
    db_statement_free(pool->begin);
    db_statement_free(pool->commit);
    db_statement_free(pool->rollback);
    loop_defer_cancel(pool->loop, turn, pool);
    free(pool);
}

bool db_pool_is_ready(const struct db_pool *pool)
{
    return db_pool_has_up(pool, true) && db_pool_has_up(pool, false);
}

const char *db_pool_why(const struct db_pool *pool)
{
    return pool->why;
}

struct db_pool_stats db_pool_stats(const struct db_pool *pool)
{
    struct db_pool_stats stats = {
        .waiters = pool->reads_waiting + pool->begins_waiting,
        .reads = pool->reads_waiting,
        .retried = pool->retried,
        .reconnected = pool->reconnected,
    };

    for (int i = 0; i < pool->slot_count; i++) {
        const struct db_slot *slot = &pool->slots[i];

        stats.readers_connected += slot->is_reader && is_up(slot);
        stats.writers_connected += !slot->is_reader && is_up(slot);
        stats.writers_busy += slot->tx != NULL;
        stats.reads += slot->reads;
        stats.in_flight += db_conn_in_flight(slot->conn);
    }
    return stats;
}
