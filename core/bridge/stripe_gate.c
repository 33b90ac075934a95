/* core.stripe.send{… of core.fetch.request, lane=, deadline_ms=, background=} waits and returns
 * what core.fetch.request does; outcome "refused" with problem breaker_open, queue_full or waited:
 * it did not go. away_s() -> whole seconds until Stripe is asked again, 0 usually. breaker(open_ms)
 * and bucket(per_s, burst) -> those parts by themselves, for specs: both take the time as an
 * argument. */
#include "bridge/stripe_gate.h"

#include "bridge/co.h"
#include "bridge/fetch_request.h"
#include "bridge/state.h"
#include "stripe/gate.h"
#include <lauxlib.h>
#include <lua.h>

#define DEADLINE_MS     20000
#define DEADLINE_MAX_MS 600000
#define BREAKER         "souk.stripe_breaker"

static void on_answer(void *arg, const struct fetch_answer *answer)
{
    struct co *co = arg;

    fetch_answer_push(co_lua(co), answer);
    co_resume(co, 1);
}

int l_stripe_send(lua_State *L)
{
    const struct bridge_deps *deps = bridge_deps(L);
    const char *lines[FETCH_HEADERS_MAX];
    struct stripe_call call = {.request = fetch_request_check(L, lines)};

    if (!deps->stripe)
        return luaL_error(L, "core.stripe: this process sends no requests");
    call.deadline_ms = (int)fetch_number_check(L, "deadline_ms", DEADLINE_MAX_MS);
    if (!call.deadline_ms)
        call.deadline_ms = DEADLINE_MS;
    lua_getfield(L, 1, "background");
    call.is_background = lua_toboolean(L, -1);
    lua_getfield(L, 1, "lane");
    if (!lua_isnil(L, -1))
        call.lane.at = luaL_checklstring(L, -1, &call.lane.len);
    stripe_gate_send(deps->stripe, &call, on_answer, co_suspend(L));
    return lua_yield(L, 0);
}

int l_stripe_away_s(lua_State *L)
{
    const struct bridge_deps *deps = bridge_deps(L);

    lua_pushinteger(L, deps->stripe ? (stripe_gate_away_ms(deps->stripe) + 999) / 1000 : 0);
    return 1;
}

static int64_t check_time(lua_State *L, int index)
{
    return (int64_t)luaL_checknumber(L, index);
}

/* breaker:enter(now_ms) -> may it go, is it the probe */
static int l_enter(lua_State *L)
{
    struct stripe_breaker *breaker = luaL_checkudata(L, 1, BREAKER);
    bool is_probe;

    lua_pushboolean(L, stripe_breaker_enter(breaker, check_time(L, 2), &is_probe));
    lua_pushboolean(L, is_probe);
    return 2;
}

/* breaker:record(now_ms, is_bad, is_probe) */
static int l_record(lua_State *L)
{
    struct stripe_breaker *breaker = luaL_checkudata(L, 1, BREAKER);

    stripe_breaker_record(breaker, check_time(L, 2), lua_toboolean(L, 3), lua_toboolean(L, 4));
    return 0;
}

static int l_give_back(lua_State *L)
{
    stripe_breaker_give_back(luaL_checkudata(L, 1, BREAKER), check_time(L, 2));
    return 0;
}

/* breaker:wait_ms(now_ms) -> milliseconds until a call may go, times it has opened */
static int l_wait_ms(lua_State *L)
{
    struct stripe_breaker *breaker = luaL_checkudata(L, 1, BREAKER);

    lua_pushinteger(L, stripe_breaker_wait_ms(breaker, check_time(L, 2)));
    lua_pushinteger(L, breaker->opened);
    return 2;
}

int l_stripe_breaker(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"enter", l_enter},     {"record", l_record}, {"give_back", l_give_back},
        {"wait_ms", l_wait_ms}, {NULL, NULL},
    };
    int64_t open_ms = check_time(L, 1);
    struct stripe_breaker *breaker = lua_newuserdata(L, sizeof(*breaker));

    *breaker = stripe_breaker_new(open_ms);
    if (luaL_newmetatable(L, BREAKER)) {
        lua_newtable(L);
        luaL_setfuncs(L, methods, 0);
        lua_setfield(L, -2, "__index");
    }
    lua_setmetatable(L, -2);
    return 1;
}

struct bucket {
    struct stripe_rate rate;
    _Atomic int64_t next_us;
};

/* f(now_us) -> microseconds to wait; 0: one call was counted */
static int l_take(lua_State *L)
{
    struct bucket *bucket = lua_touserdata(L, lua_upvalueindex(1));

    lua_pushnumber(L, (double)stripe_bucket_take(&bucket->next_us, bucket->rate, check_time(L, 1)));
    return 1;
}

int l_stripe_bucket(lua_State *L)
{
    int per_s = luaL_checkint(L, 1), burst = luaL_checkint(L, 2);
    struct bucket *bucket;

    luaL_argcheck(L, per_s >= 1 && per_s <= 1000000, 1, "1 to 1000000 a second");
    luaL_argcheck(L, burst >= 1, 2, "at least 1");
    bucket = lua_newuserdata(L, sizeof(*bucket));
    bucket->rate = (struct stripe_rate){.per_s = per_s, .burst = burst};
    atomic_init(&bucket->next_us, 0);
    lua_pushcclosure(L, l_take, 1);
    return 1;
}
