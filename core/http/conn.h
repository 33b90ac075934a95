/* One client's connection: private to http. We read, let the guard look, make the request of what
 * it has passed, and write the reply: one read, one write and no epoll_ctl a request. */
#ifndef SOUK_HTTP_CONN_H
#define SOUK_HTTP_CONN_H

#include "base/buf.h"
#include "base/list.h"
#include "http/guard.h"
#include "http/reply.h"
#include "http/server.h"
#include <event2/bufferevent.h>
#include <sys/socket.h>

struct arena;
struct evbuffer;
struct evconnlistener;
struct event_base;
struct loop_timer;
struct loop_watch;
struct ssl_ctx_st;
struct conn;

/* Where a connection is. It is always in the server's list of its state, oldest first: as all in
 * one list wait equally long, the timer looks at heads of lists only. */
enum conn_state {
    CONN_IDLE,   /* between messages */
    CONN_HEAD,   /* a head has begun */
    CONN_BODY,   /* a body is coming */
    CONN_READY,  /* answered, and more was sent already */
    CONN_BUSY,   /* a handler has its request */
    CONN_WRITE,  /* the client has not taken the whole reply yet */
    CONN_LINGER, /* answered for the last time; reads on so that no reset overtakes the answer */
    CONN_DOOMED, /* is closed at the end of this turn */
    CONN_STATE_COUNT
};

#define ARENAS_KEPT_MAX 64
#define READ_SIZE       32768
#define REQUEST_ID_SIZE 65
#define ADDRESS_SIZE    64

/* A reply that waits for others, see held.c. */
#define HELD_MAX    16
#define HELD_MAX_US 200

struct held {
    struct conn *conn; /* NULL: it is gone */
    struct buf bytes;
};

struct http_server {
    struct loop *loop;
    struct http_settings settings;
    struct http_hooks hooks;
    struct guard_limits limits;
    struct evconnlistener *listener; /* NULL once draining */
    struct ssl_ctx_st *tls;
    struct list conns[CONN_STATE_COUNT];
    int64_t wait_us[CONN_STATE_COUNT]; /* 0: for ever */
    int64_t now_us;                    /* of this event */
    struct loop_timer *sweeper, *resume;
    bool is_settling; /* server_settle is deferred */
    bool is_paused, is_draining;
    int reserve_fd; /* -1 while given up to whoever needs a descriptor */
    int64_t logged_pause_us, logged_refusal_us; /* one line a second each */
    int64_t unlogged_refusals;
    int in_flight; /* requests that handlers hold, of clients that left too */
    void (*on_idle)(void *arg);
    void *on_idle_arg;
    struct http_server_stats stats;
    char id_prefix[17];
    uint32_t id_next;
    int64_t date_until_us;
    char date[40];
    struct arena *arenas[ARENAS_KEPT_MAX];
    int arena_count;
    struct buf head, problem; /* of the reply being written; the body of one that refuses */
    struct held held[HELD_MAX];
    int held_count;
    int64_t held_us; /* since when the first waits */
    char read_buffer[READ_SIZE];
};

struct conn {
    struct list node;
    struct http_server *server;
    enum conn_state state;
    int64_t deadline_us;
    int fd;                   /* closed with tls, where that is */
    struct loop_watch *watch; /* NULL under TLS */
    struct bufferevent *tls;
    struct http_request *request; /* BUSY: a handler holds it */
    struct evbuffer *in;          /* read ahead of the reply; NULL when never needed */
    struct evbuffer *out;         /* of a plain connection: not yet taken by the client */
    struct arena *arena;          /* of the request that is coming, once its head has passed … */
    char *head;                   /* … and is kept there */
    struct buf body;              /* of it, as it comes */
    size_t held_len;              /* of its reply, if that waits in the server's held */
    size_t out_at_check;
    struct guard guard;
    bool is_pumping;
    bool has_more; /* was sent behind the request, when that was whole */
    bool is_last;  /* close after the reply in flight */
    char peer[ADDRESS_SIZE];
};

/* Lives in its own arena: gone with the reply. */
#define REQUEST_EXTRA_MAX 8

/* Slices of the head, each with a NUL behind it. */
struct request_header {
    struct str name, value;
};

struct http_request {
    struct http_server *server;
    struct conn *conn; /* NULL: the client left */
    struct arena *arena;
    enum http_method method;
    struct str path, query;
    struct buf body;
    const struct request_header *headers;
    int header_count;
    size_t body_bytes;
    const char *id, *peer, *route, *user_id, *traceparent;
    int64_t started_us;
    struct http_header extra[REQUEST_EXTRA_MAX]; /* for whatever reply it gets */
    int extra_count;
    void (*gone)(void *arg);
    void *gone_arg;
};

/* server.c */
void server_settle_soon(struct http_server *server);
void server_conn_closed(struct http_server *server);

/* request.c */
/* Of the message that the guard has passed; the arena, the head in it and the body are its own now.
 */
struct http_request *request_new(struct conn *conn);
void request_free(struct http_request *request);
struct arena *arena_take(struct http_server *server);
void arena_give(struct http_server *server, struct arena *arena); /* takes NULL */
/* The client left: whoever handles it is told, and the reply will only free. */
void request_gone(struct http_request *request);
void request_id_make(struct http_server *server, char out[REQUEST_ID_SIZE]);

/* reply.c: a whole reply made outside a request, path may be empty. False: the client is gone. */
bool reply_refusal(struct conn *conn, const struct http_problem *problem, struct str path);

/* held.c */
/* Keeps a whole reply until the end of the turn at most; whole is another buffer then. False: it
 * cannot wait. The caller goes on as after any reply that was not taken yet (conn_replied). */
bool held_add(struct conn *conn, struct buf *whole);
void held_send(struct http_server *server);      /* all of them */
void held_send_late(struct http_server *server); /* if they have waited long enough */
void held_forget(const struct conn *conn);

/* tls.c */
struct ssl_ctx_st *tls_new(const char *cert_file, const char *key_file); /* NULL: logged why */
void tls_free(struct ssl_ctx_st *tls);
/* Owns and closes fd. NULL: it could not be made. */
struct bufferevent *tls_accept(struct ssl_ctx_st *tls, struct event_base *base, int fd);
/* Tells the peer that nothing follows. */
void tls_end(struct bufferevent *wrapped);

/* conn.c */
void conn_new(struct http_server *server, int fd, const struct sockaddr *peer, socklen_t peer_len);
void conn_pump(struct conn *conn, const char *at, size_t len);
/* Answers and closes; only where no handler holds a request. */
void conn_refuse(struct conn *conn, const struct http_problem *problem, struct str path);
/* Sends, and keeps what the client does not take now. False: the client is gone. */
bool conn_send(struct conn *conn, struct str head, struct str body);
/* The same of a reply that was held. */
void conn_send_held(struct conn *conn, struct str reply);
/* The reply in flight was handed to conn_send, or held. */
void conn_replied(struct conn *conn);
void conn_doom(struct conn *conn);
/* The other end gets a reset instead of an end. To be doomed next. */
void conn_reset(struct conn *conn);
void conn_free(struct conn *conn);
/* What a deadline that has passed means in this state. */
void conn_expired(struct conn *conn);

#endif
