/* core.geo: the index of this worker, filled by lua/flows/geo_feed.lua.
 * near{lat=, lng=, radius_km=nil, limit=20, mask=0, any_mask=0, after_distance_m=nil, after_id=nil}
 * -> array of {id=, distance_m=, mask=}, nearest first; put(id, lat, lng, mask); remove(id);
 * count(); distance_m(lat, lng, lat, lng); work() -> nodes, leaves of the last search; clear();
 * stats(). For specs and benches: pack(), use("generic" | "avx2" | nil) -> is it there. Arguments
 * out of range raise: what a client may send is checked by its route. */
#include "base/id.h"
#include "bridge/bind.h"
#include "bridge/state.h"
#include "geo/index.h"
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <string.h>

#define MASK_END    9007199254740992.0 /* 2^53: whole numbers below it are exact */
#define LIMIT_USUAL 20
#define UUID_TEXT   36
#define HEX_DIGITS  "0123456789abcdef"

static struct geo_index *index_of(lua_State *L)
{
    struct geo_index *index = bridge_deps(L)->geo;

    if (!index)
        luaL_error(L, "core.geo: this process keeps no index");
    return index;
}

static struct geo_point check_point(lua_State *L, int lat_index, int lng_index)
{
    struct geo_point point = {luaL_checknumber(L, lat_index), luaL_checknumber(L, lng_index)};

    if (!geo_is_valid(point))
        luaL_error(L, "core.geo: lat is -90..90 and both are finite");
    return point;
}

static uint64_t check_mask(lua_State *L, int index)
{
    double mask = luaL_checknumber(L, index);

    if (!(mask >= 0 && mask < MASK_END) || mask != floor(mask))
        luaL_error(L, "core.geo: mask is a whole number of at most 53 bits");
    return (uint64_t)mask;
}

static unsigned nibble(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

static struct geo_id check_id(lua_State *L, int index)
{
    struct geo_id id;
    struct str text;

    text.at = luaL_checklstring(L, index, &text.len);
    if (!id_is_uuid(text))
        luaL_error(L, "core.geo: id is a UUID");
    for (size_t at = 0, i = 0; i < sizeof(id.bytes); at += 2) {
        if (text.at[at] == '-')
            at++;
        id.bytes[i++] = (uint8_t)(nibble(text.at[at]) << 4 | nibble(text.at[at + 1]));
    }
    return id;
}

static void push_id(lua_State *L, const struct geo_id *id)
{
    char text[UUID_TEXT];
    size_t at = 0;

    for (size_t i = 0; i < sizeof(id->bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        text[at++] = HEX_DIGITS[id->bytes[i] >> 4];
        text[at++] = HEX_DIGITS[id->bytes[i] & 15];
    }
    lua_pushlstring(L, text, sizeof(text));
}

/* Leaves the named field on the stack's top. False: it is nil. */
static bool has_field(lua_State *L, const char *name)
{
    lua_getfield(L, 1, name);
    return !lua_isnil(L, -1);
}

/* Fields stay on the stack, at most nine of them. */
static struct geo_query check_query(lua_State *L)
{
    struct geo_query query = {.radius_km = INFINITY, .limit = LIMIT_USUAL, .after_distance_m = NAN};

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "lat");
    lua_getfield(L, 1, "lng");
    query.center = check_point(L, 2, 3);
    if (has_field(L, "radius_km"))
        query.radius_km = luaL_checknumber(L, -1);
    if (!(query.radius_km >= 0))
        luaL_error(L, "core.geo: radius_km is 0 or more");
    if (has_field(L, "limit")) {
        lua_Number limit = luaL_checknumber(L, -1);
        if (!(limit >= 1 && limit <= GEO_LIMIT_MAX) || limit != floor(limit))
            luaL_error(L, "core.geo: limit is 1..%d", GEO_LIMIT_MAX);
        query.limit = (size_t)limit;
    }
    if (has_field(L, "mask"))
        query.all_mask = check_mask(L, -1);
    if (has_field(L, "any_mask"))
        query.any_mask = check_mask(L, -1);
    if (has_field(L, "after_distance_m")) {
        query.after_distance_m = luaL_checknumber(L, -1);
        if (!(query.after_distance_m >= 0 && isfinite(query.after_distance_m)))
            luaL_error(L, "core.geo: after_distance_m is finite and 0 or more");
        lua_getfield(L, 1, "after_id");
        query.after_id = check_id(L, -1);
    }
    return query;
}

static int l_near(lua_State *L)
{
    struct geo_index *index = index_of(L);
    struct geo_query query = check_query(L);
    struct geo_hit hits[GEO_LIMIT_MAX];
    size_t count = geo_near(index, &query, hits);

    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 3);
        push_id(L, &hits[i].id);
        lua_setfield(L, -2, "id");
        lua_pushnumber(L, hits[i].distance_m);
        lua_setfield(L, -2, "distance_m");
        lua_pushnumber(L, (double)hits[i].mask);
        lua_setfield(L, -2, "mask");
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int l_put(lua_State *L)
{
    struct geo_index *index = index_of(L);
    struct geo_id id = check_id(L, 1);
    struct geo_point point = check_point(L, 2, 3);

    geo_index_put(index, id, point, check_mask(L, 4));
    return 0;
}

static int l_remove(lua_State *L)
{
    geo_index_remove(index_of(L), check_id(L, 1));
    return 0;
}

static int l_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)geo_index_count(index_of(L)));
    return 1;
}

static int l_distance_m(lua_State *L)
{
    lua_pushnumber(L, geo_distance_m(check_point(L, 1, 2), check_point(L, 3, 4)));
    return 1;
}

static int l_work(lua_State *L)
{
    struct geo_work work = geo_index_work(index_of(L));

    lua_pushinteger(L, (lua_Integer)work.nodes);
    lua_pushinteger(L, (lua_Integer)work.leaves);
    return 2;
}

/* Nobody is left. */
static int l_clear(lua_State *L)
{
    struct geo_index *index = index_of(L);
    struct geo_batch *nobody = geo_batch_new();

    geo_index_take(index, nobody);
    geo_batch_free(nobody);
    return 0;
}

static int l_pack(lua_State *L)
{
    geo_index_pack(index_of(L));
    return 0;
}

/* use(kernel) -> whether this processor has it; specs only. */
static int l_use(lua_State *L)
{
    lua_pushboolean(L, geo_index_use(index_of(L), luaL_optstring(L, 1, NULL)));
    return 1;
}

static void set_number(lua_State *L, const char *name, double value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, name);
}

static int l_stats(lua_State *L)
{
    struct geo_stats stats = geo_index_stats(index_of(L));

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
        {"near", l_near},
        {"put", l_put},
        {"remove", l_remove},
        {"count", l_count},
        {"distance_m", l_distance_m},
        {"work", l_work},
        {"clear", l_clear},
        {"pack", l_pack},
        {"use", l_use},
        {"stats", l_stats},
        {NULL, NULL},
    };

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
