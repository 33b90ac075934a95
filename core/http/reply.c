/* Replies. The head is written by hand, straight into one buffer that goes out with the body in one
 * system call. */
#include "http/reply.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/conn.h"

#define PROBLEM_SIZE_MAX 65536
/* So short a reply goes out as one piece: the kernel takes one sooner than two. */
#define WHOLE_MAX 4096
#define DATE_LEN  29 /* of an HTTP date */

/* Made anew when its second is over. */
static const char *date_now(struct http_server *server)
{
    int64_t now_ms;
    time_t now_s;
    struct tm tm;

    if (server->now_us >= server->date_until_us) {
        now_ms = clock_wall_ms();
        now_s = (time_t)(now_ms / 1000);
        gmtime_r(&now_s, &tm);
        strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        server->date_until_us = server->now_us + (1000 - now_ms % 1000) * 1000;
    }
    return server->date;
}

/* Framing and what goes with it is ours alone. */
static bool is_ours(struct str name)
{
    static const struct str names[] = {{"Content-Length", 14},
                                       {"Transfer-Encoding", 17},
                                       {"Connection", 10},
                                       {"Keep-Alive", 10},
                                       {"Date", 4},
                                       {"X-Request-Id", 12}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_eq_nocase(name, names[i]))
            return true;
    }
    return false;
}

/* A literal, without asking for its length. */
#define ADD(head, literal) buf_add(head, literal, sizeof(literal) - 1)

struct head_seen {
    bool content_type, cache_control;
};

static struct head_seen add_given(struct buf *head, const struct http_header *headers, int count)
{
    struct head_seen seen = {0};

    for (int i = 0; i < count; i++) {
        struct str name = str_from(headers[i].name), value = str_from(headers[i].value);
        if (!name.at || !value.at || is_ours(name))
            continue;
        if (!guard_is_name(name) || !guard_is_value(value)) {
            log_error("http.header.dropped", "index=%d", i);
            continue;
        }
        seen.content_type = seen.content_type || str_eq_nocase(name, STR("Content-Type"));
        seen.cache_control = seen.cache_control || str_eq_nocase(name, STR("Cache-Control"));
        buf_add_str(head, name);
        ADD(head, ": ");
        buf_add_str(head, value);
        ADD(head, "\r\n");
    }
    return seen;
}

struct head_parts {
    int status;
    const struct http_header *headers;
    int header_count;
    const struct http_header *extra;
    int extra_count;
    size_t body_len;
    const char *id;
    bool is_close, is_http10;
};

static bool has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static struct str write_head(struct http_server *server, const struct head_parts *parts)
{
    struct buf *head = &server->head;
    struct head_seen seen;

    buf_clear(head);
    ADD(head, "HTTP/1.1 ");
    buf_add_int(head, parts->status);
    buf_add_char(head, ' ');
    buf_add_z(head, err_reason(parts->status));
    ADD(head, "\r\nDate: ");
    buf_add(head, date_now(server), DATE_LEN);
    ADD(head, "\r\nX-Request-Id: ");
    buf_add_z(head, parts->id);
    ADD(head, "\r\nX-Content-Type-Options: nosniff\r\n");
    seen = add_given(head, parts->headers, parts->header_count);
    (void)add_given(head, parts->extra, parts->extra_count);
    if (!seen.cache_control)
        ADD(head, "Cache-Control: no-store\r\n");
    if (!seen.content_type && has_body(parts->status))
        ADD(head, "Content-Type: application/json; charset=utf-8\r\n");
    if (has_body(parts->status)) {
        ADD(head, "Content-Length: ");
        buf_add_int(head, (int64_t)parts->body_len);
        ADD(head, "\r\n");
    }
    if (parts->is_close)
        ADD(head, "Connection: close\r\n");
    else if (parts->is_http10)
        ADD(head, "Connection: keep-alive\r\n");
    ADD(head, "\r\n");
    return buf_str(head);
}

/* head is the server's buffer. What refuses may wait for others that do. */
static bool send_reply(struct conn *conn, struct str head, struct str body, bool is_refusal)
{
    struct buf *whole = &conn->server->head;

    if (head.len + body.len > WHOLE_MAX)
        return conn_send(conn, head, body);
    buf_add_str(whole, body);
    if (is_refusal && held_add(conn, whole))
        return true;
    return conn_send(conn, buf_str(whole), STR(""));
}

static void tell_done(struct http_request *request, int status, size_t reply_bytes)
{
    struct http_server *server = request->server;

    if (!server->hooks.on_done)
        return;
    server->hooks.on_done(server->hooks.arg,
                          &(struct http_done){
                              .request_id = request->id,
                              .route = request->route,
                              .user_id = request->user_id,
                              .peer = request->peer,
                              .method = request->method,
                              .path = request->path,
                              .status = status,
                              .body_bytes = request->body_bytes,
                              .reply_bytes = reply_bytes,
                              .duration_us = server->now_us - request->started_us,
                              .traceparent = request->traceparent,
                          });
}

