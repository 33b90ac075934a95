/* What others commit: the rows of feed_changes (sql/migrations/0010), read on a connection of its
 * own, so that no slow statement is ahead of it. Every change is told once it is visible, each at
 * least once, whatever runs beside it: the cursor is the snapshot of the read before (feed.c). */
#ifndef SOUK_DB_FEED_H
#define SOUK_DB_FEED_H

#include "base/str.h"
#include <stdint.h>

struct db_feed;
struct db_pool;

struct db_feed_hooks {
    /* Borrowed until it returns; id.len 0: all of that kind. */
    void (*on_change)(void *arg, struct str kind, struct str id);
    /* Some changes may not be told: anything may have changed. */
    void (*on_reset)(void *arg);
    /* Everything that was committed before sent_us (monotonic) has been told. */
    void (*on_read)(void *arg, int64_t sent_us);
    void *arg;
};

struct db_feed *db_feed_new(struct db_pool *pool, struct db_feed_hooks hooks);
/* Reads once, unless a read is under way; connects first when it must. Never waits. */
void db_feed_ask(struct db_feed *feed);
/* Somebody else reads from now on: the connection is given up, what is under way is not told. */
void db_feed_rest(struct db_feed *feed);
void db_feed_free(struct db_feed *feed); /* takes NULL; before its pool; no hook is called */

#endif
