/* One text of a policy: a pure function that operators edit, in a Lua state of its own with the JIT
 * off, a budget of instructions, little memory, and nothing to reach but arithmetic. Design:
 * design/runtime.md 2.4 and 2.6. */
#ifndef SOUK_BRIDGE_POLICY_VM_H
#define SOUK_BRIDGE_POLICY_VM_H

#include "base/buf.h"
#include "base/str.h"
#include <stdbool.h>

struct lua_State;
struct policy_vm;

#define POLICY_INSTRUCTIONS_MAX 200000
#define POLICY_MEMORY_MAX       (8u << 20)

/* Loads a text and runs its examples. NULL: message says line and why. The caller frees. */
struct policy_vm *policy_vm_new(const char *name, struct str source, struct buf *message);
void policy_vm_free(struct policy_vm *vm);
const char *policy_vm_name(const struct policy_vm *vm);
/* SHA-256 of the text, hex. */
const char *policy_vm_version(const struct policy_vm *vm);
/* Where its evaluate begins. */
int policy_vm_line(const struct policy_vm *vm);
/* Evaluates the table at index input of L and pushes the result there; false: pushes why not.
 * steps, when not NULL and empty, gets the lines that ran and what they saw before they ran, as a
 * JSON array of {"line", "values"}. */
bool policy_vm_evaluate(struct policy_vm *vm, struct lua_State *L, int input, struct buf *steps);
/* The last evaluation looked at nothing of its input: any other gives the same. */
bool policy_vm_is_constant(const struct policy_vm *vm);

#endif
