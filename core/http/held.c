/* Refusals that wait for one another. Whoever stands before us sleeps until an answer comes, and to
 * wake it costs as much as half of a short answer: where many are refused at a time, what is sold
 * out for one, they are sent side by side, and it wakes once. What succeeds never waits. The one
 * difficulty: to the connection such a reply is as good as one that its client has not taken yet,
 * so all that ends a connection in that state holds here too. */
#include "http/conn.h"

#include <event2/buffer.h>

#include "loop/loop.h"

static void send_all(void *arg)
{
    struct http_server *server = arg;
    int count = server->held_count;

    server->held_count = 0;
    for (int i = 0; i < count; i++) {
        struct held *held = &server->held[i];
        if (held->conn)
            conn_send_held(held->conn, buf_str(&held->bytes));
        held->conn = NULL;
    }
}

void held_send(struct http_server *server)
{
    if (server->held_count == 0)
        return;
    loop_defer_cancel(server->loop, send_all, server);
    send_all(server);
}

void held_send_late(struct http_server *server)
{
    if (server->held_count && server->now_us - server->held_us >= HELD_MAX_US)
        held_send(server);
}

/* Whoever has sent more than the request is not kept from having that answered at once. */
static bool may_wait(const struct conn *conn)
{
    bool has_more =
        conn->has_more || (!conn->is_pumping && conn->in && evbuffer_get_length(conn->in) > 0);

    return !conn->tls && !conn->is_last && !has_more &&
           !(conn->out && evbuffer_get_length(conn->out));
}

bool held_add(struct conn *conn, struct buf *whole)
{
    struct http_server *server = conn->server;
    struct held *held;
    struct buf spare;

    if (!may_wait(conn))
        return false;
    if (server->held_count == HELD_MAX)
        held_send(server);
    held = &server->held[server->held_count];
    spare = held->bytes;
    conn->held_len = whole->len;
    held->conn = conn;
    held->bytes = *whole;
    *whole = spare;
    if (server->held_count++ == 0) {
        server->held_us = server->now_us;
        loop_defer(server->loop, send_all, server);
    }
    return true;
}

void held_forget(const struct conn *conn)
{
    struct http_server *server = conn->server;

    for (int i = 0; i < server->held_count && conn->held_len; i++)
        if (server->held[i].conn == conn)
            server->held[i].conn = NULL;
}
