/* What handlers see of a request. Path, query and headers are slices of the head, which lives in
 * the request's arena until the reply. */
#include "http/request.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "http/conn.h"

#define REQUEST_ID_TAKEN_MAX 64
#define TRACEPARENT_LEN      55

enum http_method http_request_method(const struct http_request *request)
{
    return request->method;
}

struct str http_request_path(const struct http_request *request)
{
    return request->path;
}

struct str http_request_query(const struct http_request *request)
{
    return request->query;
}

struct str http_request_header(const struct http_request *request, const char *name)
{
    size_t len = strlen(name);

    for (int i = 0; i < request->header_count; i++) {
        const struct request_header *header = &request->headers[i];
        if (header->name.len == len && strncasecmp(header->name.at, name, len) == 0)
            return header->value;
    }
    return (struct str){0};
}

struct str http_request_body(struct http_request *request)
{
    return buf_str(&request->body);
}

const char *http_request_id(const struct http_request *request)
{
    return request->id;
}

const char *http_request_peer(const struct http_request *request)
{
    return request->peer;
}

int64_t http_request_started_us(const struct http_request *request)
{
    return request->started_us;
}

struct arena *http_request_arena(struct http_request *request)
{
    return request->arena;
}

void http_request_set_route(struct http_request *request, const char *route, const char *user_id)
{
    if (route)
        request->route = arena_copy(request->arena, str_from(route));
    if (user_id)
        request->user_id = arena_copy(request->arena, str_from(user_id));
}

void http_request_on_gone(struct http_request *request, void (*gone)(void *arg), void *arg)
{
    request->gone = gone;
    request->gone_arg = arg;
}

void request_gone(struct http_request *request)
{
    void (*gone)(void *arg) = request->gone;

    request->conn = NULL;
    request->gone = NULL;
    if (gone)
        gone(request->gone_arg);
}

void request_id_make(struct http_server *server, char out[REQUEST_ID_SIZE])
{
    uint32_t number = ++server->id_next;
    size_t prefix_len = sizeof server->id_prefix - 1;

    memcpy(out, server->id_prefix, prefix_len);
    for (int i = 7; i >= 0; i--, number >>= 4)
        out[prefix_len + (size_t)i] = "0123456789abcdef"[number & 15];
    out[prefix_len + 8] = '\0';
}

