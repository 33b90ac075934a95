/* The difficulty: this runs for every request, so nothing is formatted or looked up by text that
 * was before. Lines of one turn of the loop go out with one write. */
#include "ops/access_log.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/metric.h"
#include "http/server.h"
#include "loop/loop.h"
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 3800
#define KNOWN_MAX      1024 /* a power of two, well above routes times statuses */
#define ROUTE_BYTES    81

/* The series of a route, method and status. */
struct known {
    char route[ROUTE_BYTES];
    enum http_method method;
    int status;
    metric_id requests, duration;
};

static struct known known[KNOWN_MAX];

static void learn(struct known *one, const char *route, const struct http_done *done)
{
    const char *method = http_method_name(done->method);
    char labels[160];

    snprintf(one->route, sizeof one->route, "%s", route);
    one->method = done->method;
    one->status = done->status;
    snprintf(labels, sizeof(labels), "route=\"%s\",method=\"%s\",code=\"%d\"", one->route, method,
             done->status);
    one->requests = metric_register(METRIC_COUNTER, "http_requests_total", labels,
                                    "Requests answered, by route template.");
    snprintf(labels, sizeof(labels), "route=\"%s\",method=\"%s\"", one->route, method);
    one->duration = metric_register(METRIC_HISTOGRAM, "http_request_duration_seconds", labels,
                                    "Time from the first byte to the reply.");
}

/* FNV-1a. Two that fall on one place take turns there. */
static const struct known *find(const char *route, const struct http_done *done)
{
    uint32_t hash = 2166136261U ^ (uint32_t)done->status ^ (uint32_t)done->method << 16;
    struct known *one;

    for (const char *at = route; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619U;
    one = &known[hash % KNOWN_MAX];
    if (one->status != done->status || one->method != done->method || !one->route[0] ||
        strncmp(one->route, route, ROUTE_BYTES - 1) != 0)
        learn(one, route, done);
    return one;
}

static void observe(const struct http_done *done, const char *route)
{
    const struct known *one = find(route, done);

    metric_add(one->requests, 1);
    metric_observe_us(one->duration, done->duration_us);
}

#define ADD(line, literal) buf_add(line, literal, sizeof(literal) - 1)

static void add_text(struct buf *line, struct str name, const char *value)
{
    if (!value || !*value)
        return;
    buf_add_str(line, name);
    buf_add_json_string(line, str_from(value));
}

/* Milliseconds with three digits after the point. */
static void add_duration(struct buf *line, int64_t us)
{
    char digits[3] = {(char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10),
                      (char)('0' + us % 10)};

    ADD(line, ",\"dur_ms\":");
    buf_add_int(line, us / 1000);
    buf_add_char(line, '.');
    buf_add(line, digits, sizeof digits);
}

/* The path of a payment page ends in the client_secret, which only the buyer may see; that of an
 * onboarding page lets in whoever has it. */
static struct str without_secret(struct str path)
{
    static const struct str connect = STR("/connect/");
    const char *secret = path.len ? memmem(path.at, path.len, "_secret_", 8) : NULL;

    if (secret)
        path.len = (size_t)(secret - path.at);
    if (path.len > connect.len && memcmp(path.at, connect.at, connect.len) == 0)
        path.len = connect.len;
    return path;
}

static void add_members(struct buf *line, const struct http_done *done, const char *route)
{
    struct str path = without_secret(done->path);

    if (path.len > 512)
        path.len = 512;
    ADD(line, "\"request_id\":");
    buf_add_json_string(line, str_from(done->request_id));
    ADD(line, ",\"method\":\"");
    buf_add_z(line, http_method_name(done->method));
    ADD(line, "\",\"path\":");
    buf_add_json_string(line, path);
    add_text(line, STR(",\"route\":"), route);
    ADD(line, ",\"status\":");
    buf_add_int(line, done->status);
    add_duration(line, done->duration_us);
    ADD(line, ",\"bytes_in\":");
    buf_add_int(line, (int64_t)done->body_bytes);
    ADD(line, ",\"bytes_out\":");
    buf_add_int(line, (int64_t)done->reply_bytes);
    add_text(line, STR(",\"user_id\":"), done->user_id);
    add_text(line, STR(",\"peer\":"), done->peer);
    add_text(line, STR(",\"traceparent\":"), done->traceparent);
}

static void on_turn_end(void *arg)
{
    (void)arg;
    log_flush();
}

void access_log_write(struct loop *loop, const struct http_done *done)
{
    static struct buf line = {.size_max = LINE_MAX_BYTES};
    const char *route = done->route && *done->route ? done->route : "unmatched";

    observe(done, route);
    if (!log_is_on(LOG_LEVEL_INFO))
        return;
    buf_clear(&line);
    add_members(&line, done, route);
    if (!line.is_full && log_hold_json(LOG_LEVEL_INFO, "http.request", buf_str(&line)))
        loop_defer(loop, on_turn_end, NULL);
}
