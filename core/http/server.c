/* The listener and what concerns all connections: accepting and pausing, deadlines, draining. */
#include "http/server.h"

#include <errno.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/conn.h"
#include "loop/loop.h"

#define BACKLOG        1024
#define PAUSE_MS       100
#define LINGER_MS      2000
#define DRAIN_IDLE_MS  500
#define IDLE_SHED_MAX  16
#define REPLY_HEAD_MAX 65536

static bool is_full(const struct http_server *server)
{
    return server->stats.connections >= server->settings.connections_max;
}

/* Pausing */

static void resume(struct http_server *server)
{
    if (!server->is_paused || server->resume || !server->listener || is_full(server))
        return;
    server->is_paused = false;
    evconnlistener_enable(server->listener);
}

/* Accepting goes on once a descriptor can be kept in reserve again: whoever needs one in the
 * meantime, a file to be sent or the way back to the database, finds it. */
static void on_resume(void *arg)
{
    struct http_server *server = arg;

    if (server->reserve_fd < 0)
        server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    loop_timer_free(server->resume);
    server->resume = NULL;
    if (server->reserve_fd < 0)
        server->resume = loop_after(server->loop, PAUSE_MS, on_resume, server);
    resume(server);
}

static void pause_accepting(struct http_server *server, const char *why)
{
    int64_t now_us = clock_monotonic_us();

    server->stats.paused_accepting++;
    if (now_us - server->logged_pause_us >= 1000000) {
        server->logged_pause_us = now_us;
        log_warn("http.accept.paused", "reason=%s connections=%d", why, server->stats.connections);
    }
    if (server->is_paused || !server->listener)
        return;
    server->is_paused = true;
    evconnlistener_disable(server->listener);
}

static void shed_idle(struct http_server *server)
{
    int shed = 0;

    list_each (node, after, &server->conns[CONN_IDLE]) {
        if (shed++ == IDLE_SHED_MAX)
            break;
        conn_doom(list_entry(node, struct conn, node));
    }
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    int cause = errno;
    struct http_server *server = arg;

    (void)listener;
    pause_accepting(server, strerror(cause));
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    server->reserve_fd = -1;
    shed_idle(server);
    if (!server->resume)
        server->resume = loop_after(server->loop, PAUSE_MS, on_resume, server);
}

static void
on_accept(struct evconnlistener *listener, int fd, struct sockaddr *peer, int peer_len, void *arg)
{
    struct http_server *server = arg;

    (void)listener;
    server->now_us = clock_monotonic_us();
    conn_new(server, fd, peer, (socklen_t)peer_len);
    server->stats.accepted++;
    server->stats.connections++;
    if (is_full(server))
        pause_accepting(server, "connections_max");
}

void server_conn_closed(struct http_server *server)
{
    server->stats.connections--;
    resume(server);
}

/* The end of a turn */

static void settle(void *arg)
{
    struct http_server *server = arg;

    server->is_settling = false;
    server->now_us = clock_monotonic_us();
    list_each (ready, after_ready, &server->conns[CONN_READY])
        conn_pump(list_entry(ready, struct conn, node), "", 0);
    while (!list_is_empty(&server->conns[CONN_DOOMED]))
        conn_free(list_entry(server->conns[CONN_DOOMED].next, struct conn, node));
    if (server->is_draining && server->on_idle && server->stats.connections == 0 &&
        server->in_flight == 0) {
        void (*on_idle)(void *arg) = server->on_idle;
        server->on_idle = NULL;
        on_idle(server->on_idle_arg);
    }
}

void server_settle_soon(struct http_server *server)
{
    if (server->is_settling)
        return;
    server->is_settling = true;
    loop_defer(server->loop, settle, server);
}

static void on_sweep(void *arg)
{
    struct http_server *server = arg;

    server->now_us = clock_monotonic_us();
    for (int state = 0; state < CONN_STATE_COUNT; state++) {
        if (server->wait_us[state] == 0)
            continue;
        list_each (node, after, &server->conns[state]) {
            struct conn *conn = list_entry(node, struct conn, node);
            if (conn->deadline_us > server->now_us)
                break;
            conn_expired(conn);
        }
    }
}

/* Starting */

