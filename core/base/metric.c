/* The difficulty: processes register series at different times, and one of them renders for all.
 * So each slot names its own series, and rendering sums what has the same name and labels. */
#include "base/metric.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SERIES_MAX   2048
#define NAME_BYTES   64
#define LABELS_BYTES 128
#define HELP_BYTES   128
#define HASH_SIZE    4096 /* a power of two, at least twice SERIES_MAX */

static const struct {
    int64_t us;
    const char *text;
} buckets[] = {
    {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"}, {25000, "0.025"},
    {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"}, {1000000, "1"},
    {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
};
#define BUCKETS          ((int)(sizeof buckets / sizeof buckets[0]))
#define HISTOGRAM_VALUES (BUCKETS + 2) /* above the last bucket; the sum in microseconds */

struct series {
    char name[NAME_BYTES], labels[LABELS_BYTES], help[HELP_BYTES];
    int32_t kind, first; /* of its values in the slot */
};

/* Written by its process only; others read series[i] once count is above i. */
struct slot {
    _Atomic int32_t count;
    int32_t values_used;
    struct series series[SERIES_MAX];
    _Atomic int64_t values[METRIC_SERIES_MAX];
};

static struct {
    struct slot *slots;
    int slot_count;
    struct slot *own;
    int16_t by_key[HASH_SIZE]; /* id + 1 of a series of own, 0: free */
} metrics;

static int values_of(int32_t kind)
{
    return kind == METRIC_HISTOGRAM ? HISTOGRAM_VALUES : 1;
}

/* FNV-1a. */
static unsigned hash_key(const char *name, const char *labels)
{
    uint32_t hash = 2166136261U;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619U;
    for (; *labels; labels++)
        hash = (hash ^ (unsigned char)*labels) * 16777619U;
    return hash;
}

/* The place of the key in by_key, or the free one where it belongs. */
static unsigned place_of(const char *name, const char *labels)
{
    unsigned at = hash_key(name, labels) % HASH_SIZE;

    for (; metrics.by_key[at]; at = (at + 1) % HASH_SIZE) {
        const struct series *series = &metrics.own->series[metrics.by_key[at] - 1];

        if (strcmp(series->name, name) == 0 && strcmp(series->labels, labels) == 0)
            break;
    }
    return at;
}

size_t metric_memory_bytes(int slot_count)
{
    return sizeof(struct slot) * (size_t)slot_count;
}

void metric_init(void *slots, int slot_count, int own)
{
    struct slot *before = metrics.own;

    metrics.slots = slots;
    metrics.slot_count = slot_count;
    metrics.own = &metrics.slots[own];
    memset(metrics.by_key, 0, sizeof metrics.by_key);
    /* A fresh slot after a fork: what the parent registered keeps its ids. */
    if (before && before != metrics.own && atomic_load(&metrics.own->count) == 0) {
        memcpy(metrics.own->series, before->series, sizeof before->series);
        metrics.own->values_used = before->values_used;
        atomic_store(&metrics.own->count, atomic_load(&before->count));
    }
    /* A slot used before: counters go on from where a process that died left them, gauges do not.
     */
    for (int i = 0; i < atomic_load(&metrics.own->count); i++) {
        const struct series *series = &metrics.own->series[i];

        metrics.by_key[place_of(series->name, series->labels)] = (int16_t)(i + 1);
        if (series->kind == METRIC_GAUGE)
            atomic_store(&metrics.own->values[series->first], 0);
    }
}

static bool copy_text(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);

    memcpy(out, text, len < size ? len : size - 1);
    out[len < size ? len : size - 1] = '\0';
    return len < size;
}

metric_id
metric_register(enum metric_kind kind, const char *name, const char *labels, const char *help)
{
    struct slot *own = metrics.own;
    struct series *series;
    unsigned place;
    int32_t id;

    if (!own)
        return -1;
    place = place_of(name, labels);
    if (metrics.by_key[place])
        return metrics.by_key[place] - 1;
    id = atomic_load_explicit(&own->count, memory_order_relaxed);
    if (id == SERIES_MAX || own->values_used + values_of((int32_t)kind) > METRIC_SERIES_MAX)
        return -1;
    series = &own->series[id];
    if (!copy_text(series->name, NAME_BYTES, name) ||
        !copy_text(series->labels, LABELS_BYTES, labels))
        return -1;
    (void)copy_text(series->help, HELP_BYTES, help);
    series->kind = (int32_t)kind;
    series->first = own->values_used;
    own->values_used += values_of(series->kind);
    metrics.by_key[place] = (int16_t)(id + 1);
    atomic_store_explicit(&own->count, id + 1, memory_order_release);
    return id;
}

static _Atomic int64_t *value_at(metric_id id, int offset)
{
    return &metrics.own->values[metrics.own->series[id].first + offset];
}

/* Nobody else writes here, so that it need not be one step. */
static void count_up(_Atomic int64_t *value, int64_t n)
{
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

void metric_add(metric_id id, int64_t n)
{
    if (id >= 0)
        count_up(value_at(id, 0), n);
}

void metric_set(metric_id id, int64_t value)
{
    if (id >= 0)
        atomic_store_explicit(value_at(id, 0), value, memory_order_relaxed);
}

void metric_forget_gauges(const char *prefix)
{
    size_t len = strlen(prefix);

    for (int i = 0; metrics.own && i < atomic_load(&metrics.own->count); i++) {
        const struct series *series = &metrics.own->series[i];

        if (series->kind == METRIC_GAUGE && strncmp(series->name, prefix, len) == 0)
            metric_set(i, 0);
    }
}

void metric_observe_us(metric_id id, int64_t duration_us)
{
    int bucket = 0;

    if (id < 0)
        return;
    while (bucket < BUCKETS && duration_us > buckets[bucket].us)
        bucket++;
    count_up(value_at(id, bucket), 1);
    count_up(value_at(id, BUCKETS + 1), duration_us);
}

/* One series of one slot, found for rendering. */
struct found {
    const struct series *series;
    const _Atomic int64_t *values;
};

static int compare_found(const void *a, const void *b)
{
    const struct series *left = ((const struct found *)a)->series;
    const struct series *right = ((const struct found *)b)->series;
    int order = strcmp(left->name, right->name);

    return order ? order : strcmp(left->labels, right->labels);
}

static size_t find_all(struct found *found)
{
    size_t count = 0;

    for (int s = 0; s < metrics.slot_count; s++) {
        struct slot *slot = &metrics.slots[s];
        int series_count = atomic_load_explicit(&slot->count, memory_order_acquire);

        for (int i = 0; i < series_count; i++) {
            found[count].series = &slot->series[i];
            found[count++].values = &slot->values[slot->series[i].first];
        }
    }
    return count;
}

static void
add_sample(struct buf *out, const struct series *series, const char *suffix, const char *le)
{
    bool has_labels = series->labels[0] != '\0';

    buf_add_z(out, series->name);
    buf_add_z(out, suffix);
    if (has_labels || le)
        buf_printf(out, "{%s%s%s%s%s}", series->labels, has_labels && le ? "," : "",
                   le ? "le=\"" : "", le ? le : "", le ? "\"" : "");
    buf_add_char(out, ' ');
}

static void add_histogram(struct buf *out, const struct series *series, const int64_t *sums)
{
    int64_t count = 0;

    for (int i = 0; i <= BUCKETS; i++) {
        count += sums[i];
        add_sample(out, series, "_bucket", i < BUCKETS ? buckets[i].text : "+Inf");
        buf_printf(out, "%" PRId64 "\n", count);
    }
    add_sample(out, series, "_sum", NULL);
    buf_printf(out, "%" PRId64 ".%06" PRId64 "\n", sums[BUCKETS + 1] / 1000000,
               sums[BUCKETS + 1] % 1000000);
    add_sample(out, series, "_count", NULL);
    buf_printf(out, "%" PRId64 "\n", count);
}

static void add_head(struct buf *out, const struct series *series)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};

    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", series->name, series->help, series->name,
               kinds[series->kind]);
}

void metric_render(struct buf *out)
{
    struct found *found;
    size_t count;

    if (!metrics.own)
        return;
    found = calloc((size_t)metrics.slot_count * SERIES_MAX, sizeof *found);
    if (!found)
        abort();
    count = find_all(found);
    qsort(found, count, sizeof *found, compare_found);
    for (size_t i = 0, next; i < count; i = next) {
        const struct series *series = found[i].series;
        int64_t sums[HISTOGRAM_VALUES] = {0};

        for (next = i; next < count && compare_found(&found[i], &found[next]) == 0; next++)
            for (int v = 0; v < values_of(series->kind); v++)
                sums[v] += atomic_load_explicit(&found[next].values[v], memory_order_relaxed);
        if (i == 0 || strcmp(series->name, found[i - 1].series->name) != 0)
            add_head(out, series);
        if (series->kind == METRIC_HISTOGRAM) {
            add_histogram(out, series, sums);
        } else {
            add_sample(out, series, "", NULL);
            buf_printf(out, "%" PRId64 "\n", sums[0]);
        }
    }
    free(found);
}
