/* core.crypto: passwords and tokens, digests, random texts, ids.
 * hash_password(pw) -> hash | nil, err and check_password(pw, hash | nil) -> boolean | nil, err
 * wait; password_allowed(pw); token_issue{sub=, role=, jti=, ttl_s=} -> text; token_verify(text) ->
 * {sub=, role=, jti=, iat=, exp=, serial=} | nil, err; token_known(header) -> serial | nil;
 * hmac_sha256(key, data), sha256(data), fingerprint(data) (quick, for ETags): hex; equal(a, b);
 * random_hex(bytes), random_base62(length); uuid7(); is_uuid(text). */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/id.h"
#include "base/metric.h"
#include "bridge/bind.h"
#include "bridge/co.h"
#include "bridge/state.h"
#include "crypto/hmac.h"
#include "crypto/password.h"
#include "crypto/random.h"
#include "crypto/token.h"
#include "loop/helper.h"

#define RANDOM_MAX      256
#define TOKEN_MAX_BYTES 1024

static metric_id known_tokens, new_tokens;

/* One password at work. Owned by the helper while it runs, freed by on_hashed or on_checked. */
struct password_job {
    struct co *co;
    char password[PASSWORD_BYTES_MAX];
    size_t password_len;
    char hash[PASSWORD_HASH_SIZE]; /* made by hash_password, given to check_password */
    bool has_hash, is_good;
    int cost;
};

static struct str check_text(lua_State *L, int index)
{
    struct str text;

    text.at = luaL_checklstring(L, index, &text.len);
    return text;
}

static void job_free(struct password_job *job)
{
    explicit_bzero(job, sizeof *job);
    free(job);
}

static void work_hash(void *arg)
{
    struct password_job *job = arg;

    job->is_good =
        password_hash((struct str){job->password, job->password_len}, job->cost, job->hash);
}

static void work_check(void *arg)
{
    struct password_job *job = arg;

    job->is_good = password_check((struct str){job->password, job->password_len},
                                  job->has_hash ? job->hash : NULL, job->cost);
}

static void on_hashed(void *arg)
{
    struct password_job *job = arg;
    struct co *co = job->co;
    char hash[PASSWORD_HASH_SIZE];
    bool is_good = job->is_good;

    memcpy(hash, job->hash, sizeof hash);
    job_free(job);
    if (is_good) {
        lua_pushstring(co_lua(co), hash);
        co_resume(co, 1);
        return;
    }
    lua_pushnil(co_lua(co));
    co_push_err(co_lua(co), ERR_INTERNAL, NULL, NULL);
    co_resume(co, 2);
}

static void on_checked(void *arg)
{
    struct password_job *job = arg;
    struct co *co = job->co;

    lua_pushboolean(co_lua(co), job->is_good);
    job_free(job);
    co_resume(co, 1);
}

/* Ends a waiting binding: every argument is checked, nothing is held yet. hash may be NULL. */
static int run_password(
    lua_State *L, struct str password, const char *hash, helper_work_fn *work, helper_done_fn *done)
{
    const struct bridge_deps *deps = bridge_deps(L);
    int cost = (int)conf_int(deps->conf, "auth.bcrypt_cost");
    struct password_job *job;
    struct co *co;

    if (!deps->helper)
        return luaL_error(L, "core.crypto: this process has no helper threads");
    co = co_suspend(L);
    job = calloc(1, sizeof *job);
    if (!job)
        abort();
    *job = (struct password_job){.co = co, .password_len = password.len, .cost = cost};
    memcpy(job->password, password.at, password.len);
    if (hash) {
        job->has_hash = true;
        memcpy(job->hash, hash, strlen(hash) + 1);
    }
    if (helper_run(deps->helper, work, done, job))
        return lua_yield(L, 0);
    job_free(job);
    lua_pushnil(L);
    co_push_err(L, ERR_BUSY, NULL, NULL);
    return 2;
}

static int l_hash_password(lua_State *L)
{
    struct str password = check_text(L, 1);

    if (!password_is_allowed(password)) {
        lua_pushnil(L);
        co_push_err(L, ERR_INVALID, "a password has 8 to 72 bytes and no NUL", NULL);
        return 2;
    }
    return run_password(L, password, NULL, work_hash, on_hashed);
}