static bool listen_on(struct http_server *server)
{
    const unsigned flags =
        LEV_OPT_REUSEABLE | LEV_OPT_REUSEABLE_PORT | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[12];
    int on = 1;
    int failed;

    snprintf(port, sizeof port, "%d", server->settings.port);
    failed = getaddrinfo(server->settings.host, port, &hints, &found);
    if (failed) {
        log_error("http.listen.failed", "host=%s reason=%s", server->settings.host,
                  gai_strerror(failed));
        return false;
    }
    server->listener = evconnlistener_new_bind(loop_base(server->loop), on_accept, server, flags,
                                               BACKLOG, found->ai_addr, (int)found->ai_addrlen);
    if (!server->listener)
        log_error("http.listen.failed", "host=%s port=%s reason=%s", server->settings.host, port,
                  strerror(errno));
    freeaddrinfo(found);
    if (!server->listener)
        return false;
    evconnlistener_set_error_cb(server->listener, on_accept_error);
    /* Connections inherit it. */
    setsockopt(evconnlistener_get_fd(server->listener), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}

static void set_waits(struct http_server *server)
{
    const struct http_settings *settings = &server->settings;
    int64_t shortest_ms = LINGER_MS;

    server->wait_us[CONN_IDLE] = settings->idle_timeout_ms * INT64_C(1000);
    server->wait_us[CONN_HEAD] = settings->head_timeout_ms * INT64_C(1000);
    server->wait_us[CONN_BODY] = settings->body_timeout_ms * INT64_C(1000);
    server->wait_us[CONN_WRITE] = settings->head_timeout_ms * INT64_C(1000);
    server->wait_us[CONN_LINGER] = LINGER_MS * INT64_C(1000);
    for (int state = 0; state < CONN_STATE_COUNT; state++) {
        int64_t wait_ms = server->wait_us[state] / 1000;
        if (wait_ms && wait_ms < shortest_ms)
            shortest_ms = wait_ms;
    }
    server->sweeper =
        loop_every(server->loop, shortest_ms / 8 > 10 ? shortest_ms / 8 : 10, on_sweep, server);
}

struct http_server *
http_server_new(struct loop *loop, struct http_settings settings, struct http_hooks hooks)
{
    struct http_server *server = calloc(1, sizeof *server);
    uint64_t random = 0;

    if (!server || getrandom(&random, sizeof random, 0) != sizeof random)
        abort();
    server->loop = loop;
    server->settings = settings;
    server->hooks = hooks;
    server->limits = (struct guard_limits){settings.head_max_bytes, settings.headers_max};
    server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    server->logged_pause_us = server->logged_refusal_us = INT64_MIN / 2;
    snprintf(server->id_prefix, sizeof server->id_prefix, "%016llx", (unsigned long long)random);
    buf_init(&server->head, REPLY_HEAD_MAX);
    buf_init(&server->problem, 0);
    for (int i = 0; i < HELD_MAX; i++)
        buf_init(&server->held[i].bytes, REPLY_HEAD_MAX);
    for (int state = 0; state < CONN_STATE_COUNT; state++)
        list_init(&server->conns[state]);
    set_waits(server);
    bool wants_tls = settings.tls_cert_file && *settings.tls_cert_file;
    if (wants_tls)
        server->tls = tls_new(settings.tls_cert_file, settings.tls_key_file);
    if ((wants_tls && !server->tls) || !listen_on(server)) {
        http_server_free(server);
        return NULL;
    }
    return server;
}

int http_server_port(const struct http_server *server)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;

    if (!server->listener || getsockname(evconnlistener_get_fd(server->listener),
                                         (struct sockaddr *)&address, &len) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

int http_server_in_flight(const struct http_server *server)
{
    return server->in_flight;
}

struct http_server_stats http_server_stats(const struct http_server *server)
{
    return server->stats;
}

static void stop_listening(struct http_server *server)
{
    if (server->listener)
        evconnlistener_free(server->listener);
    server->listener = NULL;
}

/* Connections that wait for a next request get a moment longer: one that is on its way is answered,
 * with Connection: close, rather than reset. */
void http_server_drain(struct http_server *server, void (*on_idle)(void *arg), void *arg)
{
    int64_t soon_us = clock_monotonic_us() + DRAIN_IDLE_MS * INT64_C(1000);

    server->is_draining = true;
    server->on_idle = on_idle;
    server->on_idle_arg = arg;
    stop_listening(server);
    server->wait_us[CONN_LINGER] = DRAIN_IDLE_MS * INT64_C(1000);
    if (server->wait_us[CONN_IDLE] > DRAIN_IDLE_MS * INT64_C(1000))
        server->wait_us[CONN_IDLE] = DRAIN_IDLE_MS * INT64_C(1000);
    list_each (node, after, &server->conns[CONN_IDLE]) {
        struct conn *conn = list_entry(node, struct conn, node);
        if (conn->deadline_us > soon_us)
            conn->deadline_us = soon_us;
    }
    server_settle_soon(server);
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    loop_timer_free(server->sweeper);
    loop_timer_free(server->resume);
    server->resume = NULL;
    held_send(server);
    loop_defer_cancel(server->loop, settle, server);
    server->is_settling = true;
    stop_listening(server);
    for (int state = 0; state < CONN_STATE_COUNT; state++)
        list_each (node, after, &server->conns[state])
            conn_free(list_entry(node, struct conn, node));
    while (server->arena_count)
        arena_free(server->arenas[--server->arena_count]);
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    if (server->tls)
        tls_free(server->tls);
    buf_done(&server->head);
    buf_done(&server->problem);
    for (int i = 0; i < HELD_MAX; i++)
        buf_done(&server->held[i].bytes);
    free(server);
}
