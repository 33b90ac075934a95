/* See policy.h. The one difficulty: a policy's input and result cross between two Lua states, so
 * they are copied as plain data, and neither side may raise while the other is half way. */
#include "bridge/policy.h"

#include "bridge/bind.h"
#include "bridge/generation.h"
#include "crypto/hmac.h"
#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICIES_MAX 16
#define COPY_DEPTH   8
#define INTERVAL     1000
#define SOURCE_MAX   (256u << 10)
#define MESSAGE_MAX  4000

struct policy {
    char name[64];
    char version[DIGEST_HEX_SIZE]; /* SHA-256 of the text */
    lua_State *L;
    int evaluate_ref;
    size_t memory_bytes;
    int instructions;
};

struct policy_set {
    struct policy policies[POLICIES_MAX];
    int count;
};

static void *allocate(void *arg, void *at, size_t old_size, size_t new_size)
{
    struct policy *policy = arg;
    void *moved;

    if (!at)
        old_size = 0;
    if (new_size == 0) {
        policy->memory_bytes -= old_size;
        free(at);
        return NULL;
    }
    if (new_size > old_size && policy->memory_bytes + (new_size - old_size) > POLICY_MEMORY_MAX)
        return NULL;
    moved = realloc(at, new_size);
    if (moved)
        policy->memory_bytes += new_size - old_size;
    return moved;
}

static void count_instructions(lua_State *L, lua_Debug *ar)
{
    struct policy *policy;
    void *arg;

    (void)ar;
    lua_getallocf(L, &arg);
    policy = arg;
    policy->instructions += INTERVAL;
    if (policy->instructions <= POLICY_INSTRUCTIONS_MAX)
        return;
    luaL_where(L, 0); /* inside a hook, level 0 is what it interrupted */
    lua_pushfstring(L, "the policy runs longer than %d instructions", POLICY_INSTRUCTIONS_MAX);
    lua_concat(L, 2);
    lua_error(L);
}

/* Plain data only. False: something that is none, or too deep. Stack of `to` grows by one in any
 * case. */
static bool copy_value(lua_State *from, int index, lua_State *to, int depth)
{
    size_t len;
    const char *text;

    if (depth > COPY_DEPTH || !lua_checkstack(from, 4) || !lua_checkstack(to, 4)) {
        lua_pushnil(to);
        return false;
    }
    switch (lua_type(from, index)) {
    case LUA_TNIL: lua_pushnil(to); return true;
    case LUA_TBOOLEAN: lua_pushboolean(to, lua_toboolean(from, index)); return true;
    case LUA_TNUMBER: lua_pushnumber(to, lua_tonumber(from, index)); return true;
    case LUA_TSTRING:
        text = lua_tolstring(from, index, &len);
        lua_pushlstring(to, text, len);
        return true;
    case LUA_TTABLE: break;
    default: lua_pushnil(to); return false;
    }
    lua_newtable(to);
    lua_pushnil(from);
    while (lua_next(from, index)) {
        int top = lua_gettop(from);
        bool is_copied = copy_value(from, top - 1, to, depth + 1);
        is_copied = copy_value(from, top, to, depth + 1) && is_copied;
        if (!is_copied) {
            lua_pop(to, 2);
            lua_pop(from, 2);
            return false;
        }
        lua_rawset(to, -3);
        lua_pop(from, 1);
    }
    return true;
}

static int l_percent(lua_State *L)
{
    double amount = luaL_checknumber(L, 1);
    double percent = luaL_checknumber(L, 2);

    luaL_argcheck(L, amount >= 0 && amount == floor(amount), 1, "a whole amount");
    lua_pushnumber(L, floor(amount * percent / 100));
    return 1;
}

static int l_bps(lua_State *L)
{
    double amount = luaL_checknumber(L, 1);
    double bps = luaL_checknumber(L, 2);

    luaL_argcheck(L, amount >= 0 && amount == floor(amount) && amount <= 1e12, 1, "a whole amount");
    luaL_argcheck(L, bps >= 0 && bps == floor(bps) && bps <= 10000, 2, "0 to 10000");
    lua_pushnumber(L, (double)((long long)amount * (long long)bps / 10000));
    return 1;
}

static int l_write(lua_State *L)
{
    return luaL_error(L, "policy writes global '%s': make it local", lua_tostring(L, 2));
}

static int l_unknown(lua_State *L)
{
    return luaL_error(L, "policy reads unknown global '%s'", lua_tostring(L, 2));
}

static void keep_only(lua_State *L, const char *library, const char *const *names)
{
    lua_newtable(L);
    lua_getglobal(L, library);
    for (; *names; names++) {
        lua_getfield(L, -1, *names);
        lua_setfield(L, -3, *names);
    }
    lua_pop(L, 1);
    lua_setglobal(L, library);
}

