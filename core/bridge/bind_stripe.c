/* core.stripe: talking to Stripe.
 * form(table) -> text; form_decode(text) -> table | nil, message (form_*.c);
 * webhook_refusal(body, header | nil, {secrets}, now_s, tolerance_s) -> nil | reason;
 * sign(body, secret, now_s) -> header; key_refusal(key, base_url, live) -> nil | reason;
 * retry(attempt, attempts_max, answer of core.fetch [, random_01]) -> verdict, sleep_ms | nil;
 * send, away_s, breaker, bucket: stripe_gate.c. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "base/clock.h"
#include "bridge/bind.h"
#include "bridge/stripe_form.h"
#include "bridge/stripe_gate.h"
#include "crypto/random.h"
#include "stripe/api.h"
#include "stripe/webhook.h"

#define SECRETS_MAX     8
#define TOLERANCE_S     300
#define WISH_LINE_BYTES 64

static struct str check_text(lua_State *L, int index)
{
    struct str text;

    text.at = luaL_checklstring(L, index, &text.len);
    return text;
}

static int64_t opt_seconds(lua_State *L, int index, int64_t usual)
{
    double seconds = luaL_optnumber(L, index, (double)usual);

    luaL_argcheck(L, seconds >= 0 && seconds <= 1e15, index, "seconds since 1970");
    return (int64_t)seconds;
}

static int push_refusal(lua_State *L, const char *refusal)
{
    if (refusal)
        lua_pushstring(L, refusal);
    else
        lua_pushnil(L);
    return 1;
}

static int l_webhook_refusal(lua_State *L)
{
    struct str body = check_text(L, 1), secrets[SECRETS_MAX], header = {"", 0};
    struct stripe_webhook_rule rule = {
        .secrets = secrets,
        .now_s = opt_seconds(L, 4, clock_wall_ms() / 1000),
        .tolerance_s = opt_seconds(L, 5, TOLERANCE_S),
    };

    if (!lua_isnoneornil(L, 2))
        header = check_text(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    rule.secret_count = (int)lua_objlen(L, 3);
    luaL_argcheck(L, rule.secret_count <= SECRETS_MAX, 3, "at most 8 secrets");
    luaL_checkstack(L, rule.secret_count, "secrets");
    for (int i = 0; i < rule.secret_count; i++) {
        lua_rawgeti(L, 3, i + 1);
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 3, "secrets are strings");
        secrets[i].at = lua_tolstring(L, -1, &secrets[i].len);
    }
    return push_refusal(L, stripe_webhook_refusal(body, header, &rule));
}

static int l_sign(lua_State *L)
{
    struct str body = check_text(L, 1), secret = check_text(L, 2);
    char header[96];

    stripe_webhook_sign(body, secret, opt_seconds(L, 3, clock_wall_ms() / 1000), header);
    lua_pushstring(L, header);
    return 1;
}

static int l_key_refusal(lua_State *L)
{
    return push_refusal(
        L, stripe_key_refusal(check_text(L, 1), check_text(L, 2), lua_toboolean(L, 3)));
}

static enum fetch_outcome check_outcome(lua_State *L)
{
    static const char *const names[] = {
        [FETCH_ANSWERED] = "answered", [FETCH_NOT_SENT] = "not_sent",   [FETCH_UNKNOWN] = "unknown",
        [FETCH_TLS] = "tls",           [FETCH_TOO_LARGE] = "too_large", [FETCH_REFUSED] = "refused",
        [FETCH_REFUSED + 1] = NULL,
    };

    lua_getfield(L, 3, "outcome");
    return (enum fetch_outcome)luaL_checkoption(L, lua_gettop(L), NULL, names);
}

/* The one header that the rule reads, as a raw block again; out holds WISH_LINE_BYTES. */
static struct str read_wish(lua_State *L, char *out)
{
    static const struct str name = {"Stripe-Should-Retry: ", 21};
    struct str wish;

    lua_getfield(L, 3, "headers");
    if (!lua_isfunction(L, -1))
        return (struct str){"", 0};
    lua_pushliteral(L, "Stripe-Should-Retry");
    lua_call(L, 1, 1);
    wish.at = lua_tolstring(L, -1, &wish.len);
    if (!wish.at || name.len + wish.len > WISH_LINE_BYTES)
        return (struct str){"", 0};
    memcpy(out, name.at, name.len);
    memcpy(out + name.len, wish.at, wish.len);
    return (struct str){out, name.len + wish.len};
}

static double opt_random(lua_State *L, int index)
{
    unsigned number;

    if (!lua_isnoneornil(L, index))
        return luaL_checknumber(L, index);
    random_bytes(&number, sizeof number);
    return (double)number / 4294967296.0;
}

static int l_retry(lua_State *L)
{
    static const char *const names[] = {
        [STRIPE_DONE] = "done",
        [STRIPE_RETRY] = "retry",
        [STRIPE_UNKNOWN] = "unknown",
        [STRIPE_FATAL] = "fatal",
    };
    int attempt = (int)luaL_checkinteger(L, 1), attempts_max = (int)luaL_checkinteger(L, 2);
    double random_01 = opt_random(L, 4);
    struct fetch_answer answer = {0};
    char line[WISH_LINE_BYTES];
    enum stripe_verdict verdict;
    int64_t sleep_ms = 0;

    luaL_checktype(L, 3, LUA_TTABLE);
    answer.outcome = check_outcome(L);
    lua_getfield(L, 3, "status");
    answer.status = (int)lua_tointeger(L, -1);
    answer.headers = read_wish(L, line);
    verdict = stripe_retry_rule(attempt, attempts_max, &answer, random_01, &sleep_ms);
    lua_pushstring(L, names[verdict]);
    if (verdict != STRIPE_RETRY)
        return 1;
    lua_pushnumber(L, (double)sleep_ms);
    return 2;
}

int luaopen_core_stripe(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"form", l_stripe_form},
        {"form_decode", l_stripe_form_decode},
        {"webhook_refusal", l_webhook_refusal},
        {"sign", l_sign},
        {"key_refusal", l_key_refusal},
        {"retry", l_retry},
        {"send", l_stripe_send},
        {"away_s", l_stripe_away_s},
        {"breaker", l_stripe_breaker},
        {"bucket", l_stripe_bucket},
        {NULL, NULL},
    };

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
