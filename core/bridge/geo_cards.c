/* core.geo.cards_*: answers about vendors made of texts that are kept (geo/cards.h), in C: a table
 * a vendor would cost more than the search.
 *   cards_near(query, is_last) -> text of {"data":[…]}, count | nil, array literal of the ids
 *     that have no text; with is_last these are left out
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
#include "bridge/state.h"
#include "db/query.h"
#include "db/result.h"
#include "geo/cards.h"

#define ANSWER_MAX     (16u << 20)
#define KEPT_MAX       (1u << 20)
#define TIES_LOOKED_AT 16

static struct buf *scratch(void)
{
    static struct buf text = {.size_max = ANSWER_MAX};

    if (text.room > KEPT_MAX)
        buf_done(&text);
    buf_clear(&text);
    return &text;
}

/* Whole metres as kilometres, without zeros at the end. */
static void add_km(struct buf *out, double distance_m)
{
    int64_t metres = (int64_t)floor(distance_m + 0.5);
    int fraction = (int)(metres % 1000);

    buf_add_int(out, metres / 1000);
    if (fraction == 0)
        return;
    char digits[4] = {'.', (char)('0' + fraction / 100), (char)('0' + fraction / 10 % 10),
                      (char)('0' + fraction % 10)};
    size_t len = sizeof(digits);
    while (digits[len - 1] == '0')
        len--;
    buf_add(out, digits, len);
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

/* False: somebody has no text, and out is of no use; with is_last he is left out. */
static bool add_cards(struct geo_cards *cards,
                      const struct geo_hit *hits,
                      size_t count,
                      bool is_last,
                      struct buf *out)
{
    int64_t now_us = clock_monotonic_us();
    bool is_first = true;

    buf_add_z(out, "{\"data\":[");
    for (size_t i = 0; i < count; i++) {
        struct str card = geo_cards_find(cards, &hits[i].id, now_us);
        if (!card.at && is_last)
            continue;
        if (!card.at)
            return false;
        if (!is_first)
            buf_add_char(out, ',');
        is_first = false;
        buf_add(out, card.at, card.len - 1);
        buf_add_z(out, ",\"distanceKm\":");
        add_km(out, hits[i].distance_m);
        buf_add_char(out, '}');
    }
    buf_add_z(out, "]}");
    return true;
}

static void
list_missing(struct geo_cards *cards, const struct geo_hit *hits, size_t count, struct buf *out)
{
    int64_t now_us = clock_monotonic_us();

    buf_clear(out);
    for (size_t i = 0; i < count; i++) {
        if (geo_cards_find(cards, &hits[i].id, now_us).at)
            continue;
        buf_add_char(out, out->len == 0 ? '{' : ',');
        add_id(out, &hits[i].id);
    }
    buf_add_char(out, '}');
}

static int64_t millimetres(const struct geo_hit *hit)
{
    return (int64_t)floor(hit->distance_m * 1000 + 0.5);
}

static bool comes_before(const struct geo_hit *a, const struct geo_hit *b)
{
    int64_t a_mm = millimetres(a);
    int64_t b_mm = millimetres(b);

    return a_mm != b_mm ? a_mm < b_mm : memcmp(a->id.bytes, b->id.bytes, sizeof(a->id.bytes)) < 0;
}

/* Nearest first to the millimetre, ties by id: below that the sphere's arithmetic has noise, which
 * must not order two places that are equally far. A few more than wanted are looked at for that;
 * they come almost in order. */
static size_t near_in_mm(struct geo_index *index, struct geo_query query, struct geo_hit *hits)
{
    size_t wanted = query.limit;
    size_t count;

    query.limit = wanted + TIES_LOOKED_AT < GEO_LIMIT_MAX ? wanted + TIES_LOOKED_AT : GEO_LIMIT_MAX;
    count = geo_near(index, &query, hits);
    for (size_t i = 1; i < count; i++) {
        struct geo_hit hit = hits[i];
        size_t at = i;
        for (; at > 0 && comes_before(&hit, &hits[at - 1]); at--)
            hits[at] = hits[at - 1];
        hits[at] = hit;
    }
    return count < wanted ? count : wanted;
}

int geo_l_cards_near(lua_State *L)
{
    static metric_id hit = -1, miss = -1;
    struct geo_cards *cards = cards_of(L);
    struct geo_index *index = geo_index_of(L);
    bool is_last = lua_toboolean(L, 2);
    struct geo_query query = geo_check_query(L);
    struct geo_hit hits[GEO_LIMIT_MAX];
    size_t count = near_in_mm(index, query, hits);
    struct buf *out = scratch();

    if (hit < 0) {
        hit = metric_register(METRIC_COUNTER, "souk_geo_cards_total", "result=\"hit\"",
                              "answers about vendors around a point, by whether all were kept");
        miss = metric_register(METRIC_COUNTER, "souk_geo_cards_total", "result=\"miss\"", "");
    }
    if (add_cards(cards, hits, count, is_last, out)) {
        metric_add(hit, !is_last);
        return push_text(L, out, count);
    }
    metric_add(miss, 1);
    list_missing(cards, hits, count, out);
    lua_pushnil(L);
    lua_pushlstring(L, out->at, out->len);
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
