/* core.db: named statements of sql/queries, alone or in a transaction of the running coroutine.
 * All but array, columns, in_tx, keep, ready and rollback wait.
 *   query(name, …) -> rows | nil, err
 *   query_of(name, id) -> rows | nil, err: read together with what others ask for (db_gather.c)
 *   one(name, …) -> row | nil (no row) | nil, err
 *   exec(name, …) -> rows affected | nil, err
 *   json(name, …) -> JSON array text, count | nil, err
 *   row_json(name, …) -> JSON object text | nil (no row) | nil, err
 *   json_row(name, columns, …) -> JSON object, those columns ("id version") | nil | nil, err
 *   json_page(name, limit, columns, …) -> the beginning {"data":[…] of an answer, how many rows it
 *     shows, whether there are more, those columns ("sort id") of the last one | nil, err
 *     Both are a text of C's, to be answered (bridge/json.h), the page once json.add has ended it.
 *   batch{{name, …, json = true}, …} -> results | nil, err (err.statement)
 *   begin() -> true | nil, err
 *   commit() -> true | nil, err
 *   rollback()
 *   in_tx() -> boolean
 *   keep(boolean): inside a savepoint
 *   ready() -> boolean
 *   array{…} -> text for a parameter of an array type
 *   columns(names, entries, …) -> such a text for each name: that field of all entries
 * err.is_retryable: the whole transaction may be run again (serialization failure, deadlock). */
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "bridge/bind.h"
#include "bridge/co.h"
#include "bridge/co_run.h"
#include "bridge/db_args.h"
#include "bridge/db_failure.h"
#include "bridge/db_gather.h"
#include "bridge/db_rows.h"
#include "bridge/db_spec.h"
#include "bridge/json.h"
#include "bridge/state.h"
#include "db/catalog.h"
#include "db/pool.h"
#include "db/query.h"
#include "db/result.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (16u << 20)
#define KEPT_MAX   (1u << 20)
#define CALLS_MAX  64
/* Names of a cursor's columns. */
#define COLUMNS_MAX 48
#define SLOW_US     1000000

static struct {
    metric_id read, batch, transaction;
} durations;

/* Who waits for what. Freed before anything is pushed, since pushing can raise. */
struct wait;
typedef int push_fn(lua_State *L, const struct wait *wait, const struct db_result *const *rows);
struct wait {
    struct co *co;
    push_fn *push;
    int64_t began_us;
    metric_id duration;
    int count;                 /* statements */
    int limit;                 /* json_page */
    char columns[COLUMNS_MAX]; /* json_page, json_row */
    uint64_t json_mask;        /* batch */
    const struct db_statement *statements[CALLS_MAX];
};

static struct wait *wait_new(struct wait *about)
{
    size_t size =
        offsetof(struct wait, statements) + (size_t)about->count * sizeof(about->statements[0]);
    struct wait *wait = malloc(size);

    if (!wait)
        abort();
    about->began_us = clock_monotonic_us();
    memcpy(wait, about, size);
    return wait;
}

static struct wait wait_take(void *arg)
{
    struct wait *held = arg, wait;
    size_t size =
        offsetof(struct wait, statements) + (size_t)held->count * sizeof(wait.statements[0]);

    memcpy(&wait, held, size);
    free(held);
    return wait;
}

/* One for the process: nothing waits while it is in use. */
static struct buf *scratch(void)
{
    static struct buf text = {.size_max = ANSWER_MAX};

    buf_reuse(&text, KEPT_MAX);
    return &text;
}

static void push_text(lua_State *L, const struct buf *text)
{
    lua_pushlstring(L, text->at ? text->at : "", text->len);
}

static const char *name_at(const struct wait *wait, int statement)
{
    return statement >= 0 && statement < wait->count
               ? db_statement_name(wait->statements[statement])
               : "";
}

