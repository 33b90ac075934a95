/* The listener and what concerns all connections: accepting and pausing, deadlines, draining. The
 * difficulty is accepting: evhttp takes a connection apart from us, so that each is adopted at the
 * end of the turn it came in (conn.h). */
#include "http/server.h"

#include <dlfcn.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
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
#define ALL_METHODS    0xffff

/* evhttp gives its listener's error callback itself as argument, and nobody else knows which server
 * it is of. */
static struct http_server *servers;

static bool is_full(const struct http_server *server)
{
    return server->stats.connections >= server->settings.connections_max;
}

/* Pausing */

static void resume(struct http_server *server)
{
    if (!server->is_paused || server->resume || !server->bound || is_full(server))
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
    if (server->is_paused || !server->bound)
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
    struct http_server *server = servers;

    (void)listener;
    while (server && server->evhttp != arg)
        server = server->next;
    if (!server)
        return;
    pause_accepting(server, strerror(cause));
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    server->reserve_fd = -1;
    shed_idle(server);
    if (!server->resume)
        server->resume = loop_after(server->loop, PAUSE_MS, on_resume, server);
}

void server_conn_opened(struct http_server *server)
{
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
    list_each (fresh, after_fresh, &server->conns[CONN_FRESH])
        conn_adopt(list_entry(fresh, struct conn, node));
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

/* evhttp's side */

static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
    struct http_server *server = arg;
    /* Under TLS the socket is closed by the bufferevent that decrypts. */
    struct bufferevent *pipe =
        bufferevent_socket_new(base, -1, server->tls ? BEV_OPT_CLOSE_ON_FREE : 0);

    if (!pipe)
        abort();
    conn_new(server, pipe);
    server_conn_opened(server);
    server_settle_soon(server);
    return pipe;
}

static enum evhttp_cmd_type to_command(enum http_method method)
{
    static const enum evhttp_cmd_type commands[HTTP_METHOD_COUNT] = {
        [HTTP_GET] = EVHTTP_REQ_GET,         [HTTP_HEAD] = EVHTTP_REQ_HEAD,
        [HTTP_POST] = EVHTTP_REQ_POST,       [HTTP_PUT] = EVHTTP_REQ_PUT,
        [HTTP_PATCH] = EVHTTP_REQ_PATCH,     [HTTP_DELETE] = EVHTTP_REQ_DELETE,
        [HTTP_OPTIONS] = EVHTTP_REQ_OPTIONS,
    };

    return commands[method];
}

/* Only notes it: the handler runs once evhttp's frames are gone from the stack. What the guard did
 * not see in the same way is not noted, and refused. */
static void on_request(struct evhttp_request *ev, void *arg)
{
    struct http_server *server = arg;
    struct conn *conn = server->feeding;

    if (conn && evhttp_request_get_connection(ev) == conn->evcon &&
        evhttp_request_get_command(ev) == to_command(conn->guard.method) &&
        evbuffer_get_length(bufferevent_get_input(conn->pipe)) == 0 &&
        evbuffer_get_length(evhttp_request_get_input_buffer(ev)) == conn->guard.content_length &&
        strlen(evhttp_request_get_uri(ev)) == conn->guard.target_len)
        conn->dispatched = ev;
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
    server->listener = evconnlistener_new_bind(loop_base(server->loop), NULL, NULL, flags, BACKLOG,
                                               found->ai_addr, (int)found->ai_addrlen);
    if (!server->listener)
        log_error("http.listen.failed", "host=%s port=%s reason=%s", server->settings.host, port,
                  strerror(errno));
    freeaddrinfo(found);
    if (!server->listener)
        return false;
    /* Connections inherit it. */
    setsockopt(evconnlistener_get_fd(server->listener), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}

static bool start_evhttp(struct http_server *server)
{
    server->evhttp = evhttp_new(loop_base(server->loop));
    if (!server->evhttp)
        abort();
    /* The guard has refused what is beyond these before evhttp can. */
    evhttp_set_max_headers_size(server->evhttp, (ev_ssize_t)server->settings.head_max_bytes);
    evhttp_set_max_body_size(server->evhttp, (ev_ssize_t)server->settings.body_ceiling_bytes);
    evhttp_set_allowed_methods(server->evhttp, ALL_METHODS);
    evhttp_set_bevcb(server->evhttp, on_accept, server);
    evhttp_set_gencb(server->evhttp, on_request, server);
    if (!listen_on(server))
        return false;
    server->bound = evhttp_bind_listener(server->evhttp, server->listener);
    if (!server->bound)
        abort();
    evconnlistener_set_error_cb(server->listener, on_accept_error);
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

static void warn_of_unpatched_library(void)
{
    static bool is_told;

    if (!is_told && !dlsym(RTLD_DEFAULT, "evhttp_str_is_chunked_"))
        log_warn("http.libevent.unpatched", "version=%s needs=%s", event_get_version(),
                 "2.1.12-stable-8+deb12u1");
    is_told = true;
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
    for (int state = 0; state < CONN_STATE_COUNT; state++)
        list_init(&server->conns[state]);
    server->next = servers;
    servers = server;
    warn_of_unpatched_library();
    set_waits(server);
    bool wants_tls = settings.tls_cert_file && *settings.tls_cert_file;
    if (wants_tls)
        server->tls = tls_new(settings.tls_cert_file, settings.tls_key_file);
    if ((wants_tls && !server->tls) || !start_evhttp(server)) {
        http_server_free(server);
        return NULL;
    }
    return server;
}

int http_server_port(const struct http_server *server)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;

    if (!server->bound || getsockname(evconnlistener_get_fd(server->listener),
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

/* Connections that wait for a next request get a moment longer: one that is on its way is answered,
 * with Connection: close, rather than reset. */
void http_server_drain(struct http_server *server, void (*on_idle)(void *arg), void *arg)
{
    int64_t soon_us = clock_monotonic_us() + DRAIN_IDLE_MS * INT64_C(1000);

    server->is_draining = true;
    server->on_idle = on_idle;
    server->on_idle_arg = arg;
    if (server->bound)
        evhttp_del_accept_socket(server->evhttp, server->bound);
    server->bound = NULL;
    server->listener = NULL;
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

static void unlist(struct http_server *server)
{
    struct http_server **at = &servers;

    while (*at && *at != server)
        at = &(*at)->next;
    if (*at)
        *at = server->next;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    loop_timer_free(server->sweeper);
    loop_timer_free(server->resume);
    server->resume = NULL;
    loop_defer_cancel(server->loop, settle, server);
    server->is_settling = true;
    if (server->evhttp)
        evhttp_free(server->evhttp);
    server->bound = NULL;
    while (!list_is_empty(&server->conns[CONN_DOOMED]))
        conn_free(list_entry(server->conns[CONN_DOOMED].next, struct conn, node));
    while (server->arena_count)
        arena_free(server->arenas[--server->arena_count]);
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    if (server->tls)
        tls_free(server->tls);
    buf_done(&server->head);
    unlist(server);
    free(server);
}
