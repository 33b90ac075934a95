/* The policies of a generation: lua/policies/<name>.lua as they lie on disk, and other texts of the
 * same names (versions kept in the database) as they are asked for. */
#ifndef SOUK_BRIDGE_POLICY_H
#define SOUK_BRIDGE_POLICY_H

#include "base/buf.h"
#include <stdbool.h>

struct policy_set;

/* Loads every file of <lua_dir>/policies and runs its examples. False: message says file, line and
 * why; *out is then NULL. */
bool policy_set_load(struct policy_set **out, const char *lua_dir, struct buf *message);
void policy_set_free(struct policy_set *set);

#endif
