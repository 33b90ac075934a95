/* Threads for slow pure work (password hashes), results posted back to the loop. A bounded queue:
 * full is an answer. */
#ifndef SOUK_LOOP_HELPER_H
#define SOUK_LOOP_HELPER_H

#include <stdbool.h>

struct loop;
struct helper;
typedef void helper_work_fn(void *job); /* on a helper thread; sees only job */
typedef void
helper_done_fn(void *job); /* in the loop, exactly once, never before helper_run returned */

struct helper *helper_new(struct loop *loop, int threads, int queue_max);
void helper_free(
    struct helper *helper); /* waits for running work; done() of unfinished work is not called */
/* False: the queue is full; nothing was taken. */
bool helper_run(struct helper *helper, helper_work_fn *work, helper_done_fn *done, void *job);
/* Something handed in has not been done() yet. */
bool helper_is_busy(const struct helper *helper);

#endif
