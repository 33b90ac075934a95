/* The one difficulty is time. What a flight reads may be overtaken by a change: so it notes the
 * count of changes before it begins, what it made is not kept when a mark has moved since, and
 * nobody joins it after that. And a change is known here only some milliseconds after its commit:
 * so nothing kept is given out, and no old flight joined, when the last look at others' changes is
 * older than STALE_MAX_US. */
#include "bridge/answers.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/list.h"
#include "base/metric.h"
#include "bridge/generation.h"
#include "cache/cache.h"
#include "http/reply.h"
#include "http/request.h"
#include "loop/loop.h"
#include <stdlib.h>
#include <string.h>

/* A published price is never older than this. */
#define STALE_MAX_US 100000
/* How exact "somebody looks" is: the word is shared by all workers. */
#define ASKED_STEP_US 100000
#define BUCKETS       256
#define KEY_MAX       2048
#define VALUE_MAX     (64u << 20)
#define HEADERS_MAX   24

struct answers {
    struct cache *cache;
    struct cache_marks *marks;
    struct generation *generation;
    struct list flights[BUCKETS];
    struct list orphans; /* struct waiter, of flights that failed */
    int64_t evictions_told;
    metric_id hits, misses, bypassed, waited, evictions, entries, bytes;
};

struct waiter {
    struct list node;
    struct http_request *request;
};

struct flight {
    struct list node;
    struct answers *answers;
    const struct generation_route *route;
    struct list waiting;
    uint64_t since;
    int64_t begun_us;
    size_t key_len;
    char key[];
};

/* A kept value: this, then route, names and values of headers, each with its NUL, then the body. */
struct value_head {
    uint32_t body_at;
    int32_t header_count;
    int32_t etag; /* index of that header */
};

struct answers *answers_new(struct generation *generation)
{
    const struct bridge_deps *deps = &generation->deps;
    int64_t size_mb = conf_int(deps->conf, "cache.size_mb");
    struct answers *answers;

    if (size_mb == 0 || !deps->db || !deps->marks)
        return NULL;
    answers = calloc(1, sizeof(*answers));
    if (!answers)
        abort();
    answers->cache = cache_new((size_t)size_mb << 20, deps->marks);
    answers->marks = deps->marks;
    answers->generation = generation;
    for (int i = 0; i < BUCKETS; i++)
        list_init(&answers->flights[i]);
    list_init(&answers->orphans);
    const struct {
        metric_id *id;
        enum metric_kind kind;
        const char *name, *help;
    } table[] = {
        {&answers->hits, METRIC_COUNTER, "souk_cache_hits_total", "Answers given from memory."},
        {&answers->misses, METRIC_COUNTER, "souk_cache_misses_total",
         "Answers that were made because they were not in memory."},
        {&answers->bypassed, METRIC_COUNTER, "souk_cache_bypassed_total",
         "Answers that were made because it was not known what others had changed."},
        {&answers->waited, METRIC_COUNTER, "souk_cache_waited_total",
         "Requests that waited for the answer of another."},
        {&answers->evictions, METRIC_COUNTER, "souk_cache_evictions_total",
         "Answers dropped for want of room."},
        {&answers->entries, METRIC_GAUGE, "souk_cache_entries", "Answers in memory."},
        {&answers->bytes, METRIC_GAUGE, "souk_cache_bytes", "Memory of answers."},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        *table[i].id = metric_register(table[i].kind, table[i].name, "", table[i].help);
    return answers;
}

void answers_free(struct answers *answers)
{
    if (!answers)
        return;
    cache_free(answers->cache);
    free(answers);
}

/* Who is asking changes nothing, and nothing in it but path and query does. */
static bool is_anyones(const struct http_request *request)
{
    enum http_method method = http_request_method(request);

    return (method == HTTP_GET || method == HTTP_HEAD) &&
           !http_request_header(request, "Authorization").at;
}

/* Path and query as they were sent: one slice of the request. */
static struct str key_of(const struct http_request *request)
{
    struct str path = http_request_path(request), query = http_request_query(request);

