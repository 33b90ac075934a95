/* What Lua hands to core.geo, checked: each of these raises. */
#ifndef SOUK_BRIDGE_GEO_ARGS_H
#define SOUK_BRIDGE_GEO_ARGS_H

#include "base/id.h"
#include "base/str.h"
#include "geo/index.h"

struct lua_State;

#define GEO_ID_TEXT      ID_TEXT
#define GEO_QUERY_FIELDS 8

struct geo_index *geo_index_of(struct lua_State *L);
struct geo_point geo_check_point(struct lua_State *L, int lat_index, int lng_index);
uint64_t geo_check_mask(struct lua_State *L, int index);
size_t geo_check_limit(struct lua_State *L, int index);
struct geo_id geo_check_id(struct lua_State *L, int index);
/* The table at 1, see bind_geo.c. Fields stay on the stack. Only for a function whose first
 * upvalues are what geo_push_query_fields pushed. */
struct geo_query geo_check_query(struct lua_State *L);
int geo_push_query_fields(struct lua_State *L); /* returns GEO_QUERY_FIELDS */
/* These do not raise. */
bool geo_read_id(struct str text, struct geo_id *id);
void geo_write_id(const struct geo_id *id, char text[GEO_ID_TEXT]);

bool geo_is_loaded(void); /* geo_load.c */

/* Of core.geo, in files of their own. */
int geo_l_load(struct lua_State *L);
int geo_l_swap(struct lua_State *L);
int geo_l_cursor(struct lua_State *L);
int geo_l_is_loaded(struct lua_State *L);
struct geo_index *geo_next_of(struct lua_State *L); /* what load() brought; raises: nothing */
int geo_l_cards_near(struct lua_State *L);
int geo_l_cards_read(struct lua_State *L);
int geo_l_cards_drop(struct lua_State *L);
int geo_l_cards_clear(struct lua_State *L);
int geo_l_near_json(struct lua_State *L);

#endif