static bool is_id_sane(struct str id)
{
    if (id.len == 0 || id.len > REQUEST_ID_TAKEN_MAX)
        return false;
    return strspn(id.at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
           id.len;
}

/* 2-32-16-2 lower hex; all zero, or version ff, is none. */
static bool is_trace_sane(struct str trace)
{
    static const size_t ends[] = {2, 35, 52, 55};
    size_t at = 0;

    if (trace.len != TRACEPARENT_LEN || memcmp(trace.at, "ff", 2) == 0)
        return false;
    for (size_t part = 0; part < 4; part++) {
        bool is_zero = true;
        for (; at < ends[part]; at++) {
            if (!strchr("0123456789abcdef", trace.at[at]))
                return false;
            is_zero = is_zero && trace.at[at] == '0';
        }
        if (is_zero && (part == 1 || part == 2))
            return false;
        if (part < 3 && trace.at[at++] != '-')
            return false;
    }
    return true;
}

/* Is address, as text, in the list of the settings? */
static bool is_trusted(const char *list, const char *address)
{
    size_t len = strlen(address);

    while (list && *list) {
        list += strspn(list, ", \t");
        size_t item_len = strcspn(list, ", \t");
        if (item_len == len && memcmp(list, address, len) == 0)
            return true;
        list += item_len;
    }
    return false;
}

static bool is_address(const char *text)
{
    unsigned char parsed[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, parsed) == 1 || inet_pton(AF_INET6, text, parsed) == 1;
}

/* Walks X-Forwarded-For from its end, the newest hop, as long as those who added to it are trusted.
 * What an untrusted client has written in it is never looked at. */
static const char *forwarded_peer(struct http_request *request, const char *peer)
{
    const char *trusted = request->server->settings.trusted_proxies;
    const char *all = "";

    if (!is_trusted(trusted, peer))
        return peer;
    for (int i = 0; i < request->header_count; i++)
        if (str_eq_nocase(request->headers[i].name, STR("X-Forwarded-For")))
            all = arena_printf(request->arena, "%s,%s", all, request->headers[i].value.at);
    for (size_t end = strlen(all); end > 0;) {
        size_t start = end;
        char hop[ADDRESS_SIZE];
        while (start > 0 && all[start - 1] != ',')
            start--;
        if (sscanf(all + start, " %63[0-9A-Fa-f.:]", hop) != 1 || !is_address(hop))
            return peer;
        peer = arena_copy(request->arena, str_from(hop));
        if (!is_trusted(trusted, peer))
            return peer;
        end = start > 0 ? start - 1 : 0;
    }
    return peer;
}

static void read_identity(struct http_request *request)
{
    struct str id = http_request_header(request, "X-Request-Id");
    struct str trace = http_request_header(request, "traceparent");
    const char *proxies = request->server->settings.trusted_proxies;

    if (is_id_sane(id)) {
        request->id = id.at;
    } else {
        char *made = arena_alloc(request->arena, REQUEST_ID_SIZE);
        request_id_make(request->server, made);
        request->id = made;
    }
    if (is_trace_sane(trace))
        request->traceparent = trace.at;
    request->peer = arena_copy(request->arena, str_from(request->conn->peer));
    if (proxies && *proxies)
        request->peer = forwarded_peer(request, request->peer);
}

struct arena *arena_take(struct http_server *server)
{
    return server->arena_count ? server->arenas[--server->arena_count] : arena_new();
}

void arena_give(struct http_server *server, struct arena *arena)
{
    if (arena && server->arena_count < ARENAS_KEPT_MAX) {
        arena_reset(arena);
        server->arenas[server->arena_count++] = arena;
    } else {
        arena_free(arena);
    }
}

/* The guard has passed the head: each line is name, colon, value, CR LF, and an empty one the last.
 */
static void index_headers(struct http_request *request, char *head)
{
    struct request_header *header;
    char *at = strchr(head, '\n') + 1, *end;
    int lines = request->conn->guard.lines - 2; /* without the first and the empty one */

    request->headers = header = arena_alloc(request->arena, (size_t)lines * sizeof *header);
    request->header_count = lines;
    for (; lines > 0; lines--, header++, at = end + 1) {
        char *colon = strchr(at, ':'), *stop;
        end = strchr(colon, '\n');
        for (stop = end - 1; stop > colon + 1 && (stop[-1] == ' ' || stop[-1] == '\t'); stop--)
            ;
        header->name = (struct str){at, (size_t)(colon - at)};
        for (at = colon + 1; at < stop && (*at == ' ' || *at == '\t'); at++)
            ;
        header->value = (struct str){at, (size_t)(stop - at)};
        *colon = *stop = '\0';
    }
}

struct http_request *request_new(struct conn *conn)
{
    struct http_server *server = conn->server;
    struct arena *arena = conn->arena;
    struct http_request *request = arena_alloc(arena, sizeof *request);
    char *uri = conn->head + conn->guard.target_at;

    uri[conn->guard.target_len] = '\0';
    size_t path_len = strcspn(uri, "?");

    *request = (struct http_request){
        .server = server,
        .conn = conn,
        .arena = arena,
        .method = conn->guard.method,
        .path = {uri, path_len},
        .body = conn->body,
        .body_bytes = conn->guard.content_length,
        .query = str_from(uri + path_len + (uri[path_len] == '?')),
        .started_us = server->now_us,
    };
    conn->arena = NULL;
    conn->body = (struct buf){0};
    server->in_flight++;
    index_headers(request, uri + conn->guard.target_len + 1);
    read_identity(request);
    return request;
}

void request_free(struct http_request *request)
{
    struct http_server *server = request->server;
    struct arena *arena = request->arena;

    server->in_flight--;
    if (server->is_draining)
        server_settle_soon(server);
    buf_done(&request->body);
    arena_give(server, arena);
}

void http_request_add_header(struct http_request *request, const char *name, const char *value)
{
    if (request->extra_count < REQUEST_EXTRA_MAX)
        request->extra[request->extra_count++] = (struct http_header){name, value};
}
