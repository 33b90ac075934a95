/* From a request to a route's coroutine and back. A request is answered exactly once: by its
 * coroutine, or by its deadline, whichever comes first; the handle that Lua holds loses its request
 * at that moment, so a kept handle is an error and no dangling pointer. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "bridge/answers.h"
#include "bridge/bind.h"
#include "bridge/generation.h"
#include "bridge/json.h"
#include "crypto/hmac.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/router.h"
#include "loop/loop.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_HEADERS_MAX 24
#define VERSION_MAX       40
#define ETAG_SIZE         64 /* two quotes, a version, a dash and a fingerprint */

/* What Lua's creq is: a userdata whose fields are made when they are asked for. */
struct handle {
    struct http_request *request;   /* NULL once answered */
    const char *route;              /* the generation's */
    const struct http_match *match; /* NULL: no parameters */
};

/* In its coroutine's room. */
struct serving {
    struct generation *generation;
    struct co *co;
    struct http_request *request; /* NULL once answered */
    struct handle *handle;        /* kept by the coroutine */
    struct list node;             /* of the generation's deadlines, until answered */
    int64_t due_us;
    struct flight *flight; /* its answer is for others too; NULL: it is not, or was given */
};

enum field {
    FIELD_METHOD = 1,
    FIELD_PATH,
    FIELD_QUERY,
    FIELD_ID,
    FIELD_PEER,
    FIELD_ROUTE,
    FIELD_PARAMS,
    FIELD_COUNT
};

static const char *const field_names[FIELD_COUNT] = {
    [FIELD_METHOD] = "method", [FIELD_PATH] = "path", [FIELD_QUERY] = "query",
    [FIELD_ID] = "id",         [FIELD_PEER] = "peer", [FIELD_ROUTE] = "route",
    [FIELD_PARAMS] = "params",
};

static char handle_meta;

static struct handle *check_handle(lua_State *L)
{
    struct handle *handle = lua_touserdata(L, 1);

    if (!handle || lua_type(L, 1) != LUA_TUSERDATA)
        luaL_error(L, "a request was expected: call it with ':'");
    if (!handle->request)
        luaL_error(L, "this request has been answered already");
    return handle;
}

static int push_slice(lua_State *L, struct str text)
{
    if (text.at)
        lua_pushlstring(L, text.at, text.len);
    else
        lua_pushnil(L);
    return 1;
}

static int l_header(lua_State *L)
{
    struct handle *handle = check_handle(L);

    return push_slice(L, http_request_header(handle->request, luaL_checkstring(L, 2)));
}

static int l_body(lua_State *L)
{
    struct str body = http_request_body(check_handle(L)->request);

    lua_pushlstring(L, body.at ? body.at : "", body.len);
    return 1;
}

/* Names the user of this request, for the log. */
static int l_set_user(lua_State *L)
{
    struct handle *handle = check_handle(L);

    http_request_set_route(handle->request, handle->route, luaL_checkstring(L, 2));
    return 0;
}

static void push_params(lua_State *L, const struct http_match *match)
{
    lua_createtable(L, 0, match ? match->param_count : 0);
    for (int i = 0; match && i < match->param_count; i++) {
        lua_pushlstring(L, match->names[i].at, match->names[i].len);
        lua_pushlstring(L, match->values[i].at, match->values[i].len);
        lua_rawset(L, -3);
    }
}

static void push_field(lua_State *L, const struct handle *handle, enum field field)
{
    const struct http_request *request = handle->request;

    switch (field) {
    case FIELD_METHOD: lua_pushstring(L, http_method_name(http_request_method(request))); break;
    case FIELD_PATH: push_slice(L, http_request_path(request)); break;
    case FIELD_QUERY: push_slice(L, http_request_query(request)); break;
    case FIELD_ID: lua_pushstring(L, http_request_id(request)); break;
    case FIELD_PEER: lua_pushstring(L, http_request_peer(request)); break;
    case FIELD_ROUTE: lua_pushstring(L, handle->route); break;
    default: push_params(L, handle->match); break;
    }
}

/* creq.name: a method, or a field. Who outlives his request finds its fields in the environment. */
static int l_index(lua_State *L)
{
    const struct handle *handle = lua_touserdata(L, 1);
    enum field field;

    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    if (lua_type(L, -1) != LUA_TNUMBER)
        return 1;
    field = (enum field)lua_tointeger(L, -1);
    if (handle->request) {
        push_field(L, handle, field);
        return 1;
    }
    lua_getfenv(L, 1);
    lua_pushvalue(L, 2);
    lua_rawget(L, -2);
    return 1;
}

