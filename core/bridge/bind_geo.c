/* core.geo: the index of this worker, filled by lua/flows/geo_feed.lua.
 *   near{lat=, lng=, radius_km=nil, limit=20, mask=0, any_mask=0, after_distance_m=nil,
 *     after_id=nil, masks=nil} -> array of {id=, distance_m=}, with masks also {mask=}, nearest
 *     first
 *   near_json(the same) -> text of [{"id":, "distanceKm":}], count
 *   put(id, lat, lng, mask), remove(id), clear(), count(), stats()
 *   mark(id, mask) -> is it there: the mask alone, without looking where
 *   distance_m(lat, lng, lat, lng)
 *   load(query) -> snapshot, is_new | nil, why: waits (geo_load.c); put(…, true) and
 *     remove(id, true) change what it brought, swap() shows it
 *   cursor([text]) -> up to which snapshot the index was followed | nil: never loaded
 *   is_loaded() -> whether it is not nil
 *   cards_near, cards_read, cards_drop, cards_clear: geo_cards.c
 *   work() -> nodes, leaves of the last search
 *   searches() -> a number that each search changes
 * For specs and benches: pack(), use("generic" | "avx2" | nil) -> is it there. Arguments out of
 * range raise: what a client may send is checked by its route. */
#include "bridge/bind.h"
#include "bridge/geo_args.h"
#include "bridge/state.h"
#include "geo/index.h"
#include <lauxlib.h>
#include <lua.h>

/* Names of what is asked and answered, as upvalues after those of a query. */
enum { MASKS = GEO_QUERY_FIELDS + 1, HIT_ID, HIT_DISTANCE_M, HIT_MASK };

static int l_near(lua_State *L)
{
    struct geo_index *index = geo_index_of(L);
    struct geo_query query = geo_check_query(L);
    struct geo_hit hits[GEO_LIMIT_MAX];
    char id[GEO_ID_TEXT];
    size_t count = geo_near(index, &query, hits);
    bool has_masks;
    int id_name;

    lua_pushvalue(L, lua_upvalueindex(MASKS));
    lua_gettable(L, 1);
    has_masks = lua_toboolean(L, -1);
    /* The stack is nearer than upvalues are. */
    id_name = lua_gettop(L) + 1;
    lua_pushvalue(L, lua_upvalueindex(HIT_ID));
    lua_pushvalue(L, lua_upvalueindex(HIT_DISTANCE_M));
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, has_masks ? 3 : 2);
        geo_write_id(&hits[i].id, id);
        lua_pushvalue(L, id_name);
        lua_pushlstring(L, id, sizeof(id));
        lua_rawset(L, -3);
        lua_pushvalue(L, id_name + 1);
        lua_pushnumber(L, hits[i].distance_m);
        lua_rawset(L, -3);
        if (has_masks) {
            lua_pushvalue(L, lua_upvalueindex(HIT_MASK));
            lua_pushnumber(L, (double)hits[i].mask);
            lua_rawset(L, -3);
        }
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

/* With true as its last argument, into what load() brought and swap() has not yet shown. */
static struct geo_index *target_of(lua_State *L, int index)
{
    return lua_toboolean(L, index) ? geo_next_of(L) : geo_index_of(L);
}

static int l_put(lua_State *L)
{
    struct geo_index *index = target_of(L, 5);
    struct geo_id id = geo_check_id(L, 1);
    struct geo_point point = geo_check_point(L, 2, 3);

    geo_index_put(index, id, point, geo_check_mask(L, 4));
    return 0;
}

static int l_mark(lua_State *L)
{
    struct geo_index *index = geo_index_of(L);
    struct geo_id id = geo_check_id(L, 1);

    lua_pushboolean(L, geo_index_mark(index, id, geo_check_mask(L, 2)));
    return 1;
}

static int l_remove(lua_State *L)
{
    geo_index_remove(target_of(L, 2), geo_check_id(L, 1));
    return 0;
}

static int l_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)geo_index_count(geo_index_of(L)));
    return 1;
}

static int l_distance_m(lua_State *L)
{
    lua_pushnumber(L, geo_distance_m(geo_check_point(L, 1, 2), geo_check_point(L, 3, 4)));
    return 1;
}

static int l_work(lua_State *L)
{
    struct geo_work work = geo_index_work(geo_index_of(L));

    lua_pushinteger(L, (lua_Integer)work.nodes);
    lua_pushinteger(L, (lua_Integer)work.leaves);
    return 2;
}

static int l_searches(lua_State *L)
{
    lua_pushnumber(L, (double)geo_index_searches(geo_index_of(L)));
    return 1;
}

/* Nobody is left. */
static int l_clear(lua_State *L)
{
    struct geo_index *index = geo_index_of(L);
    struct geo_batch *nobody = geo_batch_new();

    geo_index_take(index, nobody);
    geo_batch_free(nobody);
    return 0;
}

static int l_pack(lua_State *L)
{
    geo_index_pack(geo_index_of(L));
    return 0;
}

/* use(kernel) -> whether this processor has it; specs only. */
static int l_use(lua_State *L)
{
    lua_pushboolean(L, geo_index_use(geo_index_of(L), luaL_optstring(L, 1, NULL)));
    return 1;
}

static void set_number(lua_State *L, const char *name, double value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, name);
}

static int l_stats(lua_State *L)
{
    struct geo_stats stats = geo_index_stats(geo_index_of(L));

    lua_newtable(L);
    set_number(L, "count", (double)stats.count);
    set_number(L, "tree_bytes", (double)stats.tree_bytes);
    set_number(L, "id_bytes", (double)stats.id_bytes);
    set_number(L, "trees", (double)stats.trees);
    set_number(L, "loose", (double)stats.loose);
    set_number(L, "packings", (double)stats.packings);
    lua_pushboolean(L, stats.is_packing);
    lua_setfield(L, -2, "is_packing");
    return 1;
}

int luaopen_core_geo(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"put", l_put},
        {"mark", l_mark},
        {"remove", l_remove},
        {"count", l_count},
        {"distance_m", l_distance_m},
        {"work", l_work},
        {"searches", l_searches},
        {"clear", l_clear},
        {"load", geo_l_load},
        {"swap", geo_l_swap},
        {"cursor", geo_l_cursor},
        {"is_loaded", geo_l_is_loaded},
        {"cards_near", geo_l_cards_near},
        {"cards_read", geo_l_cards_read},
        {"cards_drop", geo_l_cards_drop},
        {"cards_clear", geo_l_cards_clear},
        {"pack", l_pack},
        {"use", l_use},
        {"stats", l_stats},
        {NULL, NULL},
    };

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushcclosure(L, geo_l_near_json, geo_push_query_fields(L));
    lua_setfield(L, -2, "near_json");
    (void)geo_push_query_fields(L);
    lua_pushliteral(L, "masks");
    lua_pushliteral(L, "id");
    lua_pushliteral(L, "distance_m");
    lua_pushliteral(L, "mask");
    lua_pushcclosure(L, l_near, HIT_MASK);
    lua_setfield(L, -2, "near");
    return 1;
}
