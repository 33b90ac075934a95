/* How long Lua may run at a stretch. The worker says when it enters Lua; the master looks every 10
 * ms and sends SIGUSR1 past the soft limit, SIGKILL past the hard one. The handler arms a hook that
 * raises at the next instruction and stays armed until the resume returns, so that a pcall cannot
 * swallow it. Compiled loops are left through LuaJIT's profiler guards (found by experiment:
 * luaJIT_profile_start with "l" makes the recorder put a check of the hook mask into every trace;
 * raising SIGPROF sets it). */
#ifndef SOUK_BRIDGE_BUDGET_H
#define SOUK_BRIDGE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lua_State;

/* Takes SIGUSR1 for this process. Once, before Lua runs. */
void budget_init(int soft_ms);
/* Puts the guards on this state's JIT, and off the state that had them. */
void budget_guard(struct lua_State *L);
/* The state is about to be closed. */
void budget_forget(struct lua_State *L);
/* Around each lua_resume. entered_at_us may be NULL: no budget. is_outermost: not called from
 * inside another resume. */
void budget_enter(_Atomic int64_t *entered_at_us, struct lua_State *L, bool is_outermost);
void budget_leave(_Atomic int64_t *entered_at_us, struct lua_State *L, bool is_outermost);
/* Around the loading of a generation's files, which nobody may keep from ending either. */
void budget_load(struct lua_State *L);
void budget_loaded(struct lua_State *L);
/* For processes that no master watches, like `souk plugin check`: the code of plugins has the
 * budget of a load there, and what C holds for seconds of CPU time ends the process, with a line to
 * fd. */
void budget_alone(int seconds, int fd);
/* Around the code of a plugin. what: its name and more, parted by tabs. */
void budget_plugin(struct lua_State *L, const char *what);
void budget_plugin_end(struct lua_State *L);
/* A new stretch begins, with the whole budget: so that what a plugin uses up is its own, and who
 * called it goes on. Only the file that calls plugins may ask for it; the hook spares its code. */
#define BUDGET_GUARD "@lua/souk/plugin/guard.lua"
void budget_renew(struct lua_State *L);

#endif
