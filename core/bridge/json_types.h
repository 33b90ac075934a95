/* The marks that JSON values carry in Lua: metatables in the registry, told apart by the address of
 * a byte of ours. */
#ifndef SOUK_BRIDGE_JSON_TYPES_H
#define SOUK_BRIDGE_JSON_TYPES_H

#include <stdbool.h>

struct lua_State;

#define JSON_TEXT_MAX (16u << 20)

bool json_is_marked_array(struct lua_State *L, int index);
bool json_is_marked_object(struct lua_State *L, int index);

#endif
