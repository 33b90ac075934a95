/* See conn.h. The difficulty is that handlers reply from anywhere, below our own frames too: so
 * nothing of a connection is freed but at the end of a turn. */
#include "http/conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"

/* What a client may send ahead of the reply it waits for; then it is not read any more. */
#define AHEAD_MAX_BYTES 16384
/* A client that takes a reply slower than this is let go. */
#define TAKE_MIN_BYTES_PER_S 1024

static void set_state(struct conn *conn, enum conn_state state)
{
    struct http_server *server = conn->server;

    conn->state = state;
    conn->deadline_us =
        server->wait_us[state] ? server->now_us + server->wait_us[state] : INT64_MAX;
    list_remove(&conn->node);
    list_add_last(&server->conns[state], &conn->node);
}

/* Disconnecting sends the reset now; SO_LINGER would send it at close, after a FIN. */
void conn_reset(struct conn *conn)
{
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    (void)connect(conn->fd, &nobody, sizeof nobody);
}

void conn_doom(struct conn *conn)
{
    set_state(conn, CONN_DOOMED);
    if (conn->watch)
        loop_watch_set(conn->watch, 0);
    server_settle_soon(conn->server);
}

/* Our events leave epoll before the socket is closed, or they would steal the bytes of the next
 * connection with this number. */
void conn_free(struct conn *conn)
{
    loop_watch_free(conn->watch);
    if (conn->tls)
        bufferevent_free(conn->tls);
    else
        close(conn->fd);
    arena_give(conn->server, conn->arena);
    held_forget(conn);
    buf_done(&conn->body);
    list_remove(&conn->node);
    server_conn_closed(conn->server);
    if (conn->in)
        evbuffer_free(conn->in);
    if (conn->out)
        evbuffer_free(conn->out);
    free(conn);
}

static size_t kept_len(const struct evbuffer *buffer)
{
    return buffer ? evbuffer_get_length(buffer) : 0;
}

static size_t out_len(const struct conn *conn)
{
    return conn->held_len + kept_len(conn->tls ? bufferevent_get_output(conn->tls) : conn->out);
}

static void keep(struct evbuffer **buffer, const void *bytes, size_t len)
{
    if (!*buffer)
        *buffer = evbuffer_new();
    if (!*buffer || evbuffer_add(*buffer, bytes, len) != 0)
        abort();
}

static void watch(struct conn *conn, int ready)
{
    if (conn->watch)
        loop_watch_set(conn->watch, ready);
    else if (conn->tls && (ready & LOOP_READ))
        bufferevent_enable(conn->tls, EV_READ);
    else if (conn->tls)
        bufferevent_disable(conn->tls, EV_READ);
}

/* Writing */