/* The client has left: what remains is to say so, and to free. */
static void reply_to_nobody(struct http_request *request)
{
    request->server->now_us = clock_monotonic_us();
    tell_done(request, 0, 0);
    request_free(request);
}

void http_reply(struct http_request *request,
                int status,
                const struct http_header *headers,
                int header_count,
                struct str body)
{
    struct http_server *server = request->server;
    struct conn *conn = request->conn;

    if (!conn) {
        reply_to_nobody(request);
        return;
    }
    const struct guard *guard = &conn->guard;
    server->now_us = clock_monotonic_us();
    conn->is_last =
        server->is_draining || guard->is_close || (guard->is_http10 && !guard->is_keep_alive);
    struct str head = write_head(server, &(struct head_parts){
                                             .status = status,
                                             .headers = headers,
                                             .header_count = header_count,
                                             .extra = request->extra,
                                             .extra_count = request->extra_count,
                                             .body_len = body.len,
                                             .id = request->id,
                                             .is_close = conn->is_last,
                                             .is_http10 = guard->is_http10,
                                         });
    if (!has_body(status) || request->method == HTTP_HEAD)
        body.len = 0;
    conn->request = NULL;
    bool is_sent = status > 0 && send_reply(conn, head, body, status >= 400);
    tell_done(request, status < 0 ? 0 : status, is_sent ? head.len + body.len : 0);
    request_free(request);
    if (is_sent) {
        conn_replied(conn);
        return;
    }
    if (status < 0)
        conn_reset(conn);
    conn_doom(conn);
}

void http_problem_body(struct buf *out,
                       const struct http_problem *problem,
                       struct str path,
                       const char *request_id)
{
    const struct err_info *info = err_info(problem->err);
    int status = problem->status ? problem->status : info->status;
    char now[25];

    clock_rfc3339(clock_wall_ms(), now);
    buf_add_z(out, "{\"statusCode\":");
    buf_add_int(out, status);
    buf_add_z(out, ",\"message\":");
    buf_add_json_string(out, str_from(problem->message ? problem->message : info->message));
    buf_add_z(out, ",\"error\":");
    buf_add_json_string(out, str_from(err_reason(status)));
    buf_add_z(out, ",\"timestamp\":\"");
    buf_add_z(out, now);
    buf_add_z(out, "\",\"path\":");
    buf_add_json_string(out, path);
    buf_add_z(out, ",\"code\":");
    buf_add_json_string(out, str_from(problem->code ? problem->code : info->code));
    buf_add_z(out, ",\"requestId\":");
    buf_add_json_string(out, str_from(request_id));
    if (problem->details_json.len) {
        buf_add_z(out, ",\"details\":");
        buf_add_str(out, problem->details_json);
    }
    buf_add_char(out, '}');
}

/* The server's own buffer, empty: a refusal is written without asking for memory. */
static struct buf *problem_buf(struct http_server *server, size_t details_len)
{
    struct buf *body = &server->problem;

    buf_reuse(body, PROBLEM_SIZE_MAX);
    body->size_max = PROBLEM_SIZE_MAX + details_len;
    return body;
}

#define PROBLEM_HEADERS_MAX 32

static int problem_headers(const struct http_problem *problem,
                           struct http_header out[PROBLEM_HEADERS_MAX],
                           char retry_after[16])
{
    int status = problem->status ? problem->status : err_info(problem->err)->status;
    int wait_s = problem->retry_after_s;
    int count = 0;

    if (wait_s <= 0 && (status == 503 || status == 429))
        wait_s = 1;
    if (wait_s > 0) {
        snprintf(retry_after, 16, "%d", wait_s);
        out[count++] = (struct http_header){"Retry-After", retry_after};
    }
    if (problem->allow)
        out[count++] = (struct http_header){"Allow", problem->allow};
    for (int i = 0; i < problem->header_count && count < PROBLEM_HEADERS_MAX; i++)
        out[count++] = problem->headers[i];
    return count;
}

void http_reply_problem(struct http_request *request, const struct http_problem *problem)
{
    struct http_header headers[PROBLEM_HEADERS_MAX];
    char retry_after[16];
    int count = problem_headers(problem, headers, retry_after);
    int status = problem->status ? problem->status : err_info(problem->err)->status;
    struct buf *body = problem_buf(request->server, problem->details_json.len);

    http_problem_body(body, problem, request->path, request->id);
    http_reply(request, status, headers, count, buf_str(body));
}

bool reply_refusal(struct conn *conn, const struct http_problem *problem, struct str path)
{
    struct http_server *server = conn->server;
    struct buf *body = problem_buf(server, 0);
    char id[REQUEST_ID_SIZE];

    request_id_make(server, id);
    http_problem_body(body, problem, path, id);
    struct str head = write_head(server, &(struct head_parts){
                                             .status = err_info(problem->err)->status,
                                             .body_len = body->len,
                                             .id = id,
                                             .is_close = true,
                                         });
    return conn_send(conn, head, buf_str(body));
}
