/* Rows to tables, by the same steps as rows to JSON. */
#include "bridge/db_rows.h"

#include "bridge/json.h"
#include "db/plan.h"
#include "db/result.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 24

struct row_maker {
    lua_State *L;
    const struct db_result *result;
    const struct db_plan *plan;
    int keys;     /* stack index of a list of the steps' names */
    bool is_full; /* times are as PostgreSQL wrote them */
};

static char plans_mark;

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
        if (step->is_hidden || maker->is_full) {
            lua_pushlstring(L, text.at, text.len);
        } else {
            db_time_to_rfc3339(text, time);
            lua_pushstring(L, time);
        }
        break;
    default: lua_pushlstring(L, text.at, text.len); break;
    }
}

/* Pushes the table of a state where the names of each plan are, by its serial. */
static void push_plans(lua_State *L)
{
    lua_pushlightuserdata(L, &plans_mark);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushlightuserdata(L, &plans_mark);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

/* Pushes the names as Lua strings, which are made once a plan. */
static void push_keys(lua_State *L, const struct db_plan *plan)
{
    push_plans(L);
    lua_rawgeti(L, -1, (int)plan->serial);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_createtable(L, plan->step_count, 0);
        for (int i = 0; i < plan->step_count; i++) {
            lua_pushlstring(L, plan->steps[i].name.at, plan->steps[i].name.len);
            lua_rawseti(L, -2, i + 1);
        }
        lua_pushvalue(L, -1);
        lua_rawseti(L, -3, (int)plan->serial);
    }
    lua_remove(L, -2);
}

static struct row_maker start(lua_State *L, const struct db_result *result)
{
    struct row_maker maker = {
        .L = L,
        .result = result,
        .plan = db_result_plan(result),
        .keys = lua_gettop(L) + 1,
    };

    luaL_checkstack(L, DEPTH_MAX, "too many groups");
    push_keys(L, maker.plan);
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
                lua_rawgeti(L, maker->keys, i + 1);
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
            lua_rawgeti(L, maker->keys, i + 1);
            lua_newtable(L);
        }
        i++;
    }
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
    lua_replace(L, maker.keys);
}

void db_push_row(lua_State *L, const struct db_result *result, int row)
{
    struct row_maker maker = start(L, result);

    push_row(&maker, row);
    lua_replace(L, maker.keys);
}

/* The outermost value of that name, hidden ones before others; NULL: there is none. */
static const struct db_step *step_named(const struct db_plan *plan, struct str name)
{
    const struct db_step *found = NULL;
    int i = 0;

    while (i < plan->step_count) {
        const struct db_step *step = &plan->steps[i];

        if (step->op == DB_STEP_VALUE && str_eq(step->name, name))
            found = step;
        i = step->op == DB_STEP_VALUE ? i + 1 : step->skip_to;
    }
    return found;
}

int db_push_columns(lua_State *L, const struct db_result *result, int row, const char *names)
{
    struct row_maker maker = {
        .L = L, .result = result, .plan = db_result_plan(result), .is_full = true};
    int count = 0;

    for (; *names; count++) {
        struct str name = {names, strcspn(names, " ")};
        const struct db_step *step = step_named(maker.plan, name);

        luaL_checkstack(L, 1, "too many columns");
        if (step && !db_result_is_null(result, row, step->column))
            push_value(&maker, row, step);
        else
            lua_pushnil(L);
        names += name.len + (names[name.len] == ' ');
    }
    return count;
}
