/* Counters, gauges and histograms. Each process owns a slot in memory handed in at init (a shared
 * page), so that one listener can sum all workers. Names and label sets are registered at start:
 * the number of series is fixed, no label ever comes from a client. */
#ifndef SOUK_BASE_METRIC_H
#define SOUK_BASE_METRIC_H

#include "base/buf.h"
#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
#define METRIC_SERIES_MAX                                                  \
    16384 /* values a process; a histogram takes one a bucket and two more \
           */

typedef int metric_id; /* -1: table full, all calls ignore it */

/* slots: metric_memory_bytes(slot_count), zeroed, aligned to 8, shared or not; own: this process's
 * index. Call it again after a fork with the child's index: ids made before stay valid. Before the
 * first call metric_register gives -1. */
void metric_init(void *slots, int slot_count, int own);
size_t metric_memory_bytes(int slot_count);
/* All texts are copied (name < 64 bytes, labels < 128); labels are like
 * `route="products.list",code="2xx"` or "". The same name and labels give the same id. All
 * processes must register in the same order for sums to agree: register at start, before forking
 * where possible; ids made later are kept per process and matched by name when rendered (store the
 * text key in the slot). */
metric_id
metric_register(enum metric_kind kind, const char *name, const char *labels, const char *help);
void metric_add(metric_id id, int64_t n);
void metric_set(metric_id id, int64_t value);
void metric_observe_us(
    metric_id id,
    int64_t duration_us); /* histogram in seconds, the buckets of design/trust.md section 5 */
/* This process's gauges whose names begin so are 0 again: what another process measures now. */
void metric_forget_gauges(const char *prefix);
/* Prometheus text format 0.0.4, all slots summed. */
void metric_render(struct buf *out);

#endif
