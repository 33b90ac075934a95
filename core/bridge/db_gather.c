/* A statement costs PostgreSQL more than what it looks up for a key, so who asks for the same as
 * others goes with them, as an array: those of one turn of the loop, but for the first, who waits
 * for nobody; and while many are away, those who come meanwhile. The query takes an array of ids as
 * $1 and gives rows whose first column tells the place of theirs in it, from 1, in ascending order.
 * It fails for all or for none: nothing that one key has may make it fail. */
#include "bridge/db_gather.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/list.h"
#include "base/metric.h"
#include "bridge/bind.h"
#include "bridge/co.h"
#include "bridge/co_run.h"
#include "bridge/db_args.h"
#include "bridge/db_failure.h"
#include "bridge/db_rows.h"
#include "bridge/state.h"
#include "db/catalog.h"
#include "db/query.h"
#include "db/result.h"
#include "loop/loop.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 16
/* With fewer keys away nobody waits: there would be nobody to go with. */
#define MANY 8
/* So many statements keep the database busy, when each has many keys. */
#define AWAY_MAX 2
/* One that has been away for longer is stuck: it is nobody to wait for. */
#define COMPANY_MS 50

struct asker {
    struct list node;
    struct co *co;
    int64_t began_us;
    char key[ID_TEXT + 1];
};

/* Those who ask for one statement. There is one while somebody does. */
struct crowd {
    struct list node;
    const struct db_statement *statement;
    struct db_pool *pool;
    struct loop *loop;
    struct list askers; /* waiting */
    struct loop_timer *look_again;
    int waiting, away, keys_away;
    int64_t left_us;
    bool is_due; /* somebody came in this turn: who comes after goes at its end */
};

/* A statement that is away, and who waits for it: places 1 to count. */
struct reading {
    struct crowd *crowd;
    int count;
    struct asker *askers[KEYS_MAX];
};

static metric_id duration;

static struct list *all_crowds(void)
{
    static struct list all;

    if (!all.next)
        list_init(&all);
    return &all;
}

static struct crowd *crowd_of(const struct bridge_deps *deps, const struct db_statement *statement)
{
    struct crowd *crowd;

    list_each (node, after, all_crowds()) {
        crowd = list_entry(node, struct crowd, node);
        if (crowd->statement == statement && crowd->pool == deps->db)
            return crowd;
    }
    crowd = calloc(1, sizeof(*crowd));
    if (!crowd)
        abort();
    crowd->statement = statement;
    crowd->pool = deps->db;
    crowd->loop = deps->loop;
    list_init(&crowd->askers);
    list_add_last(all_crowds(), &crowd->node);
    return crowd;
}

static void free_when_empty(struct crowd *crowd)
{
    if (crowd->waiting || crowd->away || crowd->is_due)
        return;
    list_remove(&crowd->node);
    loop_timer_free(crowd->look_again);
    free(crowd);
}

static bool may_leave(const struct crowd *crowd)
{
    if (!crowd->waiting)
        return false;
    return crowd->keys_away < MANY || (crowd->away < AWAY_MAX && crowd->waiting >= MANY) ||
           clock_monotonic_us() - crowd->left_us > COMPANY_MS * INT64_C(1000);
}

static void
on_rows(void *arg, const struct db_error *error, const struct db_result *const *rows, int count);

static void leave(struct crowd *crowd)
{
    char text[KEYS_MAX * (ID_TEXT + 1) + 2], *at = text;
    const char *const args[] = {text};
    struct reading *reading = malloc(sizeof(*reading));
    size_t length;

    if (!reading)
        abort();
    reading->crowd = crowd;
    reading->count = 0;
    while (reading->count < KEYS_MAX && !list_is_empty(&crowd->askers)) {
        struct asker *asker = list_entry(crowd->askers.next, struct asker, node);

        list_remove(&asker->node);
        *at++ = reading->count ? ',' : '{';
        memcpy(at, asker->key, ID_TEXT);
        at += ID_TEXT;
        reading->askers[reading->count++] = asker;
    }
    *at++ = '}';
    *at = '\0';
    length = (size_t)(at - text);
    crowd->waiting -= reading->count;
    crowd->away++;
    crowd->keys_away += reading->count;
    crowd->left_us = clock_monotonic_us();
    db_read(crowd->pool, crowd->statement, (struct db_args){args, 1, &length}, on_rows, reading);
}

