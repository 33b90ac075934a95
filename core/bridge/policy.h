/* Policies: lua/policies/<name>.lua, pure functions that operators edit, each in a Lua state of its
 * own with the JIT off, a budget of instructions, little memory, and nothing to reach but
 * arithmetic. Design: design/runtime.md 2.4 and 2.6. */
#ifndef SOUK_BRIDGE_POLICY_H
#define SOUK_BRIDGE_POLICY_H

#include "base/buf.h"
#include <stdbool.h>

struct lua_State;
struct policy_set;

#define POLICY_INSTRUCTIONS_MAX 200000
#define POLICY_MEMORY_MAX       (8u << 20)

/* Loads every file of <lua_dir>/policies and runs its examples. False: message says file, line and
 * why; *out is then NULL. */
bool policy_set_load(struct policy_set **out, const char *lua_dir, struct buf *message);
void policy_set_free(struct policy_set *set);

#endif
