/* One worker of a node reads what others have committed (db/feed.h) and raises the marks that all
 * look at. Whoever has the lease reads; one that dies, or is too busy to renew it, is replaced by
 * the next. What each worker keeps by itself, as the geo index, goes by the epochs that are raised
 * with the marks (bridge_changed). Reads follow demand: every turn while somebody looks at marks,
 * else every few seconds. */
#ifndef SOUK_APP_FEED_H
#define SOUK_APP_FEED_H

#include "app/shared.h"

struct app_feed;
struct db_pool;

struct app_feed *app_feed_new(struct db_pool *pool, struct app_shared *shared, int worker);
/* Every tick of the worker. */
void app_feed_turn(struct app_feed *feed);
void app_feed_free(struct app_feed *feed); /* takes NULL; before its pool */

#endif
