/* core.geo.cards_*: answers about vendors made of texts that are kept (geo/cards.h), in C: a table
 * a vendor would cost more than the search.
 *   cards_near(lat, lng, radius_km | nil, limit, mask, epoch) -> text of {"data":[…]}, to be
 *     answered at once (json_push_text), count | nil, array literal of the ids that have no text
 *     | nil: nothing was loaded, or more was announced than the epoch of "geo" that is given; with
 *     true in place of an epoch this is not asked, and who has no text is left out
 *   cards_read(query name, ids literal) -> true | nil, err: waits; the rows have "~id" first
 *   cards_drop(id), cards_clear()
 * Each member is the vendor's object with distanceKm, metres rounded, as its last field. */
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/metric.h"
#include "bridge/co.h"
#include "bridge/db_args.h"
#include "bridge/geo_args.h"
#include "bridge/json.h"
#include "bridge/state.h"
#include "db/query.h"
#include "db/result.h"
#include "geo/cards.h"

#define ANSWER_MAX     (16u << 20)
#define KEPT_MAX       (1u << 20)
#define TIES_LOOKED_AT 16
#define KM_MAX         24
#define DISTANCE       ",\"distanceKm\":"

static struct buf *scratch(void)
{
    static struct buf text = {.size_max = ANSWER_MAX};

    buf_reuse(&text, KEPT_MAX);
    return &text;
}

/* "00" to "99". */
static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static char *write_pair(char *at, uint32_t number)
{
    memcpy(at, &pairs[2 * number], 2);
    return at + 2;
}

/* Below 100 000: half the circumference is 20 016 km. */
static char *write_whole(char *at, uint32_t number)
{
    if (number >= 1000) {
        at = write_whole(at, number / 1000);
        number %= 1000;
        *at++ = (char)('0' + number / 100);
        return write_pair(at, number % 100);
    }
    if (number >= 100) {
        *at++ = (char)('0' + number / 100);
        return write_pair(at, number % 100);
    }
    if (number >= 10)
        return write_pair(at, number);
    *at = (char)('0' + number);
    return at + 1;
}

/* Whole metres as kilometres, without zeros at the end. Returns where it ends. */
static char *write_km(char at[KM_MAX], double distance_m)
{
    uint32_t metres = (uint32_t)(distance_m + 0.5);
    uint32_t fraction = metres % 1000;

    at = write_whole(at, metres / 1000);
    if (fraction == 0)
        return at;
    *at = '.';
    write_pair(at + 1, fraction / 10);
    at[3] = (char)('0' + fraction % 10);
    return at + (at[3] != '0' ? 4 : at[2] != '0' ? 3 : 2);
}

static void add_km(struct buf *out, double distance_m)
{
    char text[KM_MAX];

    buf_add(out, text, (size_t)(write_km(text, distance_m) - text));
}

static void add_id(struct buf *out, const struct geo_id *id)
{
    char text[GEO_ID_TEXT];

    geo_write_id(id, text);
    buf_add(out, text, sizeof(text));
}

static int push_text(lua_State *L, const struct buf *text, size_t count)
{
    if (text->is_full)
        return luaL_error(L, "core.geo: the answer is too large");
    lua_pushlstring(L, text->at, text->len);
    lua_pushinteger(L, (lua_Integer)count);
    return 2;
}

int geo_l_near_json(lua_State *L)
{
    struct geo_index *index = geo_index_of(L);
    struct geo_query query = geo_check_query(L);
    struct geo_hit hits[GEO_LIMIT_MAX];
    size_t count = geo_near(index, &query, hits);
    struct buf *out = scratch();

    buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        buf_add_z(out, i == 0 ? "{\"id\":\"" : ",{\"id\":\"");
        add_id(out, &hits[i].id);
        buf_add_z(out, "\",\"distanceKm\":");
        add_km(out, hits[i].distance_m);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    return push_text(L, out, count);
}

static struct geo_cards *cards_of(lua_State *L)
{
    struct geo_cards *cards = bridge_deps(L)->geo_cards;