int db_push_failure(lua_State *L, const char *name, const struct db_error *error)
{
    bool is_ours = strncmp(error->sqlstate, "SK", 2) == 0;

    if (error->err == ERR_INTERNAL || error->err == ERR_STATEMENT_TIMEOUT ||
        error->err == ERR_OUTCOME_UNKNOWN)
        log_error("db.statement.failed", "name=%s sqlstate=%s message=%s", name, error->sqlstate,
                  error->message);
    lua_pushnil(L);
    co_push_err(L, error->err, is_ours ? error->message : NULL, error->detail);
    if (error->is_retryable) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, "is_retryable");
    }
    if (err_info(error->err)->status == 503) {
        lua_pushinteger(L, 1);
        lua_setfield(L, -2, "retry_after");
    }
    if (error->statement >= 0) {
        lua_pushinteger(L, error->statement + 1);
        lua_setfield(L, -2, "statement");
    }
    return 2;
}

static int push_failure(lua_State *L, const struct wait *wait, const struct db_error *error)
{
    return db_push_failure(L, name_at(wait, wait->count == 1 ? 0 : error->statement), error);
}

/* How long it took as the route sees it: waiting for a connection, too. */
static void observe(const struct wait *wait, const struct db_error *error)
{
    int64_t took_us = clock_monotonic_us() - wait->began_us;

    metric_observe_us(wait->duration, took_us);
    if (took_us > SLOW_US && !error)
        log_warn("db.statement.slow", "name=%s statements=%d ms=%lld", name_at(wait, 0),
                 wait->count, (long long)took_us / 1000);
}

static void
on_done(void *arg, const struct db_error *error, const struct db_result *const *rows, int count)
{
    struct wait wait = wait_take(arg);
    lua_State *L = co_lua(wait.co);

    (void)count;
    observe(&wait, error);
    co_resume(wait.co, error ? push_failure(L, &wait, error) : wait.push(L, &wait, rows));
}

static int push_query(lua_State *L, const struct wait *wait, const struct db_result *const *rows)
{
    (void)wait;
    db_push_rows(L, rows[0]);
    return 1;
}

static int push_one(lua_State *L, const struct wait *wait, const struct db_result *const *rows)
{
    (void)wait;
    if (db_result_rows(rows[0]))
        db_push_row(L, rows[0], 0);
    else
        lua_pushnil(L);
    return 1;
}

static int push_affected(lua_State *L, const struct wait *wait, const struct db_result *const *rows)
{
    (void)wait;
    lua_pushnumber(L, (lua_Number)db_result_affected(rows[0]));
    return 1;
}

static int push_true(lua_State *L, const struct wait *wait, const struct db_result *const *rows)
{
    (void)wait, (void)rows;
    lua_pushboolean(L, 1);
    return 1;
}

/* The text is larger than an answer may be: the query lacks a limit. */
static int push_too_large(lua_State *L, const struct wait *wait)
{
    log_error("db.answer.too_large", "name=%s max_bytes=%u", name_at(wait, 0), ANSWER_MAX);
    lua_pushnil(L);
    co_push_err(L, ERR_INTERNAL, NULL, NULL);
    return 2;
}

static int push_json(lua_State *L, const struct wait *wait, const struct db_result *const *rows)
{
    struct buf *text = scratch();

    db_result_json(rows[0], text);
    if (text->is_full)
        return push_too_large(L, wait);
    push_text(L, text);
    lua_pushinteger(L, db_result_rows(rows[0]));
    return 2;
}

static int push_row_json(lua_State *L, const struct wait *wait, const struct db_result *const *rows)
{
    struct buf *text = scratch();

    if (!db_result_rows(rows[0])) {
        lua_pushnil(L);
        return 1;
    }
    db_result_row_json(rows[0], 0, text);
    if (text->is_full)
        return push_too_large(L, wait);
    push_text(L, text);
    return 1;
}

static int push_json_row(lua_State *L, const struct wait *wait, const struct db_result *const *rows)
{
    struct buf *text;

    if (!db_result_rows(rows[0])) {
        lua_pushnil(L);
        return 1;
    }
    text = json_push_text(L);
    db_result_row_json(rows[0], 0, text);
    if (text->is_full)
        return push_too_large(L, wait);
    return 1 + db_push_columns(L, rows[0], 0, wait->columns);
}

static int push_page(lua_State *L, const struct wait *wait, const struct db_result *const *rows)
{
    struct buf *text = json_push_text(L);
    int count = db_result_rows(rows[0]);
    int shown = count < wait->limit ? count : wait->limit;

    buf_add_str(text, STR("{\"data\":"));
    db_result_rows_json(rows[0], shown, text);
    if (text->is_full)
        return push_too_large(L, wait);
    lua_pushinteger(L, shown);
    lua_pushboolean(L, count > shown);
    return 3 + (shown ? db_push_columns(L, rows[0], shown - 1, wait->columns) : 0);
}

