/* One worker of a node reads what others have committed (db/feed.h) and raises the marks that all
 * look at. Whoever has the lease reads; one that dies, or is too busy to renew it, is replaced by
 * the next. Reads follow demand: every turn while somebody looks at marks, else every few seconds.
 */
#ifndef SOUK_APP_FEED_H
#define SOUK_APP_FEED_H

#include "app/shared.h"
#include "base/str.h"

struct app_feed;
struct db_pool;

struct app_feed *app_feed_new(struct db_pool *pool, struct app_shared *shared, int worker);
/* Every tick of the worker. */
void app_feed_turn(struct app_feed *feed);
/* fn is told of the changes of that kind ("": of every kind) while this worker reads, in the order
 * they were read; id.len 0: all of that kind, which is also what follows a gap. Both at least once.
 * For what only one process keeps; what each worker keeps looks at marks or epochs. At most 8. */
typedef void app_feed_fn(void *arg, struct str kind, struct str id);
void app_feed_on(struct app_feed *feed, const char *kind, app_feed_fn *fn, void *arg);
void app_feed_free(struct app_feed *feed); /* takes NULL; before its pool */

#endif
