/* Rows to tables, by the same steps as rows to JSON. */
#include "bridge/db_rows.h"

#include "bridge/json.h"
#include "db/plan.h"
#include "db/result.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

#define DEPTH_MAX 24

struct row_maker {
    lua_State *L;
    const struct db_result *result;
    const struct db_plan *plan;
    int keys; /* the stack index before the steps' names, which are pushed once */
    bool times_as_text;
};

/* Digits to a double without strtod, which costs more than all else here. */
static lua_Number whole_number(struct str text)
{
    long long value = 0;
    size_t i = text.len && text.at[0] == '-';

    if (text.len > 18)
        return (lua_Number)strtoll(text.at, NULL, 10);
    for (; i < text.len; i++)
        value = value * 10 + (text.at[i] - '0');
    return (lua_Number)(text.at[0] == '-' ? -value : value);
}

static void push_value(struct row_maker *maker, int row, const struct db_step *step)
{
    struct str text = db_result_text(maker->result, row, step->column);
    lua_State *L = maker->L;
    char time[25];

    switch (step->kind) {
    case DB_BOOL: lua_pushboolean(L, text.at[0] == 't'); break;
    case DB_INT: lua_pushnumber(L, whole_number(text)); break;
    case DB_FLOAT: lua_pushnumber(L, strtod(text.at, NULL)); break;
    case DB_JSON: json_push_raw(L, text); break;
    case DB_TIME:
        if (step->is_hidden || maker->times_as_text) {
            lua_pushlstring(L, text.at, text.len);
        } else {
            db_time_to_rfc3339(text, time);
            lua_pushstring(L, time);
        }
        break;
    default: lua_pushlstring(L, text.at, text.len); break;
    }
}

static struct row_maker start(lua_State *L, const struct db_result *result)
{
    struct row_maker maker = {
        .L = L,
        .result = result,
        .plan = db_result_plan(result),
        .keys = lua_gettop(L),
    };

    luaL_checkstack(L, maker.plan->step_count + DEPTH_MAX, "too many columns");
    for (int i = 0; i < maker.plan->step_count; i++)
        lua_pushlstring(L, maker.plan->steps[i].name.at, maker.plan->steps[i].name.len);
    return maker;
}

static void push_row(struct row_maker *maker, int row)
{
    const struct db_step *steps = maker->plan->steps;
    lua_State *L = maker->L;
    int i = 0;

    lua_createtable(L, 0, maker->plan->member_count);
    while (i < maker->plan->step_count) {
        const struct db_step *step = &steps[i];

        if (step->op == DB_STEP_VALUE) {
            if (!db_result_is_null(maker->result, row, step->column)) {
                lua_pushvalue(L, maker->keys + 1 + i);
                push_value(maker, row, step);
                lua_rawset(L, -3);
            }
        } else if (step->op == DB_STEP_CLOSE) {
            lua_rawset(L, -3);
        } else if (step->op == DB_STEP_OPEN_NULLABLE &&
                   db_group_is_null(maker->result, row, step)) {
            i = step->skip_to;
            continue;
        } else {
            lua_pushvalue(L, maker->keys + 1 + i);
            lua_newtable(L);
        }
        i++;
    }
}

/* Leaves only the value on top, where the first key was. */
static void finish(struct row_maker *maker)
{
    if (maker->plan->step_count)
        lua_replace(maker->L, maker->keys + 1);
    lua_settop(maker->L, maker->keys + 1);
}

void db_push_rows(lua_State *L, const struct db_result *result)
{
    struct row_maker maker = start(L, result);
    int count = db_result_rows(result);

    lua_createtable(L, count, 0);
    for (int row = 0; row < count; row++) {
        push_row(&maker, row);
        lua_rawseti(L, -2, row + 1);
    }
    finish(&maker);
}

void db_push_row(lua_State *L, const struct db_result *result, int row, bool times_as_text)
{
    struct row_maker maker = start(L, result);

    maker.times_as_text = times_as_text;
    push_row(&maker, row);
    finish(&maker);
}
