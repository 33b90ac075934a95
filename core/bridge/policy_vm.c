/* See policy_vm.h. */
#include "bridge/policy_vm.h"

#include "bridge/heap.h"
#include "bridge/policy_copy.h"
#include "crypto/hmac.h"
#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GARBAGE_BYTES   (1u << 20)
#define PAUSE_PERCENT   200 /* LuaJIT's own */
#define INTERVAL        100
#define CPU_MAX_US      50000 /* few instructions may be much work: of long texts, say */
#define VALUE_MAX       200
#define STEPS_BYTES_MAX (64u << 10)
#define WHY_MAX         2000
#define AMOUNT_MAX      1000000000000
#define BPS_MAX         10000

struct policy_vm {
    char name[64];
    char version[DIGEST_HEX_SIZE]; /* SHA-256 of the text */
    lua_State *L;
    int evaluate_ref;
    int evaluate_line;
    struct heap heap;
    size_t memory_bytes;
    int instructions;
    int64_t cpu_until_us; /* 0: not known before the first look at what runs */
    struct buf *steps;    /* NULL: nobody wants to know */
    struct policy_late late;
};

static void *allocate(void *arg, void *at, size_t old_size, size_t new_size)
{
    struct policy_vm *vm = arg;
    void *moved;

    if (!at)
        old_size = 0;
    if (new_size > old_size && vm->memory_bytes + (new_size - old_size) > POLICY_MEMORY_MAX)
        return NULL;
    moved = heap_resize(&vm->heap, at, old_size, new_size);
    if (moved || !new_size)
        vm->memory_bytes += new_size - old_size;
    return moved;
}

/* The numbers, words and truths that a line of the policy sees. */
static void add_values(lua_State *L, lua_Debug *ar, struct buf *out)
{
    const char *name, *comma = "";
    size_t len;

    for (int i = 1; (name = lua_getlocal(L, ar, i)); i++) {
        int type = lua_type(L, -1);
        if (*name != '(' && (type == LUA_TNUMBER || type == LUA_TBOOLEAN || type == LUA_TSTRING)) {
            buf_printf(out, "%s\"%s\":", comma, name);
            if (type == LUA_TNUMBER && isfinite(lua_tonumber(L, -1)))
                buf_printf(out, "%.14g", lua_tonumber(L, -1));
            else if (type == LUA_TBOOLEAN)
                buf_printf(out, "%s", lua_toboolean(L, -1) ? "true" : "false");
            else { /* lua_tolstring would turn the local itself into a string: it is a copy here */
                const char *text = lua_tolstring(L, -1, &len);
                buf_add_json_string(out, (struct str){text, len > VALUE_MAX ? VALUE_MAX : len});
            }
            comma = ",";
        }
        lua_pop(L, 1);
    }
}

static void record_step(lua_State *L, lua_Debug *ar, struct buf *steps)
{
    if (steps->len > STEPS_BYTES_MAX || !lua_checkstack(L, 2))
        return;
    buf_printf(steps, "%s{\"line\":%d,\"values\":{", steps->len > 1 ? "," : "", ar->currentline);
    add_values(L, ar, steps);
    buf_printf(steps, "}}");
}

static int64_t cpu_us(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

/* The clock of CPU time is a system call, and most policies end before anybody looks. */
static bool is_out_of_time(struct policy_vm *vm)
{
    int64_t now_us = cpu_us();

    if (!vm->cpu_until_us)
        vm->cpu_until_us = now_us + CPU_MAX_US;
    return now_us >= vm->cpu_until_us;
}

static void watch(lua_State *L, lua_Debug *ar)
{
    struct policy_vm *vm;
    void *arg;

    lua_getallocf(L, &arg);
    vm = arg;
    if (ar->event == LUA_HOOKLINE) {
        record_step(L, ar, vm->steps);
        return;
    }
    vm->instructions += INTERVAL;
    if (!is_out_of_time(vm) && vm->instructions <= POLICY_INSTRUCTIONS_MAX)
        return;
    luaL_where(L, 0); /* inside a hook, level 0 is what it interrupted */
    if (vm->instructions > POLICY_INSTRUCTIONS_MAX)
        lua_pushfstring(L, "the policy runs longer than %d instructions", POLICY_INSTRUCTIONS_MAX);
    else
        lua_pushfstring(L, "the policy runs longer than %d ms", CPU_MAX_US / 1000);
    lua_concat(L, 2);
    lua_error(L);
}

/* What is raised without a place gets that of the line that ran. */
static int with_place(lua_State *L)
{
    lua_Debug ar;

    if (!lua_isstring(L, 1) || strncmp(lua_tostring(L, 1), "lua/policies/", 13) == 0)
        return 1;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline > 0) {
            lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
            lua_insert(L, -2);
            lua_concat(L, 2);
            return 1;
        }
    }
    return 1;
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

    luaL_argcheck(L, amount >= 0 && amount == floor(amount) && amount <= AMOUNT_MAX, 1,
                  "a whole amount");
    luaL_argcheck(L, bps >= 0 && bps == floor(bps) && bps <= BPS_MAX, 2, "0 to 10000");
    lua_pushnumber(L, (double)((long long)amount * (long long)bps / BPS_MAX));
    return 1;
}

