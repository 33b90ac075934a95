/* See geo_args.h. */
#include "bridge/geo_args.h"

#include "base/id.h"
#include "base/str.h"
#include "bridge/state.h"
#include <endian.h>
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <string.h>

#define MASK_END    9007199254740992.0 /* 2^53: whole numbers below it are exact */
#define LIMIT_USUAL 20

struct geo_index *geo_index_of(lua_State *L)
{
    struct geo_index *index = bridge_deps(L)->geo;

    if (!index)
        luaL_error(L, "core.geo: this process keeps no index");
    return index;
}

struct geo_point geo_check_point(lua_State *L, int lat_index, int lng_index)
{
    struct geo_point point = {luaL_checknumber(L, lat_index), luaL_checknumber(L, lng_index)};

    if (!geo_is_valid(point))
        luaL_error(L, "core.geo: lat is -90..90 and both are finite");
    return point;
}

uint64_t geo_check_mask(lua_State *L, int index)
{
    double mask = luaL_checknumber(L, index);

    if (!(mask >= 0 && mask < MASK_END) || mask != floor(mask))
        luaL_error(L, "core.geo: mask is a whole number of at most 53 bits");
    return (uint64_t)mask;
}

size_t geo_check_limit(lua_State *L, int index)
{
    lua_Number limit = luaL_checknumber(L, index);

    if (!(limit >= 1 && limit <= GEO_LIMIT_MAX) || limit != floor(limit))
        luaL_error(L, "core.geo: limit is 1..%d", GEO_LIMIT_MAX);
    return (size_t)limit;
}

/* What a hex digit stands for; 16 and more: it is none. */
static unsigned nibble(char digit)
{
    static const uint8_t by_digit[256] = {
        ['0'] = 16 | 0,  ['1'] = 16 | 1,  ['2'] = 16 | 2,  ['3'] = 16 | 3,  ['4'] = 16 | 4,
        ['5'] = 16 | 5,  ['6'] = 16 | 6,  ['7'] = 16 | 7,  ['8'] = 16 | 8,  ['9'] = 16 | 9,
        ['a'] = 16 | 10, ['b'] = 16 | 11, ['c'] = 16 | 12, ['d'] = 16 | 13, ['e'] = 16 | 14,
        ['f'] = 16 | 15, ['A'] = 16 | 10, ['B'] = 16 | 11, ['C'] = 16 | 12, ['D'] = 16 | 13,
        ['E'] = 16 | 14, ['F'] = 16 | 15,
    };

    return by_digit[(unsigned char)digit] ^ 16u;
}

bool geo_read_id(struct str text, struct geo_id *id)
{
    /* Where the two digits of each byte begin. */
    static const uint8_t at[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
    unsigned seen = 0;

    if (text.len != GEO_ID_TEXT || text.at[8] != '-' || text.at[13] != '-' || text.at[18] != '-' ||
        text.at[23] != '-')
        return false;
    for (size_t i = 0; i < sizeof(id->bytes); i++) {
        unsigned high = nibble(text.at[at[i]]);
        unsigned low = nibble(text.at[at[i] + 1]);
        seen |= high | low;
        id->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return seen < 16;
}

struct geo_id geo_check_id(lua_State *L, int index)
{
    struct geo_id id;
    struct str text;

    text.at = luaL_checklstring(L, index, &text.len);
    if (!geo_read_id(text, &id))
        luaL_error(L, "core.geo: id is a UUID");
    return id;
}

void geo_write_id(const struct geo_id *id, char text[GEO_ID_TEXT])
{
    uint64_t halves[2];

    memcpy(halves, id->bytes, sizeof(halves));
    id_text(be64toh(halves[0]), be64toh(halves[1]), text);
}

/* A query's fields: upvalues of who takes one, since making a string of a name each time is not
 * free. */
enum { LAT = 1, LNG, RADIUS_KM, LIMIT, MASK, ANY_MASK, AFTER_DISTANCE_M, AFTER_ID };

int geo_push_query_fields(lua_State *L)
{
    static const char *const names[GEO_QUERY_FIELDS] = {
        "lat", "lng", "radius_km", "limit", "mask", "any_mask", "after_distance_m", "after_id",
    };

    for (int i = 0; i < GEO_QUERY_FIELDS; i++)
        lua_pushstring(L, names[i]);
    return GEO_QUERY_FIELDS;
}

/* Leaves the field on the stack's top. False: it is nil. */
static bool has_field(lua_State *L, int field)
{
    lua_pushvalue(L, lua_upvalueindex(field));
    lua_gettable(L, 1);
    return !lua_isnil(L, -1);
}

/* Fields stay on the stack, at most eight of them. */
struct geo_query geo_check_query(lua_State *L)
{
    struct geo_query query = {.radius_km = INFINITY, .limit = LIMIT_USUAL, .after_distance_m = NAN};

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    (void)has_field(L, LAT);
    (void)has_field(L, LNG);
    query.center = geo_check_point(L, 2, 3);
    if (has_field(L, RADIUS_KM))
        query.radius_km = luaL_checknumber(L, -1);
    if (!(query.radius_km >= 0))
        luaL_error(L, "core.geo: radius_km is 0 or more");
    if (has_field(L, LIMIT))
        query.limit = geo_check_limit(L, -1);
    if (has_field(L, MASK))
        query.all_mask = geo_check_mask(L, -1);
    if (has_field(L, ANY_MASK))
        query.any_mask = geo_check_mask(L, -1);
    if (has_field(L, AFTER_DISTANCE_M)) {
        query.after_distance_m = luaL_checknumber(L, -1);
        if (!(query.after_distance_m >= 0 && isfinite(query.after_distance_m)))
            luaL_error(L, "core.geo: after_distance_m is finite and 0 or more");
        (void)has_field(L, AFTER_ID);
        query.after_id = geo_check_id(L, -1);
    }
    return query;
}
