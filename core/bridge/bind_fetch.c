/* core.fetch.request{method=, url=, headers={["Name"]="v"}, body=, timeout_ms=,
 * connect_timeout_ms=, answer_max_bytes=, plain=} waits and returns {outcome=, status=, body=,
 * headers=f(name), problem=}. outcome: answered | not_sent | unknown | tls | too_large | refused.
 * plain = true allows http; public = true connects to no private address.
 * core.fetch.is_public(text) -> boolean | nil: text is no address. */
#include <lauxlib.h>
#include <lua.h>

#include "bridge/bind.h"
#include "bridge/co.h"
#include "bridge/fetch_request.h"
#include "bridge/state.h"
#include "fetch/address.h"

static void on_answer(void *arg, const struct fetch_answer *answer)
{
    struct co *co = arg;

    fetch_answer_push(co_lua(co), answer);
    co_resume(co, 1);
}

static int l_request(lua_State *L)
{
    const struct bridge_deps *deps = bridge_deps(L);
    const char *lines[FETCH_HEADERS_MAX];
    struct fetch_request request = fetch_request_check(L, lines);

    if (!deps->fetch)
        return luaL_error(L, "core.fetch: this process sends no requests");
    fetch_run(deps->fetch, &request, on_answer, co_suspend(L));
    return lua_yield(L, 0);
}

static int l_is_public(lua_State *L)
{
    struct sockaddr_storage address;

    if (!address_read(luaL_checkstring(L, 1), &address))
        return 0;
    lua_pushboolean(L, address_is_public((struct sockaddr *)&address));
    return 1;
}

int luaopen_core_fetch(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"request", l_request},
        {"is_public", l_is_public},
        {NULL, NULL},
    };

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