/* The field of the tier at the top as a whole number from 0 to max; otherwise when it is nil. */
static long long tier_number(lua_State *L, const char *field, double max, long long otherwise)
{
    double value;

    lua_getfield(L, -1, field);
    value = lua_isnil(L, -1) ? (double)otherwise : lua_tonumber(L, -1);
    if (!(value >= 0 && value <= max && value == floor(value)) ||
        (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TNUMBER))
        luaL_error(L, "money.tiers: %s must be a whole number from 0 to %f", field, max);
    lua_pop(L, 1);
    return (long long)value;
}

/* tiers(amount, {{upto = 10000, bps = 1500}, …, {bps = 500}}): each part of the amount by the tier
 * that it lies in, rounded down once. */
static int l_tiers(lua_State *L)
{
    double amount = luaL_checknumber(L, 1);
    long long from = 0, sum = 0;

    luaL_argcheck(L, amount >= 0 && amount == floor(amount) && amount <= AMOUNT_MAX, 1,
                  "a whole amount");
    luaL_checktype(L, 2, LUA_TTABLE);
    for (int i = 1, count = (int)lua_objlen(L, 2); i <= count; i++) {
        lua_rawgeti(L, 2, i);
        luaL_checktype(L, -1, LUA_TTABLE);
        long long upto = tier_number(L, "upto", AMOUNT_MAX, i == count ? AMOUNT_MAX : -1);
        long long bps = tier_number(L, "bps", BPS_MAX, -1);
        lua_pop(L, 1);
        if (upto <= from)
            luaL_error(L, "money.tiers: upto must grow from tier to tier");
        if ((long long)amount > from)
            sum += (((long long)amount < upto ? (long long)amount : upto) - from) * bps;
        from = upto;
    }
    luaL_argcheck(L, (long long)amount <= from, 2, "the last tier has no upto, or a higher one");
    lua_pushnumber(L, (double)(sum / BPS_MAX));
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
    static const luaL_Reg money[] = {
        {"percent", l_percent}, {"bps", l_bps}, {"tiers", l_tiers}, {NULL, NULL}};

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
    struct policy_vm *vm;
    const struct str *source = lua_touserdata(L, 1);
    char chunk[128];
    lua_Debug ar;
    void *arg;

    lua_getallocf(L, &arg);
    vm = arg;
    lua_settop(L, 0);
    snprintf(chunk, sizeof(chunk), "@lua/policies/%s.lua", vm->name);
    if (luaL_loadbufferx(L, source->at, source->len, chunk, "t") != 0)
        return lua_error(L);
    lua_call(L, 0, 1);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "evaluate");
    if (!lua_isfunction(L, 2))
        luaL_error(L, "the policy must return a table with evaluate, a function");
    lua_pushvalue(L, 2);
    lua_getinfo(L, ">S", &ar);
    vm->evaluate_line = ar.linedefined;
    lua_getfield(L, 1, "examples");
    if (!lua_istable(L, 3) || lua_objlen(L, 3) == 0)
        luaL_error(L, "the policy has no examples");
    for (int i = 1, count = (int)lua_objlen(L, 3); i <= count; i++) {
        lua_rawgeti(L, 3, i);
        check_example(L, i);
        lua_settop(L, 3);
    }
    lua_pushvalue(L, 2);
    vm->evaluate_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

/* The hook stays where it is, since nothing runs but here: set anew it only counts from zero. */
static bool protected_call(struct policy_vm *vm, int arg_count, int result_count)
{
    int base = lua_gettop(vm->L) - arg_count; /* where the function is */
    bool is_ok;

    lua_pushcfunction(vm->L, with_place);
    lua_insert(vm->L, base);
    vm->instructions = 0;
    vm->cpu_until_us = 0;
    lua_sethook(vm->L, watch, LUA_MASKCOUNT | (vm->steps ? LUA_MASKLINE : 0), INTERVAL);
    is_ok = lua_pcall(vm->L, arg_count, result_count, base) == 0;
    lua_remove(vm->L, base);
    return is_ok;
}