/* What .luacheckrc's std "policy" lists too; a spec compares them. */
static void open_policy_library(lua_State *L)
{
    static const char *const base[] = {"assert",   "error",    "ipairs", "pairs", "select",
                                       "tonumber", "tostring", "type",   "math",  "string",
                                       "table",    "money",    NULL};
    static const char *const math[] = {"abs", "ceil", "floor", "max", "min", NULL};
    static const char *const string[] = {"format", "lower", "sub", "upper", NULL};
    static const char *const table[] = {"concat", "insert", "sort", NULL};
    static const luaL_Reg money[] = {{"percent", l_percent}, {"bps", l_bps}, {NULL, NULL}};

    luaL_openlibs(L);
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF); /* opening jit turns it on */
    keep_only(L, "math", math);
    keep_only(L, "string", string);
    keep_only(L, "table", table);
    lua_newtable(L);
    luaL_setfuncs(L, money, 0);
    lua_setglobal(L, "money");
    lua_pushliteral(L, "");
    lua_pushnil(L);
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
    lua_newtable(L);
    for (const char *const *name = base; *name; name++) {
        lua_getglobal(L, *name);
        lua_setfield(L, -2, *name);
    }
    lua_newtable(L);
    lua_pushcfunction(L, l_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, l_unknown);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_replace(L, LUA_GLOBALSINDEX);
}

/* Every field that an example expects must be what evaluate answers. */
static void check_example(lua_State *L, int number)
{
    int top = lua_gettop(L); /* evaluate, examples, example */

    lua_getfield(L, top, "expect");
    lua_pushvalue(L, 2);
    lua_getfield(L, top, "given");
    lua_call(L, 1, 1);
    if (!lua_istable(L, -1) || !lua_istable(L, top + 1))
        luaL_error(L, "example %d: evaluate and expect must be tables", number);
    lua_pushnil(L);
    while (lua_next(L, top + 1)) {
        lua_pushvalue(L, -2);
        lua_rawget(L, top + 2);
        if (!lua_rawequal(L, -1, -2))
            luaL_error(L, "example %d: %s is %s, but %s was expected", number, lua_tostring(L, -3),
                       lua_tostring(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1),
                       lua_tostring(L, -2) ? lua_tostring(L, -2) : luaL_typename(L, -2));
        lua_pop(L, 2);
    }
    lua_settop(L, top);
}

static int load_protected(lua_State *L)
{
    struct policy *policy;
    const struct str *source = lua_touserdata(L, 1);
    char chunk[128];
    void *arg;

    lua_getallocf(L, &arg);
    policy = arg;
    lua_settop(L, 0);
    snprintf(chunk, sizeof(chunk), "@lua/policies/%s.lua", policy->name);
    if (luaL_loadbufferx(L, source->at, source->len, chunk, "t") != 0)
        return lua_error(L);
    lua_call(L, 0, 1);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "evaluate");
    if (!lua_isfunction(L, 2))
        luaL_error(L, "%s: the policy must return a table with evaluate, a function", chunk + 1);
    lua_getfield(L, 1, "examples");
    if (!lua_istable(L, 3) || lua_objlen(L, 3) == 0)
        luaL_error(L, "%s: the policy has no examples", chunk + 1);
    for (int i = 1, count = (int)lua_objlen(L, 3); i <= count; i++) {
        lua_rawgeti(L, 3, i);
        check_example(L, i);
        lua_settop(L, 3);
    }
    lua_pushvalue(L, 2);
    policy->evaluate_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static bool protected_call(struct policy *policy, int arg_count, int result_count)
{
    bool is_ok;

    policy->instructions = 0;
    lua_sethook(policy->L, count_instructions, LUA_MASKCOUNT, INTERVAL);
    is_ok = lua_pcall(policy->L, arg_count, result_count, 0) == 0;
    lua_sethook(policy->L, NULL, 0, 0);
    return is_ok;
}

static int open_protected(lua_State *L)
{
    open_policy_library(L);
    return 0;
}

static bool policy_run(struct policy *policy, struct str *source, struct buf *message)
{
    lua_pushcfunction(policy->L, open_protected);
    if (lua_pcall(policy->L, 0, 0, 0) == 0) {
        lua_pushcfunction(policy->L, load_protected);
        lua_pushlightuserdata(policy->L, source);
        if (protected_call(policy, 1, 0))
            return true;
    }
    buf_printf(message, "policy %s: %s", policy->name,
               lua_tostring(policy->L, -1) ? lua_tostring(policy->L, -1) : "the error is no text");
    return false;
}

