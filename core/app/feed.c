#include "app/feed.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "db/feed.h"
#include <stdlib.h>

#define LEASE_US 300000
/* Somebody looked at a mark so lately: read every turn. */
#define BUSY_US 2000000
/* Nobody did: what is swept must have been read before (db/feed.c). */
#define IDLE_US 5000000

struct app_feed {
    struct app_shared *shared;
    struct db_feed *reader;
    int worker;
    int64_t asked_us;
    metric_id changes, resets, reads, lag;
};

static void on_change(void *arg, struct str kind, struct str id)
{
    struct app_feed *feed = arg;

    metric_add(feed->changes, 1);
    bridge_changed(&feed->shared->marks, feed->shared->epochs, kind, id);
}

static void on_reset(void *arg)
{
    struct app_feed *feed = arg;

    metric_add(feed->resets, 1);
    log_info("feed.reset", "worker=%d", feed->worker);
    bridge_changed(&feed->shared->marks, feed->shared->epochs, STR(""), STR(""));
}

static void on_read(void *arg, int64_t sent_us)
{
    struct app_feed *feed = arg;

    metric_add(feed->reads, 1);
    cache_marks_fresh(&feed->shared->marks, sent_us);
}

struct app_feed *app_feed_new(struct db_pool *pool, struct app_shared *shared, int worker)
{
    struct app_feed *feed = calloc(1, sizeof(*feed));

    if (!feed)
        abort();
    feed->shared = shared;
    feed->worker = worker;
    feed->reader = db_feed_new(
        pool, (struct db_feed_hooks){
                  .on_change = on_change, .on_reset = on_reset, .on_read = on_read, .arg = feed});
    feed->changes =
        metric_register(METRIC_COUNTER, "souk_feed_changes_total", "", "Changes read of others.");
    feed->resets = metric_register(METRIC_COUNTER, "souk_feed_resets_total", "",
                                   "Times anything may have changed: a new reader or connection.");
    feed->reads = metric_register(METRIC_COUNTER, "souk_feed_reads_total", "",
                                  "Looks at the table of changes.");
    feed->lag = metric_register(METRIC_GAUGE, "souk_feed_lag_ms", "",
                                "How old the last look at others' changes is while it is wanted.");
    return feed;
}

/* The lease is one word: until when, in milliseconds, and whose. */
static bool has_lease(struct app_feed *feed, int64_t now_us)
{
    _Atomic int64_t *word = &feed->shared->marks.reader;
    int64_t seen = atomic_load(word);
    int64_t own = (now_us + LEASE_US) / 1000 * (APP_WORKERS_MAX + 1) + feed->worker;
    bool is_own = seen && seen % (APP_WORKERS_MAX + 1) == feed->worker;

    if (!is_own && seen / (APP_WORKERS_MAX + 1) * 1000 > now_us)
        return false;
    return atomic_compare_exchange_strong(word, &seen, own);
}

void app_feed_turn(struct app_feed *feed)
{
    const struct cache_marks *marks = &feed->shared->marks;
    int64_t now_us = clock_monotonic_us();
    bool is_wanted = now_us - atomic_load(&marks->asked_us) < BUSY_US;

    if (!has_lease(feed, now_us)) {
        metric_set(feed->lag, 0);
        db_feed_rest(feed->reader);
        return;
    }
    metric_set(feed->lag, is_wanted ? (now_us - atomic_load(&marks->fresh_us)) / 1000 : 0);
    if (!is_wanted && now_us - feed->asked_us < IDLE_US)
        return;
    feed->asked_us = now_us;
    db_feed_ask(feed->reader);
}

void app_feed_free(struct app_feed *feed)
{
    if (!feed)
        return;
    db_feed_free(feed->reader);
    free(feed);
}
