#include "ops/access_log.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/metric.h"
#include "http/server.h"
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 3800

static void observe(const struct http_done *done, const char *route)
{
    const char *method = http_method_name(done->method);
    char labels[160];

    snprintf(labels, sizeof(labels), "route=\"%.80s\",method=\"%s\",code=\"%d\"", route, method,
             done->status);
    metric_add(metric_register(METRIC_COUNTER, "http_requests_total", labels,
                               "Requests answered, by route template."),
               1);
    snprintf(labels, sizeof(labels), "route=\"%.80s\",method=\"%s\"", route, method);
    metric_observe_us(metric_register(METRIC_HISTOGRAM, "http_request_duration_seconds", labels,
                                      "Time from the first byte to the reply."),
                      done->duration_us);
}

static void member(struct buf *line, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    buf_printf(line, ",\"%s\":", name);
    buf_add_json_string(line, str_from(value));
}

/* The path of a payment page ends in the client_secret, which only the buyer may see. */
static struct str without_secret(struct str path)
{
    const char *secret = path.len ? memmem(path.at, path.len, "_secret_", 8) : NULL;

    if (secret)
        path.len = (size_t)(secret - path.at);
    return path;
}

void access_log_write(void *arg, const struct http_done *done)
{
    const char *route = done->route && *done->route ? done->route : "unmatched";
    struct str path = without_secret(done->path);
    struct buf line;

    (void)arg;
    if (path.len > 512)
        path.len = 512;
    buf_init(&line, LINE_MAX_BYTES);
    buf_printf(&line, "\"request_id\":");
    buf_add_json_string(&line, str_from(done->request_id));
    buf_printf(&line, ",\"method\":\"%s\",\"path\":", http_method_name(done->method));
    buf_add_json_string(&line, path);
    member(&line, "route", route);
    buf_printf(&line, ",\"status\":%d,\"dur_ms\":%.3f,\"bytes_in\":%zu,\"bytes_out\":%zu",
               done->status, (double)done->duration_us / 1000, done->body_bytes, done->reply_bytes);
    member(&line, "user_id", done->user_id);
    member(&line, "peer", done->peer);
    member(&line, "traceparent", done->traceparent);
    if (!line.is_full)
        log_write_json(LOG_LEVEL_INFO, "http.request", buf_str(&line));
    buf_done(&line);
    observe(done, route);
}
