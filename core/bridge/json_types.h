/* The marks that JSON values carry in Lua: metatables, which name themselves in [1] by the address
 * of a byte of ours (Lua has no such value to forge one with). */
#ifndef SOUK_BRIDGE_JSON_TYPES_H
#define SOUK_BRIDGE_JSON_TYPES_H

#include <stdbool.h>

struct lua_State;

#define JSON_TEXT_MAX (16u << 20)

enum json_mark { JSON_MARK_NONE, JSON_MARK_ARRAY, JSON_MARK_OBJECT, JSON_MARK_RAW };

enum json_mark json_mark_of(struct lua_State *L, int index);

#endif