static int push_batch(lua_State *L, const struct wait *wait, const struct db_result *const *rows)
{
    lua_createtable(L, wait->count, 0);
    for (int i = 0; i < wait->count; i++) {
        if (wait->json_mask & (1ull << i)) {
            struct buf *text = scratch();

            db_result_json(rows[i], text);
            if (text->is_full)
                return push_too_large(L, wait);
            push_text(L, text);
        } else {
            db_push_rows(L, rows[i]);
        }
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* A statement's arguments start at first. Reads outside a transaction go to the readers. */
static int run_one(lua_State *L, struct wait *about, int first)
{
    struct db_arg_space space;
    const struct db_statement *statement = db_check_statement(L, 1);
    struct db_args args = db_check_args(L, statement, first, lua_gettop(L), &space);
    struct db_call call = {statement, args};
    struct db_pool *pool = db_pool_of(L);
    struct db_tx *tx = co_tx(L);
    bool is_write = about->push == push_affected;

    about->count = 1;
    about->statements[0] = statement;
    about->duration = is_write ? durations.batch : durations.read;
    if (tx)
        about->duration = durations.transaction;
    about->co = co_suspend(L);
    if (tx)
        db_tx_run(tx, &call, 1, false, on_done, wait_new(about));
    else if (is_write)
        db_batch(pool, &call, 1, on_done, wait_new(about));
    else
        db_read(pool, statement, args, on_done, wait_new(about));
    return lua_yield(L, 0);
}

static int run_simple(lua_State *L, push_fn *push)
{
    struct wait about = {.push = push};

    return run_one(L, &about, 2);
}

static int l_query(lua_State *L)
{
    return run_simple(L, push_query);
}

static int l_one(lua_State *L)
{
    return run_simple(L, push_one);
}

static int l_exec(lua_State *L)
{
    return run_simple(L, push_affected);
}

static int l_json(lua_State *L)
{
    return run_simple(L, push_json);
}

static int l_row_json(lua_State *L)
{
    return run_simple(L, push_row_json);
}

static void check_columns(lua_State *L, int index, struct wait *about)
{
    size_t len;
    const char *columns = luaL_checklstring(L, index, &len);

    luaL_argcheck(L, len < COLUMNS_MAX, index, "fewer or shorter names");
    memcpy(about->columns, columns, len + 1);
}

static int l_json_row(lua_State *L)
{
    struct wait about = {.push = push_json_row};

    check_columns(L, 2, &about);
    return run_one(L, &about, 3);
}

static int l_json_page(lua_State *L)
{
    struct wait about = {.push = push_page, .limit = (int)luaL_checkinteger(L, 2)};

    luaL_argcheck(L, about.limit >= 0, 2, "a limit is not negative");
    check_columns(L, 3, &about);
    return run_one(L, &about, 4);
}

/* Entry i of the batch, which is on top: its values are unpacked to the stack, where they stay
 * until the calls were copied. */
static void check_entry(lua_State *L, int i, struct wait *about, struct db_call *call)
{
    int entry = lua_gettop(L), first = entry + 2, count;
    struct db_arg_space *space;
    const struct db_statement *statement;

    if (!lua_istable(L, entry))
        luaL_error(L, "db.batch: entry %d is not {name, values…}", i + 1);
    lua_getfield(L, entry, "json");
    about->json_mask |= (uint64_t)lua_toboolean(L, -1) << i;
    lua_pop(L, 1);
    lua_rawgeti(L, entry, 1);
    statement = db_check_statement(L, -1);
    count = db_statement_params(statement);
    luaL_checkstack(L, count + 8, "too many values");
    for (int n = 1; n <= count; n++)
        lua_rawgeti(L, entry, n + 1);
    lua_rawgeti(L, entry, count + 2);
    if (!lua_isnil(L, -1))
        luaL_error(L, "%s takes %d values, not more", db_statement_name(statement), count);
    lua_pop(L, 1);
    space = lua_newuserdata(L, sizeof(*space));
    call->statement = about->statements[i] = statement;
    call->args = db_check_args(L, statement, first, first + count - 1, space);
}

static int l_batch(lua_State *L)
{
    struct db_call calls[CALLS_MAX];
    struct wait about = {.push = push_batch};
    struct db_tx *tx = co_tx(L);

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    about.count = (int)lua_objlen(L, 1);
    luaL_argcheck(L, about.count > 0 && about.count <= CALLS_MAX, 1, "1 to 64 statements");
    for (int i = 0; i < about.count; i++) {
        lua_rawgeti(L, 1, i + 1);
        check_entry(L, i, &about, &calls[i]);
    }
    about.duration = tx ? durations.transaction : durations.batch;
    about.co = co_suspend(L);
    if (tx)
        db_tx_run(tx, calls, about.count, false, on_done, wait_new(&about));
    else
        db_batch(db_pool_of(L), calls, about.count, on_done, wait_new(&about));
    return lua_yield(L, 0);
}

static void on_begun(void *arg, const struct db_error *error, struct db_tx *tx)
{
    struct wait wait = wait_take(arg);
    lua_State *L = co_lua(wait.co);

    if (error) {
        co_resume(wait.co, push_failure(L, &wait, error));
        return;
    }
    co_set_tx(wait.co, tx);
    co_resume(wait.co, push_true(L, &wait, NULL));
}

static int l_begin(lua_State *L)
{
    struct wait about = {0};
    struct db_pool *pool = db_pool_of(L);

    if (co_tx(L))
        return luaL_error(L, "db.begin: this coroutine is in a transaction");
    if (!pool)
        return luaL_error(L, "core.db: this process has no database");
    about.co = co_suspend(L);
    db_begin(pool, on_begun, wait_new(&about));
    return lua_yield(L, 0);
}

static int l_commit(lua_State *L)
{
    struct wait about = {.push = push_true};
    struct db_tx *tx = co_tx(L);

    if (!tx)
        return luaL_error(L, "db.commit: this coroutine is in no transaction");
    about.duration = durations.transaction;
    about.co = co_suspend(L);
    co_set_tx(about.co, NULL);
    db_tx_run(tx, NULL, 0, true, on_done, wait_new(&about));
    return lua_yield(L, 0);
}

static int l_rollback(lua_State *L)
{
    struct db_tx *tx = co_tx(L);

    if (tx) {
        co_set_tx(co_current(), NULL);
        db_tx_rollback(tx);
    }
    return 0;
}

/* keep(boolean): whether a statement that is refused leaves the transaction to a savepoint */
static int l_keep(lua_State *L)
{
    struct db_tx *tx = co_tx(L);

    if (!tx)
        return luaL_error(L, "db.keep: this coroutine is in no transaction");
    db_tx_keep(tx, lua_toboolean(L, 1));
    return 0;
}

static int l_in_tx(lua_State *L)
{
    lua_pushboolean(L, co_tx(L) != NULL);
    return 1;
}

static int l_ready(lua_State *L)
{
    const struct db_pool *pool = db_pool_of(L);

    lua_pushboolean(L, pool && db_pool_is_ready(pool));
    return 1;
}

static void register_metrics(void)
{
    static const char name[] = "db_query_duration_seconds";
    static const char help[] = "Statements and batches, waiting for a connection included.";

    durations.read = metric_register(METRIC_HISTOGRAM, name, "kind=\"read\"", help);
    durations.batch = metric_register(METRIC_HISTOGRAM, name, "kind=\"batch\"", help);
    durations.transaction = metric_register(METRIC_HISTOGRAM, name, "kind=\"transaction\"", help);
}

int luaopen_core_db(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"query", l_query},
        {"query_of", db_l_query_of},
        {"one", l_one},
        {"exec", l_exec},
        {"json", l_json},
        {"row_json", l_row_json},
        {"json_page", l_json_page},
        {"batch", l_batch},
        {"begin", l_begin},
        {"commit", l_commit},
        {"rollback", l_rollback},
        {"in_tx", l_in_tx},
        {"ready", l_ready},
        {"array", db_l_array},
        {"columns", db_l_columns},
        {"keep", l_keep},
        {"json_row", l_json_row},
        {NULL, NULL},
    };

    register_metrics();
    db_gather_open();
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    db_spec_open(L);
    return 1;
}