static bool
policy_load(struct policy *policy, const char *dir, const char *file, struct buf *message)
{
    char path[1024];
    struct buf text;
    struct str source;
    bool is_ok;

    snprintf(policy->name, sizeof(policy->name), "%.*s", (int)(strlen(file) - 4), file);
    snprintf(path, sizeof(path), "%s/%s", dir, file);
    buf_init(&text, SOURCE_MAX);
    is_ok = buf_read_file(&text, path);
    source = buf_str(&text);
    sha256_hex(source, policy->version);
    policy->L = is_ok ? lua_newstate(allocate, policy) : NULL;
    is_ok = policy->L && policy_run(policy, &source, message);
    if (!policy->L)
        buf_printf(message, "policy %s: %s cannot be read", policy->name, path);
    buf_done(&text);
    return is_ok;
}

bool policy_set_load(struct policy_set **out, const char *lua_dir, struct buf *message)
{
    struct policy_set *set = calloc(1, sizeof(*set));
    char dir[1024];
    DIR *folder;
    bool is_ok = true;

    if (!set)
        abort();
    snprintf(dir, sizeof(dir), "%s/policies", lua_dir);
    folder = opendir(dir);
    for (struct dirent *entry; is_ok && folder && (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        if (length < 5 || strcmp(entry->d_name + length - 4, ".lua") != 0 ||
            set->count == POLICIES_MAX)
            continue;
        is_ok = policy_load(&set->policies[set->count++], dir, entry->d_name, message);
    }
    if (folder)
        closedir(folder);
    if (is_ok)
        *out = set;
    else
        policy_set_free(set);
    return is_ok;
}

void policy_set_free(struct policy_set *set)
{
    if (!set)
        return;
    for (int i = 0; i < set->count; i++)
        if (set->policies[i].L)
            lua_close(set->policies[i].L);
    free(set);
}

static struct policy *find(lua_State *L, const char *name)
{
    struct policy_set *set = generation_of(L)->policies;

    for (int i = 0; set && i < set->count; i++)
        if (strcmp(set->policies[i].name, name) == 0)
            return &set->policies[i];
    luaL_error(L, "there is no policy '%s' in lua/policies", name);
    return NULL;
}

/* evaluate(name, input) -> result, version | nil, why. The result is plain data, checked by the
 * caller. */
static int l_evaluate(lua_State *L)
{
    struct policy *policy = find(L, luaL_checkstring(L, 1));
    bool is_ok;

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_rawgeti(policy->L, LUA_REGISTRYINDEX, policy->evaluate_ref);
    if (!copy_value(L, 2, policy->L, 0)) {
        lua_settop(policy->L, 0);
        return luaL_error(L, "the input of policy '%s' is not plain data", policy->name);
    }
    is_ok = protected_call(policy, 1, 1);
    if (!is_ok) {
        const char *why = lua_tostring(policy->L, -1);
        lua_pushnil(L);
        lua_pushstring(L, why ? why : "the error is no text");
    } else if (copy_value(policy->L, lua_gettop(policy->L), L, 0)) {
        lua_pushstring(L, policy->version);
    } else {
        lua_settop(L, 2);
        lua_pushnil(L);
        lua_pushliteral(L, "the result is not plain data");
    }
    lua_settop(policy->L, 0);
    return 2;
}

/* check(name, source) -> version | nil, why: loads the text aside, runs its examples, and drops it.
 */
static int l_check(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    struct str source;
    struct policy *policy;
    struct buf message;
    bool is_ok = false;

    source.at = luaL_checklstring(L, 2, &source.len);
    policy = calloc(1, sizeof(*policy));
    if (!policy)
        abort();
    buf_init(&message, MESSAGE_MAX);
    snprintf(policy->name, sizeof(policy->name), "%.60s", name);
    sha256_hex(source, policy->version);
    policy->L = lua_newstate(allocate, policy);
    if (policy->L) {
        is_ok = policy_run(policy, &source, &message);
        lua_close(policy->L);
    }
    if (is_ok)
        lua_pushstring(L, policy->version);
    else
        lua_pushnil(L);
    lua_pushlstring(L, message.at ? message.at : "", message.len);
    buf_done(&message);
    free(policy);
    return 2;
}

/* version(name) -> SHA-256 of the policy's text, hex. */
static int l_version(lua_State *L)
{
    lua_pushstring(L, find(L, luaL_checkstring(L, 1))->version);
    return 1;
}

int luaopen_core_policy(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"evaluate", l_evaluate}, {"version", l_version}, {"check", l_check}, {NULL, NULL}};

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
