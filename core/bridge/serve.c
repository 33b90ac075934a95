/* From a request to a route's coroutine and back. A request is answered exactly once: by its
 * coroutine, or by its deadline, whichever comes first; the handle that Lua holds loses its request
 * at that moment, so a kept handle is an error and no dangling pointer. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/list.h"
#include "bridge/generation.h"
#include "bridge/json.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/router.h"
#include "loop/loop.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_HEADERS_MAX 24

/* What Lua's creq is: a userdata. */
struct handle {
    struct http_request *request; /* NULL once answered */
    const char *route;            /* the generation's */
};

struct serving {
    struct generation *generation;
    struct http_request *request; /* NULL once answered */
    struct handle
        *handle; /* alive while the coroutine runs: it lies on its stack or in handle_ref */
    int handle_ref;
    struct list node; /* of the generation's deadlines, until answered */
    int64_t due_us;
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

static int push_handle_meta(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"header", l_header}, {"body", l_body}, {"set_user", l_set_user}, {NULL, NULL}};

    lua_pushlightuserdata(L, &handle_meta);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (!lua_isnil(L, -1))
        return 1;
    lua_pop(L, 1);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_pushlightuserdata(L, &handle_meta);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    return 1;
}

static void set_field(lua_State *L, const char *name, struct str value)
{
    lua_pushlstring(L, value.at, value.len);
    lua_setfield(L, -2, name);
}

static void push_fields(lua_State *L,
                        struct http_request *request,
                        const struct http_match *match,
                        const char *route)
{
    lua_createtable(L, 0, 10);
    set_field(L, "method", str_from(http_method_name(http_request_method(request))));
    set_field(L, "path", http_request_path(request));
    set_field(L, "query", http_request_query(request));
    set_field(L, "id", str_from(http_request_id(request)));
    set_field(L, "peer", str_from(http_request_peer(request)));
    set_field(L, "route", str_from(route));
    lua_createtable(L, 0, match->param_count);
    for (int i = 0; i < match->param_count; i++) {
        lua_pushlstring(L, match->names[i].at, match->names[i].len);
        lua_pushlstring(L, match->values[i].at, match->values[i].len);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "params");
}

static int l_handle_method(lua_State *L)
{
    lua_rawgeti(L, 1, 1);
    lua_replace(L, 1);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* creq is a table: plain fields, [1] the userdata, and methods that look there. */
static struct handle *
push_creq(lua_State *L, struct serving *serving, const struct http_match *match, const char *route)
{
    struct handle *handle;

    push_fields(L, serving->request, match, route);
    handle = lua_newuserdata(L, sizeof(*handle));
    handle->request = serving->request;
    handle->route = route;
    lua_rawseti(L, -2, 1);
    push_handle_meta(L);
    lua_getfield(L, -1, "__index");
    if (lua_isnil(L, -1)) {
        lua_newtable(L);
        for (const char *const *name = (const char *const[]){"header", "body", "set_user", NULL};
             *name; name++) {
            lua_getfield(L, -3, *name);
            lua_pushcclosure(L, l_handle_method, 1);
            lua_setfield(L, -2, *name);
        }
        lua_setfield(L, -3, "__index");
    }
    lua_pop(L, 1);
    lua_setmetatable(L, -2);
    return handle;
}

static void answered(struct serving *serving)
{
    serving->request = NULL;
    serving->handle->request = NULL;
    list_remove(&serving->node);
}

static void reply_with(struct serving *serving, lua_State *L)
{
    struct http_header headers[REPLY_HEADERS_MAX];
    int count = bridge_take_headers(L, 3, headers, REPLY_HEADERS_MAX);
    struct http_request *request = serving->request;
    struct str body = {"", 0};

    if (lua_type(L, 2) == LUA_TSTRING)
        body.at = lua_tolstring(L, 2, &body.len);
    else if (json_raw_text(L, 2).at)
        body = json_raw_text(L, 2);
    answered(serving);
    http_reply(request, (int)lua_tointeger(L, 1), headers, count, body);
}

static void on_route_end(void *arg, lua_State *L, bool is_ok)
{
    struct serving *serving = arg;
    struct http_request *request = serving->request;

    if (serving->request) {
        int top = lua_gettop(L);
        if (is_ok && top >= 1 && lua_type(L, 1) == LUA_TNUMBER) {
            lua_settop(L, 3);
            reply_with(serving, L);
        } else {
            if (is_ok && top < 2) {
                lua_settop(L, 0);
                lua_pushliteral(L, "the route returned neither a status nor an error");
            }
            answered(serving);
            bridge_reply_error(serving->generation, request, L, is_ok ? lua_gettop(L) : 1);
        }
    }
    luaL_unref(L, LUA_REGISTRYINDEX, serving->handle_ref);
    free(serving);
}

static void refuse_late(struct serving *serving)
{
    struct http_request *request = serving->request;
    struct http_problem problem = {.err = ERR_STATEMENT_TIMEOUT};

    answered(serving);
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

static void
start(struct generation *generation, struct http_request *request, const struct http_match *match)
{
    struct generation_route *route = &generation->routes[match->route];
    struct serving *serving = calloc(1, sizeof(*serving));
    struct co *co;
    lua_State *L;

    if (!serving)
        abort();
    serving->generation = generation;
    serving->request = request;
    co = co_new(generation, on_route_end, serving);
    L = co_lua(co);
    lua_rawgeti(L, LUA_REGISTRYINDEX, route->run_ref);
    serving->handle = push_creq(L, serving, match, route->id);
    lua_rawgeti(L, -1, 1);
    serving->handle_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    await_deadline(generation, serving);
    http_request_set_route(request, route->id, NULL);
    co_start(co, 1);
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

    http_router_match(generation->router, http_request_method(request), http_request_path(request),
                      http_request_arena(request), &match);
    if (match.route < 0)
        refuse_unrouted(request, &match);
    else
        start(generation, request, &match);
}

size_t generation_body_max(const struct generation *generation, int method, struct str path)
{
    size_t body_max = (size_t)conf_int(generation->deps.conf, "http.body_max_bytes");
    struct arena *arena = arena_new();
    struct http_match match;

    http_router_match(generation->router, method, path, arena, &match);
    if (match.route >= 0)
        body_max = generation->routes[match.route].body_max;
    arena_free(arena);
    return body_max;
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