static int l_check_password(lua_State *L)
{
    struct str password = check_text(L, 1);
    const char *hash = luaL_optstring(L, 2, NULL);

    luaL_argcheck(L, !hash || strlen(hash) < PASSWORD_HASH_SIZE, 2, "not a password hash");
    if (!password_is_allowed(password)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    return run_password(L, password, hash, work_check, on_checked);
}

static int l_password_allowed(lua_State *L)
{
    lua_pushboolean(L, password_is_allowed(check_text(L, 1)));
    return 1;
}

static struct token_key *key_of(lua_State *L)
{
    struct token_key *key = bridge_deps(L)->token_key;

    if (!key)
        luaL_error(L, "core.crypto: this process has no token key");
    return key;
}

static void check_field(lua_State *L, const char *name, char *out, size_t size)
{
    struct str text;

    lua_getfield(L, 1, name);
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "core.crypto.token_issue: %s is a string", name);
    text.at = lua_tolstring(L, -1, &text.len);
    if (text.len == 0 || text.len >= size || memchr(text.at, '\0', text.len))
        luaL_error(L, "core.crypto.token_issue: %s has 1 to %d bytes", name, (int)size - 1);
    memcpy(out, text.at, text.len);
    out[text.len] = '\0';
    lua_pop(L, 1);
}

static int l_token_issue(lua_State *L)
{
    struct token_key *key = key_of(L);
    struct token_claims claims = {0};
    char copy[TOKEN_MAX_BYTES];
    double ttl_s;
    char *text;
    bool is_good;

    luaL_checktype(L, 1, LUA_TTABLE);
    check_field(L, "sub", claims.sub, sizeof claims.sub);
    check_field(L, "role", claims.role, sizeof claims.role);
    check_field(L, "jti", claims.jti, sizeof claims.jti);
    lua_getfield(L, 1, "ttl_s");
    ttl_s = lua_isnil(L, -1) ? (double)conf_int(bridge_deps(L)->conf, "auth.token_ttl_s")
                             : luaL_checknumber(L, -1);
    luaL_argcheck(L, ttl_s >= -1e9 && ttl_s <= 1e9, 1, "ttl_s is a number of seconds");
    claims.iat_s = clock_wall_ms() / 1000;
    claims.exp_s = claims.iat_s + (int64_t)ttl_s;
    text = token_issue(key, &claims);
    is_good = text && strlen(text) < sizeof copy;
    if (is_good)
        memcpy(copy, text, strlen(text) + 1);
    free(text);
    if (!is_good)
        return luaL_error(L, "core.crypto.token_issue: the library failed");
    lua_pushstring(L, copy);
    return 1;
}

static int l_token_verify(lua_State *L)
{
    struct token_key *key = key_of(L);
    struct token_claims claims;
    enum err e = token_verify(key, check_text(L, 1), clock_wall_ms() / 1000, &claims);

    if (e != ERR_OK) {
        lua_pushnil(L);
        co_push_err(L, e, NULL, NULL);
        return 2;
    }
    lua_createtable(L, 0, 6);
    lua_pushnumber(L, (double)claims.serial);
    lua_setfield(L, -2, "serial");
    lua_pushstring(L, claims.sub);
    lua_setfield(L, -2, "sub");
    lua_pushstring(L, claims.role);
    lua_setfield(L, -2, "role");
    lua_pushstring(L, claims.jti);
    lua_setfield(L, -2, "jti");
    lua_pushnumber(L, (double)claims.iat_s);
    lua_setfield(L, -2, "iat");
    lua_pushnumber(L, (double)claims.exp_s);
    lua_setfield(L, -2, "exp");
    return 1;
}

/* The token of a header "Bearer <token>"; len 0: it is none. */
static struct str bearer_of(struct str header)
{
    const char *end = header.at + header.len, *at = header.at + strlen("bearer");

    if (header.len <= strlen("bearer ") || (*header.at | 0x20) != 'b' ||
        memcmp(header.at + 1, "earer ", strlen("earer ")) != 0)
        return (struct str){0};
    while (at < end && *at == ' ')
        at++;
    return (struct str){at, (size_t)(end - at)};
}