    if (!cards)
        luaL_error(L, "core.geo: this process keeps no cards");
    return cards;
}

/* Each card ends with a brace: before it comes the distance. */
static void add_card(struct buf *out, struct str card, double distance_m)
{
    char *at;

    if (!buf_reserve(out, card.len + sizeof(DISTANCE) + KM_MAX + 1))
        return;
    at = out->at + out->len;
    memcpy(at, card.at, card.len - 1);
    at += card.len - 1;
    memcpy(at, DISTANCE, sizeof(DISTANCE) - 1);
    at += sizeof(DISTANCE) - 1;
    at = write_km(at, distance_m);
    *at++ = '}';
    *at++ = ',';
    *at = '\0';
    out->len = (size_t)(at - out->at);
}

static void
add_cards(struct buf *out, const struct geo_hit *hits, const struct str *cards, size_t count)
{
    static const char head[] = "{\"data\":[";

    buf_add(out, head, sizeof(head) - 1);
    for (size_t i = 0; i < count; i++)
        if (cards[i].at)
            add_card(out, cards[i], hits[i].distance_m);
    if (out->len > 0 && out->at[out->len - 1] == ',')
        out->len--;
    buf_add(out, "]}", 2);
}

static void
list_missing(struct buf *out, const struct geo_hit *hits, const struct str *cards, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (cards[i].at)
            continue;
        buf_add_char(out, out->len == 0 ? '{' : ',');
        add_id(out, &hits[i].id);
    }
    buf_add_char(out, '}');
}

static int64_t millimetres(const struct geo_hit *hit)
{
    return (int64_t)(hit->distance_m * 1000 + 0.5);
}

static bool comes_before(const struct geo_hit *a, const struct geo_hit *b)
{
    int64_t a_mm = millimetres(a);
    int64_t b_mm = millimetres(b);

    return a_mm != b_mm ? a_mm < b_mm : memcmp(a->id.bytes, b->id.bytes, sizeof(a->id.bytes)) < 0;
}

/* They come in the order of their metres. */
static void sort_by_mm(struct geo_hit *hits, size_t count)
{
    int64_t before_mm = -1;

    for (size_t i = 0; i < count; i++) {
        int64_t mm = millimetres(&hits[i]);
        bool is_tie = mm == before_mm;

        before_mm = mm;
        for (size_t at = i; is_tie && at > 0 && comes_before(&hits[at], &hits[at - 1]); at--) {
            struct geo_hit hit = hits[at];
            hits[at] = hits[at - 1];
            hits[at - 1] = hit;
        }
    }
}

static size_t limit_of(size_t wanted)
{
    return wanted < GEO_LIMIT_MAX ? wanted : GEO_LIMIT_MAX;
}

/* Nearest first to the millimetre, ties by id: below that the sphere's arithmetic has noise, which
 * must not order two places that are equally far. They come almost in order. Where the last one
 * wanted and the next are equally far, a few more are looked at. */
static size_t near_in_mm(struct geo_index *index, struct geo_query query, struct geo_hit *hits)
{
    size_t wanted = query.limit;
    size_t count;

    query.limit = limit_of(wanted + 1);
    count = geo_near(index, &query, hits);
    if (count > wanted && millimetres(&hits[wanted - 1]) == millimetres(&hits[wanted])) {
        query.limit = limit_of(wanted + TIES_LOOKED_AT);
        count = geo_near(index, &query, hits);
    }
    sort_by_mm(hits, count);
    return count < wanted ? count : wanted;
}

static void count_answer(bool is_hit)
{
    static metric_id hit = -1, miss = -1;

    if (hit < 0) {
        hit = metric_register(METRIC_COUNTER, "souk_geo_cards_total", "result=\"hit\"",
                              "answers about vendors around a point, by whether all were kept");
        miss = metric_register(METRIC_COUNTER, "souk_geo_cards_total", "result=\"miss\"", "");
    }
    metric_add(is_hit ? hit : miss, 1);
}

