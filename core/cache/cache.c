#include "cache/cache.h"

#include "base/list.h"
#include <stdlib.h>
#include <sys/random.h>

#define BUCKETS_MIN 64
#define VALUE_PARTS 16 /* a value may take one of these of the whole */

struct entry {
    struct list by_use; /* the longest unused first */
    struct entry *next; /* of its bucket */
    uint64_t hash;
    struct cache_life life;
    size_t key_len, value_len;
    char bytes[]; /* key, value */
};

struct cache {
    const struct cache_marks *marks;
    size_t size_max;
    uint64_t seed;
    struct entry **buckets;
    size_t bucket_count; /* a power of two */
    struct list by_use;
    struct cache_stats stats;
};

static void *alloc_or_abort(size_t size)
{
    void *at = calloc(1, size);

    if (!at)
        abort();
    return at;
}

struct cache *cache_new(size_t size_max_bytes, const struct cache_marks *marks)
{
    struct cache *cache = alloc_or_abort(sizeof(*cache));

    /* Keys come from clients: without a secret they could choose those of one bucket. */
    if (getrandom(&cache->seed, sizeof(cache->seed), 0) != sizeof(cache->seed))
        abort();
    cache->marks = marks;
    cache->size_max = size_max_bytes;
    cache->bucket_count = BUCKETS_MIN;
    cache->buckets = alloc_or_abort(BUCKETS_MIN * sizeof(*cache->buckets));
    list_init(&cache->by_use);
    return cache;
}

/* Eight bytes a step; the multiplication's upper half is folded back in. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t wide = (__uint128_t)(a ^ UINT64_C(0x9e3779b97f4a7c15)) * (b | 1);

    return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}

static uint64_t hash_of(const struct cache *cache, struct str key)
{
    uint64_t hash = mix(cache->seed, key.len);

    while (key.len) {
        size_t step = key.len < 8 ? key.len : 8;
        uint64_t word = 0;

        memcpy(&word, key.at, step);
        hash = mix(hash ^ word, cache->seed);
        key.at += step;
        key.len -= step;
    }
    return hash;
}

static size_t size_of(const struct entry *entry)
{
    return sizeof(*entry) + sizeof(struct entry *) + entry->key_len + entry->value_len;
}

static struct entry **place_of(struct cache *cache, uint64_t hash, struct str key)
{
    struct entry **at = &cache->buckets[hash & (cache->bucket_count - 1)];

    while (*at && ((*at)->hash != hash || (*at)->key_len != key.len ||
                   memcmp((*at)->bytes, key.at, key.len) != 0))
        at = &(*at)->next;
    return at;
}

static void drop(struct cache *cache, struct entry **at)
{
    struct entry *entry = *at;

    *at = entry->next;
    list_remove(&entry->by_use);
    cache->stats.bytes -= size_of(entry);
    cache->stats.entries--;
    free(entry);
}

static void drop_longest_unused(struct cache *cache)
{
    struct entry *entry = list_entry(cache->by_use.next, struct entry, by_use);

    drop(cache, place_of(cache, entry->hash, (struct str){entry->bytes, entry->key_len}));
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    while (!list_is_empty(&cache->by_use))
        drop_longest_unused(cache);
    free(cache->buckets);
    free(cache);
}

static void widen(struct cache *cache)
{
    size_t count = cache->bucket_count * 2;
    struct entry **wider = alloc_or_abort(count * sizeof(*wider));

    for (size_t i = 0; i < cache->bucket_count; i++) {
        while (cache->buckets[i]) {
            struct entry *entry = cache->buckets[i];

            cache->buckets[i] = entry->next;
            entry->next = wider[entry->hash & (count - 1)];
            wider[entry->hash & (count - 1)] = entry;
        }
    }
    free(cache->buckets);
    cache->buckets = wider;
    cache->bucket_count = count;
}

struct str cache_get(struct cache *cache, struct str key, int64_t now_us)
{
    struct entry **at = place_of(cache, hash_of(cache, key), key);
    struct entry *entry = *at;

    if (!entry)
        return (struct str){NULL, 0};
    if (now_us >= entry->life.until_us ||
        !cache_marks_hold(cache->marks, &entry->life.of, entry->life.since)) {
        drop(cache, at);
        return (struct str){NULL, 0};
    }
    list_remove(&entry->by_use);
    list_add_last(&cache->by_use, &entry->by_use);
    return (struct str){entry->bytes + entry->key_len, entry->value_len};
}

void cache_put(struct cache *cache, struct str key, struct str value, const struct cache_life *life)
{
    uint64_t hash = hash_of(cache, key);
    struct entry **at = place_of(cache, hash, key);
    struct entry *entry;

    if (*at)
        drop(cache, at);
    if (key.len + value.len > cache->size_max / VALUE_PARTS ||
        !cache_marks_hold(cache->marks, &life->of, life->since))
        return;
    entry = alloc_or_abort(sizeof(*entry) + key.len + value.len);
    entry->hash = hash;
    entry->life = *life;
    entry->key_len = key.len;
    entry->value_len = value.len;
    memcpy(entry->bytes, key.at, key.len);
    memcpy(entry->bytes + key.len, value.at, value.len);
    while (cache->stats.entries && cache->stats.bytes + size_of(entry) > cache->size_max) {
        drop_longest_unused(cache);
        cache->stats.evictions++;
    }
    if (cache->stats.entries >= cache->bucket_count)
        widen(cache);
    entry->next = cache->buckets[hash & (cache->bucket_count - 1)];
    cache->buckets[hash & (cache->bucket_count - 1)] = entry;
    list_add_last(&cache->by_use, &entry->by_use);
    cache->stats.bytes += size_of(entry);
    cache->stats.entries++;
}

struct cache_stats cache_stats(const struct cache *cache)
{
    return cache->stats;
}