/* Its __index knows methods as functions and fields as their numbers. */
static void push_handle_meta(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"header", l_header}, {"body", l_body}, {"set_user", l_set_user}, {NULL, NULL}};

    lua_pushlightuserdata(L, &handle_meta);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_createtable(L, 0, 2);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    for (int field = 1; field < FIELD_COUNT; field++) {
        lua_pushinteger(L, field);
        lua_setfield(L, -2, field_names[field]);
    }
    lua_pushcclosure(L, l_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "request");
    lua_setfield(L, -2, "__metatable");
    lua_pushlightuserdata(L, &handle_meta);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

static struct handle *push_creq(lua_State *L,
                                struct http_request *request,
                                const struct http_match *match,
                                const char *route)
{
    struct handle *handle = lua_newuserdata(L, sizeof(*handle));
    struct http_match *kept = NULL;

    if (match->param_count) {
        kept = arena_alloc(http_request_arena(request), sizeof(*kept));
        *kept = *match;
    }
    *handle = (struct handle){request, route, kept};
    push_handle_meta(L);
    lua_setmetatable(L, -2);
    return handle;
}

/* Its coroutine goes on although the request is answered: what it knew of it stays known. */
static void keep_fields(struct serving *serving)
{
    lua_State *L = serving->generation->L;

    co_push_kept(serving->co, L);
    lua_createtable(L, 0, FIELD_COUNT);
    for (int field = 1; field < FIELD_COUNT; field++) {
        push_field(L, serving->handle, (enum field)field);
        lua_setfield(L, -2, field_names[field]);
    }
    lua_setfenv(L, -2);
    lua_pop(L, 1);
}

static void answered(struct serving *serving)
{
    serving->request = NULL;
    serving->handle->request = NULL;
    list_remove(&serving->node);
}

/* What a route's function returned: status, body, headers, where an ETag is wanted the row's
 * version
 * ("" for none), whether only this user may keep the answer, and what it shows. */
struct reply {
    int status;
    struct str body;
    struct http_header headers[REPLY_HEADERS_MAX];
    int header_count;
    char etag[ETAG_SIZE];
};

static void drop_header(struct reply *reply, const char *name)
{
    for (int i = 0; i < reply->header_count; i++)
        if (strcasecmp(reply->headers[i].name, name) == 0)
            reply->headers[i--] = reply->headers[--reply->header_count];
}

/* "version-hash", or "hash" without a version. */
static void write_etag(char out[ETAG_SIZE], struct str version, struct str body)
{
    if (version.len > VERSION_MAX)
        version.len = VERSION_MAX;
    *out++ = '"';
    memcpy(out, version.at, version.len);
    out += version.len;
    if (version.len)
        *out++ = '-';
    fingerprint_hex(body, out);
    memcpy(out + FINGERPRINT_HEX_SIZE - 1, "\"", 2);
}

static void add_etag(struct reply *reply, struct str version, bool is_own)
{
    write_etag(reply->etag, version, reply->body);
    drop_header(reply, "Cache-Control");
    reply->headers[reply->header_count++] = (struct http_header){"ETag", reply->etag};
    reply->headers[reply->header_count++] =
        (struct http_header){"Cache-Control", is_own ? "private, no-cache" : "no-cache"};
}

/* Kinds and ids in turn; or false: it is nobody else's. NULL: the route did not say. */
static const struct cache_marks_of *take_shown(lua_State *L, int index, struct cache_marks_of *out)
{
    if (!lua_istable(L, index)) {
        out->count = 0;
        return lua_isboolean(L, index) ? out : NULL;
    }
    cache_marks_of_init(out);
    for (int i = 1, count = (int)lua_objlen(L, index); i + 1 <= count; i += 2) {
        struct str kind, id;

        lua_rawgeti(L, index, i);
        lua_rawgeti(L, index, i + 1);
        kind.at = lua_tolstring(L, -2, &kind.len);
        id.at = lua_tolstring(L, -1, &id.len);
        if (!kind.at || !id.at || !cache_marks_of_add(out, kind, id))
            out->count = 0;
        lua_pop(L, 2);
        if (out->count == 0)
            break;
    }
    return out;
}

/* What others get too is made whole; each of them may have a copy of it. */
static void end_flight(struct serving *serving, lua_State *L, const struct reply *reply)
{
    struct cache_marks_of shown;
    struct http_request *request = serving->request;

    answered(serving);
    answers_end(serving->flight, request,
                &(struct answers_made){.status = reply->status,
                                       .headers = reply->headers,
                                       .header_count = reply->header_count,
                                       .body = reply->body,
                                       .shows = take_shown(L, 6, &shown)});
}

