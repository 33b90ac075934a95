/* The modules that C gives to Lua, one a file bind_*.c; libraries.c lists them. */
#ifndef SOUK_BRIDGE_BIND_H
#define SOUK_BRIDGE_BIND_H

#include "base/str.h"

struct lua_State;

/* Pushes the serial of a token that was verified before, for it is no use to make a text of that
 * again; else the header as it is, or nil. */
void bridge_push_authorization(struct lua_State *L, struct str header);

int luaopen_core_err(struct lua_State *L);
int luaopen_core_db(struct lua_State *L);
int luaopen_core_crypto(struct lua_State *L);
int luaopen_core_fetch(struct lua_State *L);
int luaopen_core_stripe(struct lua_State *L);
int luaopen_core_geo(struct lua_State *L);
int luaopen_core_stock(struct lua_State *L);
int luaopen_core_shared(struct lua_State *L);
int luaopen_core_log(struct lua_State *L);
int luaopen_core_clock(struct lua_State *L);
int luaopen_core_sleep(struct lua_State *L);
int luaopen_core_conf(struct lua_State *L);
int luaopen_core_metric(struct lua_State *L);
int luaopen_core_media(struct lua_State *L);
int luaopen_core_parallel(struct lua_State *L);
int luaopen_core_info(struct lua_State *L);
int luaopen_core_policy(struct lua_State *L);
int luaopen_core_plugin(struct lua_State *L);
int luaopen_core_state_file(struct lua_State *L);
int luaopen_core_reload(struct lua_State *L);
int luaopen_core_crash(struct lua_State *L);

#endif