/* Where the memory or the stack ran out nobody knows any more: it gets the place of evaluate. */
static void say_why(struct policy_vm *vm, struct buf *out)
{
    const char *why = lua_tostring(vm->L, -1);

    if (!why || strncmp(why, "lua/policies/", 13) != 0)
        buf_printf(out, "lua/policies/%s.lua:%d: ", vm->name, policy_vm_line(vm));
    buf_add_z(out, why ? why : "the error is no text");
}

static int open_protected(lua_State *L)
{
    struct policy_vm *vm;
    void *arg;

    lua_getallocf(L, &arg);
    vm = arg;
    open_policy_library(L);
    policy_late_open(&vm->late, L);
    return 0;
}

/* What an evaluation leaves is little beside the libraries, which every collection walks through.
 */
static void collect_rarely(struct policy_vm *vm)
{
    size_t percent;

    lua_gc(vm->L, LUA_GCCOLLECT, 0);
    percent = 100 + GARBAGE_BYTES * 100 / vm->memory_bytes;
    if (percent > PAUSE_PERCENT)
        lua_gc(vm->L, LUA_GCSETPAUSE, (int)percent);
}

static bool run(struct policy_vm *vm, struct str *source, struct buf *message)
{
    lua_pushcfunction(vm->L, open_protected);
    if (lua_pcall(vm->L, 0, 0, 0) == 0) {
        lua_pushcfunction(vm->L, load_protected);
        lua_pushlightuserdata(vm->L, source);
        if (protected_call(vm, 1, 0)) {
            collect_rarely(vm);
            return true;
        }
    }
    buf_printf(message, "policy %s: ", vm->name);
    say_why(vm, message);
    return false;
}

struct policy_vm *policy_vm_new(const char *name, struct str source, struct buf *message)
{
    struct policy_vm *vm = calloc(1, sizeof(*vm));

    if (!vm)
        abort();
    snprintf(vm->name, sizeof(vm->name), "%s", name);
    sha256_hex(source, vm->version);
    vm->L = lua_newstate(allocate, vm);
    if (vm->L && run(vm, &source, message))
        return vm;
    if (!vm->L)
        buf_printf(message, "policy %s: no memory for its state", name);
    policy_vm_free(vm);
    return NULL;
}

void policy_vm_free(struct policy_vm *vm)
{
    if (!vm)
        return;
    if (vm->L)
        lua_close(vm->L);
    heap_done(&vm->heap);
    free(vm);
}

const char *policy_vm_name(const struct policy_vm *vm)
{
    return vm->name;
}

const char *policy_vm_version(const struct policy_vm *vm)
{
    return vm->version;
}

bool policy_vm_is_constant(const struct policy_vm *vm)
{
    return !vm->late.is_read;
}

int policy_vm_line(const struct policy_vm *vm)
{
    return vm->evaluate_line > 0 ? vm->evaluate_line : 1;
}

bool policy_vm_evaluate(struct policy_vm *vm, lua_State *L, int input, struct buf *steps)
{
    struct buf why;
    bool is_ok;

    policy_late_give(&vm->late, L, input, vm->L);
    lua_rawgeti(vm->L, LUA_REGISTRYINDEX, vm->evaluate_ref);
    lua_pushvalue(vm->L, 1);
    if (steps)
        buf_add_char(steps, '[');
    vm->steps = steps;
    is_ok = protected_call(vm, 1, 1);
    vm->steps = NULL;
    if (steps)
        buf_add_char(steps, ']');
    buf_init(&why, WHY_MAX);
    if (!is_ok) {
        say_why(vm, &why);
        lua_pushlstring(L, why.at, why.len);
    } else if (!policy_late_take(&vm->late, vm->L, L)) {
        lua_pop(L, 1);
        lua_pushfstring(L, "lua/policies/%s.lua:%d: the result is not plain data", vm->name,
                        policy_vm_line(vm));
        is_ok = false;
    }
    buf_done(&why);
    policy_late_end(&vm->late, vm->L);
    lua_settop(vm->L, 0);
    if (!is_ok) /* what it piled up must not be in the way of the next */
        lua_gc(vm->L, LUA_GCCOLLECT, 0);
    return is_ok;
}
