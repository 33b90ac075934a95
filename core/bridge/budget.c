/* See budget.h. The one difficulty: what runs here runs in a signal handler on the only thread that
 * touches Lua; it may only call lua_sethook (as luajit.c does) and raise. */
#include "bridge/budget.h"

#include "base/clock.h"
#include "base/log.h"
#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LOAD_MAX_US   5000000
#define PLUGIN_MAX_US 1000000
#define LOAD_STEP     10000

static struct {
    lua_State *volatile running;    /* between enter and leave */
    volatile sig_atomic_t is_armed; /* the hook is on */
    volatile int64_t entered_us;
    volatile int64_t suspect_entered_us; /* which stretch was looked at first … */
    volatile int64_t
        suspect_cpu_us; /* … and its CPU time then: waiting for a core is nobody's fault */
    lua_State *guarded;
    _Atomic int64_t *entered_at_us; /* what the master sees of entered_us */
    int64_t soft_us;
    lua_State *loading;  /* between load and loaded */
    int64_t load_cpu_us; /* when that began */
    bool is_alone;
    int stuck_fd;
    lua_State *plugin_lua; /* what budget_plugin was told last */
    char plugin[64];
} budget;

static int64_t thread_cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* What called a plugin and must be able to tell that it was stopped. */
static bool is_guard(lua_State *L, lua_Debug *ar)
{
    return lua_getinfo(L, "S", ar) && strcmp(ar->source, BUDGET_GUARD) == 0;
}

static void stop(lua_State *L, lua_Debug *ar)
{
    if (is_guard(L, ar))
        return;
    luaL_where(L, 0); /* inside a hook, level 0 is what it interrupted */
    lua_pushfstring(L, "the CPU budget of %d ms at a stretch is used up: wait in between",
                    (int)(budget.soft_us / 1000));
    lua_concat(L, 2);
    lua_error(L);
}

static void on_usr1(int signal_number)
{
    lua_State *L = budget.running;

    (void)signal_number;
    if (!L)
        return;
    if (budget.suspect_entered_us != budget.entered_us) {
        budget.suspect_entered_us = budget.entered_us;
        budget.suspect_cpu_us = thread_cpu_us();
        return;
    }
    if (thread_cpu_us() - budget.suspect_cpu_us < budget.soft_us)
        return;
    budget.is_armed = 1;
    lua_sethook(L, stop, LUA_MASKCOUNT, 1);
    if (budget.guarded)
        raise(SIGPROF);
}

static void no_sample(void *data, lua_State *L, int samples, int vmstate)
{
    (void)data, (void)L, (void)samples, (void)vmstate;
}

void budget_init(int soft_ms)
{
    struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_RESTART};

    budget.soft_us = (int64_t)soft_ms * 1000;
    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
}

void budget_guard(lua_State *L)
{
    struct itimerval off = {0};

    if (budget.guarded == L)
        return;
    if (budget.guarded) {
        luaJIT_profile_stop(budget.guarded);
        luaJIT_setmode(budget.guarded, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    }
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_ON);
    luaJIT_profile_start(L, "li1000", no_sample, NULL);
    setitimer(ITIMER_PROF, &off, NULL);
    budget.guarded = L;
}

void budget_forget(lua_State *L)
{
    if (budget.guarded != L)
        return;
    luaJIT_profile_stop(L);
    budget.guarded = NULL;
}

/* While files are loaded nobody counts our time from outside, and the JIT is off: a count hook
 * does. Once it has raised it raises at every step, as the other one. */
static void stop_load(lua_State *L, lua_Debug *ar)
{
    int64_t max_us = budget.loading ? LOAD_MAX_US : PLUGIN_MAX_US;

    if (thread_cpu_us() - budget.load_cpu_us < max_us || is_guard(L, ar))
        return;
    lua_sethook(L, stop_load, LUA_MASKCOUNT, 1);
    luaL_where(L, 0);
    lua_pushfstring(L, "loading takes more than %d ms", (int)(max_us / 1000));
    lua_concat(L, 2);
    lua_error(L);
}

void budget_load(lua_State *L)
{
    budget.load_cpu_us = thread_cpu_us();
    budget.loading = L;
    lua_sethook(L, stop_load, LUA_MASKCOUNT, LOAD_STEP);
}

void budget_loaded(lua_State *L)
{
    budget.loading = NULL;
    lua_sethook(L, NULL, 0, 0);
}

/* The process ends here, so what is asked of Lua need not be safe in a handler. */
static void on_stuck(int signal_number)
{
    char line[300];
    lua_Debug ar;
    int length;

    (void)signal_number;
    length = snprintf(line, sizeof(line), "plugins/%.60s/plugin.lua: ", budget.plugin);
    for (int level = 0; budget.plugin_lua && lua_getstack(budget.plugin_lua, level, &ar); level++) {
        lua_getinfo(budget.plugin_lua, "Sl", &ar);
        if (ar.currentline > 0 && strncmp(ar.short_src, "plugins/", 8) == 0) {
            length = snprintf(line, sizeof(line), "%.100s:%d: ", ar.short_src, ar.currentline);
            break;
        }
    }
    length += snprintf(line + length, sizeof(line) - (size_t)length,
                       "a function of C does not end: stopped\n");
    if (write(budget.stuck_fd, line, (size_t)length) < 0)
        _exit(2);
    _exit(1);
}

void budget_alone(int seconds, int fd)
{
    struct rlimit limit = {(rlim_t)seconds, (rlim_t)seconds + 5};

    budget.is_alone = true;
    budget.stuck_fd = fd;
    signal(SIGXCPU, on_stuck);
    setrlimit(RLIMIT_CPU, &limit);
}

void budget_plugin(lua_State *L, const char *what)
{
    if (!budget.is_alone)
        return;
    budget.plugin_lua = L;
    snprintf(budget.plugin, sizeof(budget.plugin), "%.*s", (int)strcspn(what, "\t"), what);
    if (budget.loading)
        return;
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    budget.load_cpu_us = thread_cpu_us();
    lua_sethook(L, stop_load, LUA_MASKCOUNT, LOAD_STEP);
}

void budget_plugin_end(lua_State *L)
{
    if (budget.is_alone && !budget.loading)
        lua_sethook(L, NULL, 0, 0);
}

static void disarm(lua_State *L)
{
    if (!budget.is_armed)
        return;
    budget.is_armed = 0;
    lua_sethook(L, NULL, 0, 0);
    log_warn("lua.budget.used", "budget_ms=%d", (int)(budget.soft_us / 1000));
}

void budget_enter(_Atomic int64_t *entered_at_us, lua_State *L, bool is_outermost)
{
    if (!is_outermost || !entered_at_us)
        return;
    budget.entered_at_us = entered_at_us;
    budget.entered_us = clock_monotonic_us();
    budget.running = L;
    atomic_store_explicit(entered_at_us, budget.entered_us, memory_order_relaxed);
}

void budget_renew(lua_State *L)
{
    if (budget.loading)
        budget_load(budget.loading);
    if (!budget.running)
        return;
    budget.entered_us = clock_monotonic_us();
    atomic_store_explicit(budget.entered_at_us, budget.entered_us, memory_order_relaxed);
    disarm(L);
}

void budget_leave(_Atomic int64_t *entered_at_us, lua_State *L, bool is_outermost)
{
    if (!is_outermost || !entered_at_us)
        return;
    atomic_store_explicit(entered_at_us, 0, memory_order_relaxed);
    budget.running = NULL;
    disarm(L);
}