    if (query.len)
        path.len = (size_t)(query.at + query.len - path.at);
    return path;
}

static bool is_fresh(const struct answers *answers, int64_t now_us)
{
    return now_us - atomic_load(&answers->marks->fresh_us) <= STALE_MAX_US;
}

bool answers_has_copy(const struct http_request *request, const char *etag)
{
    struct str wanted = http_request_header(request, "If-None-Match");
    enum http_method method = http_request_method(request);

    return wanted.at && (method == HTTP_GET || method == HTTP_HEAD) &&
           (str_eq(wanted, STR("*")) || memmem(wanted.at, wanted.len, etag, strlen(etag)) != NULL);
}

/* As serve.c does it for what is not kept. */
static void reply_kept(struct http_request *request, struct str value)
{
    struct http_header headers[HEADERS_MAX];
    struct value_head head;
    const char *at = value.at + sizeof(head);
    int count = 0;

    memcpy(&head, value.at, sizeof(head));
    http_request_set_route(request, at, NULL);
    at += strlen(at) + 1;
    for (int i = 0; i < head.header_count; i++) {
        headers[i].name = at;
        at += strlen(at) + 1;
        headers[i].value = at;
        at += strlen(at) + 1;
    }
    if (!answers_has_copy(request, headers[head.etag].value)) {
        http_reply(request, 200, headers, head.header_count,
                   (struct str){value.at + head.body_at, value.len - head.body_at});
        return;
    }
    for (int i = 0; i < head.header_count; i++)
        if (strcasecmp(headers[i].name, "Content-Type") != 0)
            headers[count++] = headers[i];
    http_reply(request, 304, headers, count, STR(""));
}

bool answers_hit(struct answers *answers, struct http_request *request)
{
    int64_t now_us;
    struct str value;

    if (!answers || !is_anyones(request))
        return false;
    now_us = http_request_started_us(request);
    if (now_us - atomic_load(&answers->marks->asked_us) > ASKED_STEP_US)
        atomic_store(&answers->marks->asked_us, now_us);
    if (!is_fresh(answers, now_us))
        return false;
    value = cache_get(answers->cache, key_of(request), now_us);
    if (!value.at)
        return false;
    metric_add(answers->hits, 1);
    reply_kept(request, value);
    return true;
}

/* FNV-1a. */
static struct list *bucket_of(struct answers *answers, struct str key)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.at[i]) * 16777619U;
    return &answers->flights[hash % BUCKETS];
}

/* Nothing that was committed STALE_MAX_US ago is missing in what it reads. */
static bool may_join(const struct flight *flight, int64_t now_us)
{
    const struct answers *answers = flight->answers;

    return cache_marks_hold(answers->marks, &flight->route->shows, flight->since) &&
           (is_fresh(answers, now_us) || now_us - flight->begun_us <= STALE_MAX_US);
}

static void on_waiter_gone(void *arg)
{
    struct waiter *waiter = arg;

    list_remove(&waiter->node);
    http_reply(waiter->request, 0, NULL, 0, STR("")); /* to nobody: frees it */
    free(waiter);
}

static bool is_shared(const struct answers *answers,
                      const struct generation_route *route,
                      const struct http_request *request)
{
    return answers && route->cache_us > 0 && is_anyones(request) && key_of(request).len <= KEY_MAX;
}

bool answers_wait(struct answers *answers,
                  const struct generation_route *route,
                  struct http_request *request)
{
    if (!is_shared(answers, route, request))
        return false;
    struct str key = key_of(request);
    struct list *bucket = bucket_of(answers, key);
    list_each (node, after, bucket) {
        struct flight *flight = list_entry(node, struct flight, node);

        if (!str_eq((struct str){flight->key, flight->key_len}, key) ||
            !may_join(flight, http_request_started_us(request)))
            continue;
        struct waiter *waiter = calloc(1, sizeof(*waiter));
        if (!waiter)
            abort();
        waiter->request = request;
        list_add_last(&flight->waiting, &waiter->node);
        http_request_set_route(request, route->id, NULL);
        http_request_on_gone(request, on_waiter_gone, waiter);
        metric_add(answers->waited, 1);
        return true;
    }
    return false;
}

struct flight *answers_begin(struct answers *answers,
                             const struct generation_route *route,
                             struct http_request *request)
{
    struct str key;
    struct flight *flight;