/* NULL, or why it has no JSON. What is a userdata and no text of ours is no body. */
static const char *take_body(lua_State *L, int index, struct str *body)
{
    struct str raw;

    switch (lua_type(L, index)) {
    case LUA_TNIL: return NULL;
    case LUA_TSTRING: body->at = lua_tolstring(L, index, &body->len); return NULL;
    case LUA_TUSERDATA:
        raw = json_raw_text(L, index);
        if (raw.at)
            *body = raw;
        return NULL;
    default: return json_text_of(L, index, body);
    }
}

/* NULL, or why the body has no JSON: then nothing was answered. */
static const char *reply_with(struct serving *serving, lua_State *L)
{
    struct reply reply = {.status = (int)lua_tointeger(L, 1), .body = {"", 0}};
    struct http_request *request = serving->request;
    const char *refusal = take_body(L, 2, &reply.body);
    struct str version;

    reply.header_count = bridge_take_headers(L, 3, reply.headers, REPLY_HEADERS_MAX - 2);
    if (refusal)
        return refusal;
    version.at = lua_tolstring(L, 4, &version.len);
    if (version.at)
        add_etag(&reply, version, lua_toboolean(L, 5));
    if (serving->flight) {
        end_flight(serving, L, &reply);
        return NULL;
    }
    if (*reply.etag && answers_has_copy(request, reply.etag)) {
        drop_header(&reply, "Content-Type");
        reply.status = 304;
        reply.body.len = 0;
    }
    answered(serving);
    http_reply(request, reply.status, reply.headers, reply.header_count, reply.body);
    return NULL;
}

static void reply_failure(struct serving *serving, lua_State *L, int index)
{
    struct http_request *request = serving->request;

    answered(serving);
    answers_fail(serving->flight, false);
    bridge_reply_error(serving->generation, request, L, index);
}

static void reply_returned(struct serving *serving, lua_State *L)
{
    const char *refusal = "the route returned neither a status nor an error";

    if (lua_gettop(L) >= 1 && lua_type(L, 1) == LUA_TNUMBER) {
        lua_settop(L, 6);
        refusal = reply_with(serving, L);
    } else if (lua_gettop(L) >= 2) {
        reply_failure(serving, L, lua_gettop(L));
        return;
    }
    if (!refusal)
        return;
    lua_settop(L, 0);
    lua_pushfstring(L, "route %s: %s", serving->handle->route, refusal);
    reply_failure(serving, L, 1);
}

static void on_route_end(void *arg, lua_State *L, bool is_ok)
{
    struct serving *serving = arg;

    if (serving->request && is_ok)
        reply_returned(serving, L);
    else if (serving->request)
        reply_failure(serving, L, 1);
    if (is_ok && lua_gettop(L) >= 2)
        json_give_back(L, 2);
}

static void refuse_late(struct serving *serving)
{
    struct http_request *request = serving->request;
    struct http_problem problem = {.err = ERR_STATEMENT_TIMEOUT};

    keep_fields(serving);
    answered(serving);
    answers_fail(serving->flight, true);
    serving->flight = NULL;
    http_reply_problem(request, &problem);
}

static void on_deadline(void *arg);

static void watch_deadline(struct generation *generation, int64_t wait_us)
{
    generation->deadline =
        loop_after(generation->deps.loop, wait_us / 1000 + 1, on_deadline, generation);
}

/* Most requests are long answered by then: one timer looks after all, and comes back when the first
 * of those still there is due. */
static void on_deadline(void *arg)
{
    struct generation *generation = arg;
    int64_t now_us = clock_monotonic_us();

    loop_timer_free(generation->deadline);
    generation->deadline = NULL;
    while (!list_is_empty(&generation->deadlines)) {
        struct serving *first = list_entry(generation->deadlines.next, struct serving, node);

        if (first->due_us > now_us) {
            watch_deadline(generation, first->due_us - now_us);
            return;
        }
        refuse_late(first);
    }
}

static void await_deadline(struct generation *generation, struct serving *serving)
{
    int64_t wait_us = generation->request_timeout_ms * 1000;

    serving->due_us = clock_monotonic_us() + wait_us;
    list_add_last(&generation->deadlines, &serving->node);
    if (!generation->deadline)
        watch_deadline(generation, wait_us);
}

/* What each route looks at first goes with the call, for asking creq costs more than the answer.
 * Authorization, where the route asks who it is (or the serial of its token); and of what may have
 * a body that, Content-Type, If-Match and Idempotency-Key. */