/* lat, lng, radius_km, limit, mask as in a query's table. */
static struct geo_query check_around(lua_State *L)
{
    struct geo_query query = {.radius_km = INFINITY, .after_distance_m = NAN};

    query.center = geo_check_point(L, 1, 2);
    if (!lua_isnoneornil(L, 3))
        query.radius_km = luaL_checknumber(L, 3);
    query.limit = geo_check_limit(L, 4);
    query.all_mask = geo_check_mask(L, 5);
    luaL_argcheck(L, query.radius_km >= 0, 3, "0 or more");
    return query;
}

static bool is_behind(lua_State *L, lua_Number epoch)
{
    return !geo_is_loaded() || (double)atomic_load(&bridge_deps(L)->epochs[EPOCH_GEO]) > epoch;
}

int geo_l_cards_near(lua_State *L)
{
    struct geo_cards *cards = cards_of(L);
    struct geo_index *index = geo_index_of(L);
    struct geo_query query = check_around(L);
    bool is_last = lua_isboolean(L, 6) && lua_toboolean(L, 6);
    struct geo_hit hits[GEO_LIMIT_MAX];
    struct str texts[GEO_LIMIT_MAX];
    size_t count, found;
    struct buf *out;

    if (!is_last && is_behind(L, luaL_checknumber(L, 6)))
        return 0;
    count = near_in_mm(index, query, hits);
    found = geo_cards_find_all(cards, hits, count, clock_monotonic_us(), texts);
    if (found < count && !is_last) {
        count_answer(false);
        out = scratch();
        list_missing(out, hits, texts, count);
        lua_pushnil(L);
        lua_pushlstring(L, out->at, out->len);
        return 2;
    }
    if (!is_last)
        count_answer(true);
    out = json_push_text(L);
    add_cards(out, hits, texts, count);
    if (out->is_full)
        return luaL_error(L, "core.geo: the answer is too large");
    lua_pushinteger(L, (lua_Integer)found);
    return 2;
}

struct reading {
    struct co *co;
    struct geo_cards *cards;
    uint64_t begun;
};

static void keep_rows(const struct reading *reading, const struct db_result *rows)
{
    int64_t now_us = clock_monotonic_us();
    int count = db_result_rows(rows);

    for (int row = 0; row < count; row++) {
        struct buf *text = scratch();
        struct geo_id id;

        if (!geo_read_id(db_result_text(rows, row, 0), &id))
            continue;
        db_result_row_json(rows, row, text);
        if (!text->is_full)
            geo_cards_put(reading->cards, &id, buf_str(text), reading->begun, now_us);
    }
}

static void
on_rows(void *arg, const struct db_error *error, const struct db_result *const *rows, int count)
{
    struct reading reading = *(struct reading *)arg;
    lua_State *L = co_lua(reading.co);

    (void)count;
    free(arg);
    if (!error) {
        keep_rows(&reading, rows[0]);
        lua_pushboolean(L, 1);
        co_resume(reading.co, 1);
        return;
    }
    lua_pushnil(L);
    co_push_err(L, error->err, NULL, NULL);
    co_resume(reading.co, 2);
}

int geo_l_cards_read(lua_State *L)
{
    struct db_arg_space space;
    const struct db_statement *statement = db_check_statement(L, 1);
    struct db_args args = db_check_args(L, statement, 2, 2, &space);
    struct geo_cards *cards = cards_of(L);
    struct db_pool *pool = bridge_deps(L)->db;
    struct co *co = co_suspend(L);
    struct reading *reading = malloc(sizeof(*reading));

    if (!reading)
        abort();
    *reading = (struct reading){co, cards, geo_cards_begin(cards)};
    db_read(pool, statement, args, on_rows, reading);
    return lua_yield(L, 0);
}

int geo_l_cards_drop(lua_State *L)
{
    struct geo_id id = geo_check_id(L, 1);

    geo_cards_drop(cards_of(L), &id);
    return 0;
}

int geo_l_cards_clear(lua_State *L)
{
    geo_cards_clear(cards_of(L));
    return 0;
}