    if (!is_shared(answers, route, request))
        return NULL;
    key = key_of(request);
    flight = calloc(1, sizeof(*flight) + key.len);
    if (!flight)
        abort();
    flight->answers = answers;
    flight->route = route;
    flight->since = cache_marks_now(answers->marks);
    flight->begun_us = clock_monotonic_us();
    flight->key_len = key.len;
    memcpy(flight->key, key.at, key.len);
    list_init(&flight->waiting);
    list_add_last(bucket_of(answers, key), &flight->node);
    metric_add(is_fresh(answers, flight->begun_us) ? answers->misses : answers->bypassed, 1);
    return flight;
}

static struct http_request *take_waiter(struct list *waiting)
{
    struct waiter *waiter = list_entry(waiting->next, struct waiter, node);
    struct http_request *request = waiter->request;

    list_remove(&waiter->node);
    http_request_on_gone(request, NULL, NULL);
    free(waiter);
    return request;
}

static void on_orphans(void *arg)
{
    struct answers *answers = arg;
    struct generation *generation = answers->generation;

    while (!list_is_empty(&answers->orphans))
        generation_serve_alone(generation, take_waiter(&answers->orphans));
    generation_unref(generation);
}

/* Later, for we are below the coroutine that failed. */
static void run_later(struct answers *answers, struct list *waiting)
{
    while (!list_is_empty(waiting)) {
        struct list *node = waiting->next;

        list_remove(node);
        list_add_last(&answers->orphans, node);
    }
    generation_ref(answers->generation);
    loop_defer(answers->generation->deps.loop, on_orphans, answers);
}

void answers_fail(struct flight *flight, bool is_late)
{
    struct http_problem problem = {.err = ERR_STATEMENT_TIMEOUT};

    if (!flight)
        return;
    list_remove(&flight->node);
    while (is_late && !list_is_empty(&flight->waiting))
        http_reply_problem(take_waiter(&flight->waiting), &problem);
    if (!list_is_empty(&flight->waiting))
        run_later(flight->answers, &flight->waiting);
    free(flight);
}

static void add_text(struct buf *out, const char *text)
{
    buf_add(out, text, strlen(text) + 1);
}

/* False: it has no ETag, so that its route does not mean it to be kept. */
static bool write_value(struct buf *out, const char *route, const struct answers_made *made)
{
    struct value_head head = {.header_count = made->header_count, .etag = -1};

    if (made->header_count > HEADERS_MAX)
        return false;
    buf_add(out, &head, sizeof(head));
    add_text(out, route);
    for (int i = 0; i < made->header_count; i++) {
        if (strcasecmp(made->headers[i].name, "ETag") == 0)
            head.etag = i;
        add_text(out, made->headers[i].name);
        add_text(out, made->headers[i].value);
    }
    head.body_at = (uint32_t)out->len;
    buf_add_str(out, made->body);
    if (out->is_full || head.etag < 0)
        return false;
    memcpy(out->at, &head, sizeof(head));
    return true;
}

static void keep(struct flight *flight, struct str value, const struct answers_made *made)
{
    struct answers *answers = flight->answers;
    struct cache_life life = {
        .until_us = flight->begun_us + flight->route->cache_us,
        .since = flight->since,
        .of = made->shows ? *made->shows : flight->route->shows,
    };
    struct cache_stats stats;

    if (life.of.count == 0)
        return;
    cache_put(answers->cache, (struct str){flight->key, flight->key_len}, value, &life);
    stats = cache_stats(answers->cache);
    metric_add(answers->evictions, stats.evictions - answers->evictions_told);
    answers->evictions_told = stats.evictions;
    metric_set(answers->entries, (int64_t)stats.entries);
    metric_set(answers->bytes, (int64_t)stats.bytes);
}

void answers_end(struct flight *flight,
                 struct http_request *request,
                 const struct answers_made *made)
{
    struct buf value;

    buf_init(&value, VALUE_MAX);
    if (made->status == 200 && write_value(&value, flight->route->id, made)) {
        list_remove(&flight->node);
        keep(flight, buf_str(&value), made);
        while (!list_is_empty(&flight->waiting))
            reply_kept(take_waiter(&flight->waiting), buf_str(&value));
        if (request)
            reply_kept(request, buf_str(&value));
        free(flight);
    } else {
        answers_fail(flight, false);
        if (request)
            http_reply(request, made->status, made->headers, made->header_count, made->body);
    }
    buf_done(&value);
}
