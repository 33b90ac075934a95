/* core.geo.load: the whole table by binary COPY and its packing, on the helper's thread; the loop
 * only swaps. What a reading finds equal to what is in the index is thrown away before it is
 * packed, so the same call compares and mends. */
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "bridge/co.h"
#include "bridge/db_args.h"
#include "bridge/geo_args.h"
#include "bridge/state.h"
#include "db/catalog.h"
#include "db/copy.h"
#include "loop/helper.h"

#define SNAPSHOT_MAX 8192 /* names every transaction that runs */
#define PROBLEM_MAX  256
#define BEGIN        "set transaction isolation level repeatable read, read only"
#define LIMIT        "set local statement_timeout = '5min'"
#define SNAPSHOT     "select pg_current_snapshot()"

/* Of the process, as the index is: a new generation goes on where the last one was. */
static struct {
    struct geo_index *next; /* owned; between load() and swap() */
    char *cursor;           /* owned; NULL: never loaded */
} feed;

struct load {
    struct co *co;
    struct geo_index *index; /* to compare with; untouched by the thread */
    struct helper *helper;
    char *url, *sql;
    struct geo_batch *batch;
    char snapshot[SNAPSHOT_MAX];
    char problem[PROBLEM_MAX];
};

static void load_free(struct load *load)
{
    geo_batch_free(load->batch);
    free(load->url);
    free(load->sql);
    free(load);
}

/* vendor_id, lat_deg, lon_deg, mask. */
static bool add_row(void *arg, const struct str *columns, int count)
{
    struct load *load = arg;
    struct geo_id id;
    struct geo_point point;

    if (count != 4 || columns[0].len != sizeof(id.bytes) || columns[1].len != sizeof(double) ||
        columns[2].len != sizeof(double) || columns[3].len != sizeof(uint64_t))
        return false;
    memcpy(id.bytes, columns[0].at, sizeof(id.bytes));
    point = (struct geo_point){db_copy_double(columns[1].at), db_copy_double(columns[2].at)};
    if (!geo_is_valid(point))
        return false;
    geo_batch_add(load->batch, id, point, db_copy_u64(columns[3].at));
    return true;
}

static void work_read(void *job)
{
    struct load *load = job;
    struct db_copy *copy = db_copy_open(load->url);

    db_copy_run(copy, BEGIN);
    db_copy_run(copy, LIMIT);
    db_copy_ask(copy, SNAPSHOT, load->snapshot, sizeof(load->snapshot));
    db_copy_out(copy, load->sql, add_row, load);
    db_copy_commit(copy);
    if (db_copy_problem(copy))
        snprintf(load->problem, sizeof(load->problem), "%s", db_copy_problem(copy));
    db_copy_close(copy);
}

static void work_pack(void *job)
{
    geo_batch_pack(((struct load *)job)->batch);
}

static void finish(struct load *load, bool is_new)
{
    struct co *co = load->co;
    lua_State *L = co_lua(co);

    lua_pushstring(L, load->snapshot);
    lua_pushboolean(L, is_new);
    load_free(load);
    co_resume(co, 2);
}

static void refuse(struct load *load, const char *why)
{
    struct co *co = load->co;
    lua_State *L = co_lua(co);

    lua_pushnil(L);
    lua_pushstring(L, why);
    load_free(load);
    co_resume(co, 2);
}

static void on_packed(void *job)
{
    struct load *load = job;

    geo_index_free(feed.next); /* of a load whose coroutine has ended since */
    feed.next = geo_index_new(geo_index_runner(load->index));
    geo_index_take(feed.next, load->batch);
    finish(load, true);
}

static void on_read(void *job)
{
    struct load *load = job;
    struct geo_stats now = geo_index_stats(load->index);

    if (load->problem[0])
        refuse(load, load->problem);
    else if (feed.cursor && now.count == geo_batch_count(load->batch) &&
             now.hash == geo_batch_hash(load->batch))
        finish(load, false);
    else if (!helper_run(load->helper, work_pack, on_packed, load))
        refuse(load, "the helper is busy");
}

int geo_l_load(lua_State *L)
{
    const struct bridge_deps *deps = bridge_deps(L);
    const char *sql = db_statement_text(db_check_statement(L, 1));
    size_t len = strlen(sql);
    struct load *load;
    struct co *co;

    geo_index_of(L);
    while (len > 0 && strchr("; \n", sql[len - 1]))
        len--;
    co = co_suspend(L);
    load = calloc(1, sizeof(*load));
    if (!load)
        abort();
    load->co = co;
    load->index = deps->geo;
    load->helper = deps->geo_helper;
    load->url = strdup(conf_text(deps->conf, "db.url"));
    load->sql = strndup(sql, len);
    load->batch = geo_batch_new();
    if (helper_run(load->helper, work_read, on_read, load))
        return lua_yield(L, 0);
    load_free(load);
    lua_pushnil(L);
    lua_pushliteral(L, "the helper is busy");
    return 2;
}

struct geo_index *geo_next_of(lua_State *L)
{
    if (!feed.next)
        luaL_error(L, "core.geo: nothing was loaded");
    return feed.next;
}

int geo_l_swap(lua_State *L)
{
    struct geo_index *next = geo_next_of(L);

    geo_index_become(geo_index_of(L), next);
    feed.next = NULL;
    return 0;
}

bool geo_is_loaded(void)
{
    return feed.cursor != NULL;
}

int geo_l_is_loaded(lua_State *L)
{
    lua_pushboolean(L, geo_is_loaded());
    return 1;
}

int geo_l_cursor(lua_State *L)
{
    const char *text = luaL_optstring(L, 1, NULL);

    if (!lua_isnone(L, 1)) {
        free(feed.cursor);
        feed.cursor = text ? strdup(text) : NULL;
    }
    if (feed.cursor)
        lua_pushstring(L, feed.cursor);
    else
        lua_pushnil(L);
    return 1;
}
