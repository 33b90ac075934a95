/* core.stock: orders that are made together with others that want the same goods.
 *   place(query, owner, goods, columns…) -> row | nil, err
 * goods: ids, for grouping alone; columns: an array literal (db.array) for each parameter, or what
 * db.columns() takes. Waits.
 * The query gives a row an order. Inside a transaction it is an error: what goes together commits
 * by itself. */
#include "base/clock.h"
#include "base/metric.h"
#include "bridge/bind.h"
#include "bridge/co.h"
#include "bridge/db_args.h"
#include "bridge/db_failure.h"
#include "bridge/db_rows.h"
#include "bridge/state.h"
#include "db/catalog.h"
#include "db/result.h"
#include "stock/stock.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

#define FIRST_COLUMN 4

static metric_id duration;

struct placing {
    struct co *co;
    const struct db_statement *statement;
    int64_t began_us;
};

static void
on_placed(void *arg, const struct db_error *error, const struct db_result *rows, int row)
{
    struct placing placing = *(struct placing *)arg;
    lua_State *L = co_lua(placing.co);

    free(arg);
    metric_observe_us(duration, clock_monotonic_us() - placing.began_us);
    if (error) {
        co_resume(placing.co, db_push_failure(L, db_statement_name(placing.statement), error));
        return;
    }
    if (row < db_result_rows(rows))
        db_push_row(L, rows, row);
    else
        lua_pushnil(L); /* a bug of the query's; its caller indexes nil */
    co_resume(placing.co, 1);
}

/* The ids of the table at index, as a userdata that is left on the stack. */
static struct str *check_goods(lua_State *L, int index, int *count)
{
    struct str *goods;

    luaL_checktype(L, index, LUA_TTABLE);
    *count = (int)lua_objlen(L, index);
    goods = lua_newuserdata(L, (size_t)*count * sizeof(*goods) + 1);
    for (int i = 0; i < *count; i++) {
        lua_rawgeti(L, index, i + 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_argerror(L, index, "goods are ids");
        goods[i].at = lua_tolstring(L, -1, &goods[i].len);
        lua_pop(L, 1); /* the table keeps it */
    }
    return goods;
}

static struct db_args
check_columns(lua_State *L, const struct db_statement *statement, struct db_arg_space *space)
{
    struct db_args columns;

    if (lua_istable(L, FIRST_COLUMN))
        return db_check_columns(L, statement, FIRST_COLUMN, space);
    columns = db_check_args(L, statement, FIRST_COLUMN, lua_gettop(L), space);
    for (int i = 0; i < columns.count; i++)
        if (!columns.at[i] || columns.at[i][0] != '{')
            luaL_argerror(L, FIRST_COLUMN + i, "a column is made by db.array");
    return columns;
}

static int l_place(lua_State *L)
{
    struct stock *stock = bridge_deps(L)->stock;
    const struct db_statement *statement = db_check_statement(L, 1);
    struct stock_order order = {.statement = statement};
    struct db_arg_space space;
    struct placing *placing;
    struct co *co;

    if (!stock)
        return luaL_error(L, "core.stock: this process has no database");
    if (co_tx(L))
        return luaL_error(L, "stock.place: inside a transaction");
    order.owner.at = luaL_checklstring(L, 2, &order.owner.len);
    order.columns = check_columns(L, statement, &space);
    order.goods = check_goods(L, 3, &order.goods_count);
    co = co_suspend(L);
    placing = malloc(sizeof(*placing));
    if (!placing)
        abort();
    *placing = (struct placing){co, statement, clock_monotonic_us()};
    stock_place(stock, order, on_placed, placing);
    return lua_yield(L, 0);
}

/* For specs and people who look: flights, orders, parted, waiting, in_air. */
static int l_stats(lua_State *L)
{
    struct stock *stock = bridge_deps(L)->stock;
    struct stock_stats stats = stock ? stock_stats(stock) : (struct stock_stats){0};

    lua_createtable(L, 0, 5);
    lua_pushnumber(L, (lua_Number)stats.flights);
    lua_setfield(L, -2, "flights");
    lua_pushnumber(L, (lua_Number)stats.orders);
    lua_setfield(L, -2, "orders");
    lua_pushnumber(L, (lua_Number)stats.parted);
    lua_setfield(L, -2, "parted");
    lua_pushinteger(L, stats.waiting);
    lua_setfield(L, -2, "waiting");
    lua_pushinteger(L, stats.in_air);
    lua_setfield(L, -2, "in_air");
    return 1;
}

int luaopen_core_stock(lua_State *L)
{
    static const luaL_Reg functions[] = {{"place", l_place}, {"stats", l_stats}, {NULL, NULL}};

    duration = metric_register(METRIC_HISTOGRAM, "stock_place_duration_seconds", "",
                               "Orders on their way to the database, waiting for others included.");
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
