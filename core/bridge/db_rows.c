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
/* The names of db_push_columns: as long and as many as core.db takes; of so many plans they are
 * kept. */
#define CHOSEN_NAMES_SIZE 48
#define CHOSEN_MAX        24
#define CHOSEN_PLANS      64

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

/* A number with a point. Up to 15 digits by one division, which rounds as strtod does since both
 * sides of it are exact; it takes a tenth of the time. */
static lua_Number real_number(struct str text)
{
    static const double tens[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool is_negative = text.len && text.at[0] == '-';
    size_t point = 0; /* 0: none so far */
    long long digits = 0;
    int count = 0;

    for (size_t i = is_negative; i < text.len; i++) {
        if (text.at[i] == '.' && !point)
            point = i;
        else if (text.at[i] >= '0' && text.at[i] <= '9' && ++count <= 15)
            digits = digits * 10 + (text.at[i] - '0');
        else
            return strtod(text.at, NULL);
    }
    return (is_negative ? -1 : 1) * (lua_Number)digits / tens[point ? text.len - 1 - point : 0];
}

static void push_value(struct row_maker *maker, int row, const struct db_step *step)
{
    struct str text = db_result_text(maker->result, row, step->column);
    lua_State *L = maker->L;
    char time[25];

    switch (step->kind) {
    case DB_BOOL: lua_pushboolean(L, text.at[0] == 't'); break;
    case DB_INT: lua_pushnumber(L, whole_number(text)); break;
    case DB_FLOAT: lua_pushnumber(L, real_number(text)); break;
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

void db_push_rows_between(lua_State *L, const struct db_result *result, int first, int end)
{
    struct row_maker maker = start(L, result);

    lua_createtable(L, end - first, 0);
    for (int row = first; row < end; row++) {
        push_row(&maker, row);
        lua_rawseti(L, -2, row - first + 1);
    }
    lua_replace(L, maker.keys);
}

void db_push_rows(lua_State *L, const struct db_result *result)
{
    db_push_rows_between(L, result, 0, db_result_rows(result));
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

/* Where the columns of a plan are that were asked for last: mostly they are asked for again. */
struct chosen {
    unsigned serial; /* of the plan; 0: of none */
    int count;
    char names[CHOSEN_NAMES_SIZE];
    int steps[CHOSEN_MAX]; /* -1: there is none of this name */
};

static void choose(struct chosen *chosen, const struct db_plan *plan, const char *names)
{
    size_t size = strlen(names) + 1;

    chosen->serial = size <= sizeof(chosen->names) ? plan->serial : 0;
    if (chosen->serial)
        memcpy(chosen->names, names, size);
    for (chosen->count = 0; *names && chosen->count < CHOSEN_MAX; chosen->count++) {
        struct str name = {names, strcspn(names, " ")};
        const struct db_step *step = step_named(plan, name);

        chosen->steps[chosen->count] = step ? (int)(step - plan->steps) : -1;
        names += name.len + (names[name.len] == ' ');
    }
}

static const struct chosen *chosen_of(const struct db_plan *plan, const char *names)
{
    static struct chosen kept[CHOSEN_PLANS];
    struct chosen *chosen = &kept[plan->serial % CHOSEN_PLANS];

    if (chosen->serial != plan->serial || strcmp(chosen->names, names) != 0)
        choose(chosen, plan, names);
    return chosen;
}

int db_push_columns(lua_State *L, const struct db_result *result, int row, const char *names)
{
    struct row_maker maker = {
        .L = L, .result = result, .plan = db_result_plan(result), .is_full = true};
    const struct chosen *chosen = chosen_of(maker.plan, names);

    luaL_checkstack(L, CHOSEN_MAX, "too many columns");
    for (int i = 0; i < chosen->count; i++) {
        const struct db_step *step =
            chosen->steps[i] < 0 ? NULL : &maker.plan->steps[chosen->steps[i]];

        if (step && !db_result_is_null(result, row, step->column))
            push_value(&maker, row, step);
        else
            lua_pushnil(L);
    }
    return chosen->count;
}