static int push_sent(lua_State *L, struct http_request *request, bool asks_who)
{
    enum http_method method = http_request_method(request);

    if (asks_who)
        bridge_push_authorization(L, http_request_header(request, "Authorization"));
    else
        lua_pushnil(L);
    if (method == HTTP_GET || method == HTTP_HEAD)
        return 1;
    push_slice(L, http_request_body(request));
    push_slice(L, http_request_header(request, "Content-Type"));
    push_slice(L, http_request_header(request, "If-Match"));
    push_slice(L, http_request_header(request, "Idempotency-Key"));
    return 5;
}

static void start(struct generation *generation,
                  struct http_request *request,
                  const struct http_match *match,
                  struct flight *flight)
{
    struct generation_route *route = &generation->routes[match->route];
    struct co *co = co_new(generation, on_route_end, NULL);
    struct serving *serving = co_room(co);
    lua_State *L = co_lua(co);

    _Static_assert(sizeof(*serving) <= CO_ROOM_BYTES, "a coroutine has no room for it");
    serving->generation = generation;
    serving->co = co;
    serving->request = request;
    serving->flight = flight;
    lua_rawgeti(L, LUA_REGISTRYINDEX, route->run_ref);
    serving->handle = push_creq(L, request, match, route->id);
    lua_pushvalue(L, -1);
    co_keep(co);
    push_slice(L, http_request_query(request));
    await_deadline(generation, serving);
    http_request_set_route(request, route->id, NULL);
    co_start(co, 2 + push_sent(L, request, route->asks_who));
}

static void refuse_unrouted(struct http_request *request, const struct http_match *match)
{
    struct http_problem problem = {.err = ERR_NOT_FOUND, .message = "there is no such path"};

    if (match->is_path_known)
        problem = (struct http_problem){.err = ERR_METHOD_NOT_ALLOWED, .allow = match->allow};
    http_request_set_route(request, "unmatched", NULL);
    http_reply_problem(request, &problem);
}

void generation_serve(struct generation *generation, struct http_request *request)
{
    struct http_match match;
    const struct generation_route *route;

    if (answers_hit(generation->answers, request))
        return;
    http_router_match(generation->router, http_request_method(request), http_request_path(request),
                      http_request_arena(request), &match);
    if (match.route < 0) {
        refuse_unrouted(request, &match);
        return;
    }
    route = &generation->routes[match.route];
    if (!answers_wait(generation->answers, route, request))
        start(generation, request, &match, answers_begin(generation->answers, route, request));
}

/* Its route is there: it was found before. */
void generation_serve_alone(struct generation *generation, struct http_request *request)
{
    struct http_match match;

    http_router_match(generation->router, http_request_method(request), http_request_path(request),
                      http_request_arena(request), &match);
    start(generation, request, &match, NULL);
}

/* Most bodies are so small that nobody has to ask whose they are. */
bool generation_takes_body(const struct generation *generation,
                           int method,
                           struct str path,
                           size_t len)
{
    size_t body_max = generation->body_max;
    struct arena *arena;
    struct http_match match;

    if (len <= generation->body_floor)
        return true;
    arena = arena_new();
    http_router_match(generation->router, method, path, arena, &match);
    if (match.route >= 0)
        body_max = generation->routes[match.route].body_max;
    arena_free(arena);
    return len <= body_max;
}

struct run_end {
    generation_done_fn *done;
    void *arg;
};

static void on_run_end(void *arg, lua_State *L, bool is_ok)
{
    struct run_end *end = arg;
    bool is_refused = is_ok && lua_gettop(L) >= 2 && lua_isnil(L, 1);
    const char *text;

    if (!is_ok && lua_isstring(L, 1))
        lua_pushfstring(L, "%s\n%s", lua_tostring(L, 1), lua_tostring(L, 2));
    else if (!is_ok)
        lua_settop(L, 1);
    if (is_refused && lua_istable(L, 2))
        lua_getfield(L, 2, "message");
    text = lua_gettop(L) && lua_isstring(L, -1) ? lua_tostring(L, -1) : "";
    end->done(end->arg, is_ok && !is_refused, text);
    free(end);
}

void generation_run(struct generation *generation,
                    const char *module,
                    const char *const *args,
                    generation_done_fn *done,
                    void *arg)
{
    struct run_end *end = malloc(sizeof(*end));
    struct co *co;
    lua_State *L;
    int count = 0;

    if (!end)
        abort();
    *end = (struct run_end){done, arg};
    co = co_new(generation, on_run_end, end);
    L = co_lua(co);
    /* `return require(module)(...)`, so that an error in require is the coroutine's. */
    luaL_loadstring(L, "local module = ... return require(module)(select(2, ...))");
    lua_pushstring(L, module);
    for (; args && args[count]; count++)
        lua_pushstring(L, args[count]);
    co_start(co, count + 1);
}