static bool send_plain(struct conn *conn, struct str head, struct str body)
{
    struct iovec parts[2] = {{(void *)head.at, head.len}, {(void *)body.at, body.len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    size_t sent = 0;

    if (kept_len(conn->out) == 0) {
        ssize_t n = body.len ? sendmsg(conn->fd, &message, MSG_NOSIGNAL)
                             : send(conn->fd, head.at, head.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        sent = n > 0 ? (size_t)n : 0;
    }
    if (sent == head.len + body.len)
        return true;
    if (kept_len(conn->out) + head.len + body.len - sent >
        conn->server->settings.output_max_bytes) {
        log_warn("http.output.full", "bytes=%zu", head.len + body.len - sent);
        return false;
    }
    if (sent < head.len)
        keep(&conn->out, head.at + sent, head.len - sent);
    sent = sent > head.len ? sent - head.len : 0;
    if (sent < body.len)
        keep(&conn->out, body.at + sent, body.len - sent);
    return true;
}

bool conn_send(struct conn *conn, struct str head, struct str body)
{
    if (!conn->tls)
        return send_plain(conn, head, body);
    return bufferevent_write(conn->tls, head.at, head.len) == 0 &&
           (body.len == 0 || bufferevent_write(conn->tls, body.at, body.len) == 0);
}

static void end_output(struct conn *conn)
{
    if (conn->tls)
        tls_end(conn->tls);
    shutdown(conn->fd, SHUT_WR);
}

/* Closing with bytes unread would reset the connection and take the answer with it: reads on for a
 * while, until the client has seen the end. */
static void linger(struct conn *conn)
{
    set_state(conn, CONN_LINGER);
    if (conn->in)
        evbuffer_drain(conn->in, evbuffer_get_length(conn->in));
    if (out_len(conn)) {
        watch(conn, LOOP_READ | LOOP_WRITE);
        return;
    }
    end_output(conn);
    watch(conn, LOOP_READ);
}

static void finish_reply(struct conn *conn)
{
    if (conn->is_last) {
        linger(conn);
        return;
    }
    guard_reset(&conn->guard);
    set_state(conn, CONN_IDLE);
    watch(conn, LOOP_READ);
    if (!conn->is_pumping && kept_len(conn->in)) {
        set_state(conn, CONN_READY);
        server_settle_soon(conn->server);
    }
}

void conn_replied(struct conn *conn)
{
    conn->out_at_check = out_len(conn);
    if (conn->out_at_check == 0) {
        finish_reply(conn);
        return;
    }
    set_state(conn, CONN_WRITE);
    if (conn->held_len == 0)
        watch(conn, LOOP_WRITE);
}

void conn_refuse(struct conn *conn, const struct http_problem *problem, struct str path)
{
    conn->is_last = true;
    if (reply_refusal(conn, problem, path))
        linger(conn);
    else
        conn_doom(conn);
}

static void on_output_taken(struct conn *conn)
{
    if (conn->state == CONN_WRITE)
        finish_reply(conn);
    else if (conn->state == CONN_LINGER)
        linger(conn);
}

/* Reading */

static void refuse_by_guard(struct conn *conn, struct http_problem problem, const char *at)
{
    struct http_server *server = conn->server;
    struct str path = {at + conn->guard.target_at, conn->guard.target_len};
    const char *query = path.len ? memchr(path.at, '?', path.len) : NULL;

    if (query)
        path.len = (size_t)(query - path.at);
    server->stats.refused_by_guard++;
    server->unlogged_refusals++;
    if (server->now_us - server->logged_refusal_us >= 1000000) {
        log_warn("http.refused", "code=%s count=%lld", err_info(problem.err)->code,
                 (long long)server->unlogged_refusals);
        server->logged_refusal_us = server->now_us;
        server->unlogged_refusals = 0;
    }
    conn_refuse(conn, &problem, path);
}

static bool is_body_allowed(struct conn *conn, const char *at)
{
    struct http_server *server = conn->server;
    const struct guard *guard = &conn->guard;
    struct str path = {at + guard->target_at, guard->target_len};
    const char *query;

    if (guard->content_length == 0)
        return true;
    if (guard->content_length > server->settings.body_ceiling_bytes)
        return false;
    if (!server->hooks.takes_body)
        return guard->content_length <= server->settings.body_max_bytes;
    query = memchr(path.at, '?', path.len);
    if (query)
        path.len = (size_t)(query - path.at);
    return server->hooks.takes_body(server->hooks.arg, guard->method, path, guard->content_length);
}

/* The whole message is there, and maybe more behind it. */
static void dispatch(struct conn *conn, bool has_more)
{
    struct http_server *server = conn->server;

    conn->has_more = has_more;
    set_state(conn, CONN_BUSY);
    conn->request = request_new(conn);
    server->hooks.handler(server->hooks.arg, conn->request);
}

/* These answer how many bytes they took; 0: more are needed, or there is nothing to be taken in
 * this state. */
static size_t take_head(struct conn *conn, const char *at, size_t len)
{
    struct guard *guard = &conn->guard;
    enum guard_verdict verdict = guard_head(guard, &conn->server->limits, at, len);
    size_t head_len;

    if (verdict == GUARD_REFUSED) {
        refuse_by_guard(conn, (struct http_problem){.err = guard->err, .message = guard->message},
                        at);
        return 0;
    }
    if (verdict == GUARD_MORE) {
        if (conn->state == CONN_IDLE)
            set_state(conn, CONN_HEAD);
        return 0;
    }
    if (!is_body_allowed(conn, at)) {
        refuse_by_guard(conn, (struct http_problem){.err = ERR_BODY_TOO_LARGE}, at);
        return 0;
    }
    head_len = guard->head_len;
    conn->arena = arena_take(conn->server);
    conn->head = arena_copy(conn->arena, (struct str){at, head_len});
    if (guard->content_length == 0) {
        dispatch(conn, len > head_len); /* resets the guard when the reply comes at once */
        return head_len;
    }
    buf_init(&conn->body, guard->content_length);
    set_state(conn, CONN_BODY);
    if (guard->expects_continue && len == head_len)
        conn_send(conn, STR("HTTP/1.1 100 Continue\r\n\r\n"), STR(""));
    return head_len;
}

static size_t take_body(struct conn *conn, const char *at, size_t len)
{
    size_t left = conn->guard.content_length - conn->body.len;
    size_t take = len < left ? len : left;

    buf_add(&conn->body, at, take);
    if (take == left)
        dispatch(conn, take < len);
    return take;
}

static size_t take(struct conn *conn, const char *at, size_t len)
{
    switch (conn->state) {
    case CONN_IDLE:
    case CONN_HEAD: return take_head(conn, at, len);
    case CONN_BODY: return take_body(conn, at, len);
    default: return 0;
    }
}

void conn_pump(struct conn *conn, const char *at, size_t len)
{
    bool is_kept = kept_len(conn->in) > 0;
    size_t used = 0, n = 1;

    if (is_kept) {
        keep(&conn->in, at, len);
        len = evbuffer_get_length(conn->in);
        at = (const char *)evbuffer_pullup(conn->in, -1);
    }
    if (conn->state == CONN_READY)
        set_state(conn, CONN_IDLE);
    conn->is_pumping = true;
    for (; used < len && n > 0; used += n)
        n = take(conn, at + used, len - used);
    conn->is_pumping = false;
    if (conn->state == CONN_LINGER || conn->state == CONN_DOOMED)
        return;
    if (is_kept)
        evbuffer_drain(conn->in, used);
    else if (used < len)
        keep(&conn->in, at + used, len - used);
    if (conn->state == CONN_BUSY && kept_len(conn->in) >= AHEAD_MAX_BYTES)
        watch(conn, 0);
}

static void received(struct conn *conn, const char *at, size_t len)
{
    switch (conn->state) {
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_BODY: conn_pump(conn, at, len); break;
    case CONN_READY:
    case CONN_BUSY:
    case CONN_WRITE:
        keep(&conn->in, at, len);
        if (evbuffer_get_length(conn->in) >= AHEAD_MAX_BYTES)
            watch(conn, conn->state == CONN_WRITE ? LOOP_WRITE : 0);
        break;
    default: break;
    }
}

static void left(struct conn *conn)
{
    struct http_request *request = conn->request;

    if (conn->held_len)
        held_send(conn->server); /* who has closed one half may still read */
    if (conn->state == CONN_DOOMED)
        return;
    conn->request = NULL;
    conn_doom(conn);
    if (request)
        request_gone(request);
}

void conn_send_held(struct conn *conn, struct str reply)
{
    conn->held_len = 0;
    if (conn->state == CONN_DOOMED)
        return;
    if (!conn_send(conn, reply, STR("")))
        left(conn);
    else if (kept_len(conn->out))
        watch(conn, LOOP_WRITE);
    else
        on_output_taken(conn);
}

static void on_ready(void *arg, int ready)
{
    struct conn *conn = arg;
    struct http_server *server = conn->server;

    server->now_us = clock_monotonic_us();
    held_send_late(server);
    if ((ready & LOOP_WRITE) && kept_len(conn->out)) {
        if (evbuffer_write(conn->out, conn->fd) < 0 && errno != EAGAIN && errno != EINTR)
            left(conn);
        else if (kept_len(conn->out) == 0)
            on_output_taken(conn);
    }
    if (!(ready & LOOP_READ) || conn->state == CONN_DOOMED)
        return;
    ssize_t n = recv(conn->fd, server->read_buffer, READ_SIZE, 0);
    if (n > 0)
        received(conn, server->read_buffer, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        left(conn);
}

static void on_tls_read(struct bufferevent *tls, void *arg)
{
    struct conn *conn = arg;
    struct evbuffer *input = bufferevent_get_input(tls);
    size_t len = evbuffer_get_length(input);

    conn->server->now_us = clock_monotonic_us();
    received(conn, (const char *)evbuffer_pullup(input, -1), len);
    evbuffer_drain(input, len);
}

static void on_tls_written(struct bufferevent *tls, void *arg)
{
    struct conn *conn = arg;

    (void)tls;
    conn->server->now_us = clock_monotonic_us();
    on_output_taken(conn);
}

static void on_tls_event(struct bufferevent *tls, short what, void *arg)
{
    struct conn *conn = arg;

    (void)tls;
    conn->server->now_us = clock_monotonic_us();
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        left(conn);
}

void conn_new(struct http_server *server, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
    struct conn *conn = calloc(1, sizeof *conn);

    if (!conn)
        abort();
    conn->server = server;
    conn->fd = fd;
    list_init(&conn->node);
    if (getnameinfo(peer, peer_len, conn->peer, sizeof conn->peer, NULL, 0, NI_NUMERICHOST) != 0)
        conn->peer[0] = '\0';
    if (!server->tls) {
        conn->watch = loop_watch_new(server->loop, fd, LOOP_READ, on_ready, conn);
        set_state(conn, CONN_IDLE);
        return;
    }
    conn->tls = tls_accept(server->tls, loop_base(server->loop), fd);
    if (!conn->tls) {
        conn_doom(conn);
        return;
    }
    set_state(conn, CONN_HEAD); /* its deadline covers the handshake */
    bufferevent_setcb(conn->tls, on_tls_read, on_tls_written, on_tls_event, conn);
    bufferevent_setwatermark(conn->tls, EV_READ, 0, READ_SIZE);
    bufferevent_enable(conn->tls, EV_READ | EV_WRITE);
}

static bool takes_its_reply(struct conn *conn)
{
    size_t left_len = out_len(conn);
    size_t due = (size_t)(conn->server->wait_us[CONN_WRITE] / 1000 * TAKE_MIN_BYTES_PER_S / 1000);
    bool is_taking = conn->out_at_check - left_len >= due;

    conn->out_at_check = left_len;
    return is_taking;
}

void conn_expired(struct conn *conn)
{
    struct http_problem problem = {.err = ERR_TIMEOUT};
    bool has_begun = conn->state == CONN_BODY || kept_len(conn->in) > 0;

    switch (conn->state) {
    case CONN_HEAD:
    case CONN_BODY:
        conn->server->stats.timed_out++;
        if (has_begun)
            conn_refuse(conn, &problem, STR(""));
        else
            conn_doom(conn);
        break;
    case CONN_WRITE:
        if (takes_its_reply(conn)) {
            set_state(conn, CONN_WRITE);
            break;
        }
        conn->server->stats.timed_out++;
        conn_doom(conn);
        break;
    default: conn_doom(conn); break;
    }
}