static void on_look_again(void *arg);

static void leave_all(struct crowd *crowd)
{
    while (may_leave(crowd))
        leave(crowd);
    if (crowd->waiting && !crowd->look_again)
        crowd->look_again = loop_after(crowd->loop, COMPANY_MS, on_look_again, crowd);
}

static void on_look_again(void *arg)
{
    struct crowd *crowd = arg;

    loop_timer_free(crowd->look_again);
    crowd->look_again = NULL;
    leave_all(crowd);
}

static void on_turn_end(void *arg)
{
    struct crowd *crowd = arg;

    crowd->is_due = false;
    leave_all(crowd);
    free_when_empty(crowd);
}

/* What coroutine number i of a reading gets; *row: where its rows begin, then where they end. */
static int push_answer(const struct reading *reading,
                       int i,
                       const struct db_error *error,
                       const struct db_result *rows,
                       int *row)
{
    lua_State *L = co_lua(reading->askers[i]->co);
    int first = *row;

    if (error)
        return db_push_failure(L, db_statement_name(reading->crowd->statement), error);
    while (*row < db_result_rows(rows) && atoi(db_result_text(rows, *row, 0).at) == i + 1)
        ++*row;
    db_push_rows_between(L, rows, first, *row);
    return 1;
}

/* All answers are on their stacks before the first is told: rows are good until then only. */
static void
on_rows(void *arg, const struct db_error *error, const struct db_result *const *rows, int count)
{
    struct reading reading = *(struct reading *)arg;
    struct crowd *crowd = reading.crowd;
    int64_t now_us = clock_monotonic_us();
    int answers[KEYS_MAX], row = 0;

    (void)count;
    free(arg);
    crowd->away--;
    crowd->keys_away -= reading.count;
    leave_all(crowd);
    for (int i = 0; i < reading.count; i++)
        answers[i] = push_answer(&reading, i, error, error ? NULL : rows[0], &row);
    for (int i = 0; i < reading.count; i++) {
        struct co *co = reading.askers[i]->co;

        metric_observe_us(duration, now_us - reading.askers[i]->began_us);
        free(reading.askers[i]);
        co_resume(co, answers[i]);
    }
    free_when_empty(crowd);
}

int db_l_query_of(lua_State *L)
{
    const struct db_statement *statement = db_check_statement(L, 1);
    struct str key = {NULL, 0};
    struct asker *asker;
    struct crowd *crowd;
    struct co *co;

    key.at = luaL_checklstring(L, 2, &key.len);
    luaL_argcheck(L, id_is_uuid(key), 2, "an id");
    if (db_statement_params(statement) != 1)
        return luaL_error(L, "%s takes more than an array of ids", db_statement_name(statement));
    if (co_tx(L))
        return luaL_error(L, "db.query_of: inside a transaction");
    co = co_suspend(L);
    asker = malloc(sizeof(*asker));
    if (!asker)
        abort();
    *asker = (struct asker){.co = co, .began_us = clock_monotonic_us()};
    memcpy(asker->key, key.at, ID_TEXT);
    crowd = crowd_of(bridge_deps(L), statement);
    list_add_last(&crowd->askers, &asker->node);
    crowd->waiting++;
    if (!crowd->is_due) {
        crowd->is_due = true;
        loop_defer(crowd->loop, on_turn_end, crowd);
        leave_all(crowd);
    }
    return lua_yield(L, 0);
}

void db_gather_open(void)
{
    duration = metric_register(METRIC_HISTOGRAM, "db_query_duration_seconds", "kind=\"read\"",
                               "Statements and batches, waiting for a connection included.");
}