/* 0: it has to be verified. */
static uint64_t known_serial(lua_State *L, struct str header)
{
    struct str token = bearer_of(header);
    uint64_t serial = token.len ? token_known(key_of(L), token, clock_wall_ms() / 1000) : 0;

    metric_add(serial ? known_tokens : new_tokens, 1);
    return serial;
}

/* token_known(header) -> serial | nil: of a token that was verified before, without making
 * anything of it again. */
static int l_token_known(lua_State *L)
{
    uint64_t serial = known_serial(L, check_text(L, 1));

    if (!serial)
        return 0;
    lua_pushnumber(L, (double)serial);
    return 1;
}

void bridge_push_authorization(lua_State *L, struct str header)
{
    uint64_t serial = header.at && key_of(L) ? known_serial(L, header) : 0;

    if (serial)
        lua_pushnumber(L, (double)serial);
    else if (header.at)
        lua_pushlstring(L, header.at, header.len);
    else
        lua_pushnil(L);
}

static int l_hmac_sha256(lua_State *L)
{
    char hex[DIGEST_HEX_SIZE];

    hmac_sha256_hex(check_text(L, 1), check_text(L, 2), hex);
    lua_pushstring(L, hex);
    return 1;
}

/* seal(text) -> hex: proof that text was ours, under the key of the tokens, which Lua never sees.
 */
static int l_seal(lua_State *L)
{
    char hex[DIGEST_HEX_SIZE];

    token_seal(key_of(L), check_text(L, 1), hex);
    lua_pushstring(L, hex);
    return 1;
}

static int l_sha256(lua_State *L)
{
    char hex[DIGEST_HEX_SIZE];

    sha256_hex(check_text(L, 1), hex);
    lua_pushstring(L, hex);
    return 1;
}

static int l_fingerprint(lua_State *L)
{
    char hex[FINGERPRINT_HEX_SIZE];

    fingerprint_hex(check_text(L, 1), hex);
    lua_pushlstring(L, hex, FINGERPRINT_HEX_SIZE - 1);
    return 1;
}

static int l_equal(lua_State *L)
{
    lua_pushboolean(L, bytes_equal(check_text(L, 1), check_text(L, 2)));
    return 1;
}

static size_t check_count(lua_State *L)
{
    double count = luaL_checknumber(L, 1);

    luaL_argcheck(L, count >= 1 && count <= RANDOM_MAX, 1, "1 to 256");
    return (size_t)count;
}

static int l_random_hex(lua_State *L)
{
    char text[2 * RANDOM_MAX + 1];

    random_hex(text, check_count(L));
    lua_pushstring(L, text);
    return 1;
}

static int l_random_base62(lua_State *L)
{
    char text[RANDOM_MAX + 1];

    random_base62(text, check_count(L));
    lua_pushstring(L, text);
    return 1;
}

static int l_uuid7(lua_State *L)
{
    char id[37];

    id_uuid7(id);
    lua_pushlstring(L, id, sizeof id - 1);
    return 1;
}

static int l_is_uuid(lua_State *L)
{
    bool is_text = lua_type(L, 1) == LUA_TSTRING;

    lua_pushboolean(L, is_text && id_is_uuid(check_text(L, 1)));
    return 1;
}

int luaopen_core_crypto(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"hash_password", l_hash_password},
        {"check_password", l_check_password},
        {"password_allowed", l_password_allowed},
        {"token_issue", l_token_issue},
        {"token_verify", l_token_verify},
        {"token_known", l_token_known},
        {"hmac_sha256", l_hmac_sha256},
        {"seal", l_seal},
        {"sha256", l_sha256},
        {"fingerprint", l_fingerprint},
        {"equal", l_equal},
        {"random_hex", l_random_hex},
        {"random_base62", l_random_base62},
        {"uuid7", l_uuid7},
        {"is_uuid", l_is_uuid},
        {NULL, NULL},
    };

    known_tokens = metric_register(METRIC_COUNTER, "souk_token_cache_hits_total", "",
                                   "Tokens that were verified before.");
    new_tokens = metric_register(METRIC_COUNTER, "souk_token_cache_misses_total", "",
                                 "Tokens that had to be verified, or were none.");
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
