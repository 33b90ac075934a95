/* What pool.c, query.c (reads), tx.c and leader.c share. */
#ifndef SOUK_DB_POOL_PARTS_H
#define SOUK_DB_POOL_PARTS_H

#include "base/err.h"
#include "base/list.h"
#include "db/conn.h"
#include "db/pool.h"
#include "db/query.h"
#include <stdbool.h>
#include <stdint.h>

struct loop_timer;

struct db_slot {
    struct db_pool *pool;
    struct db_conn *conn;
    bool is_reader;
    struct db_tx *tx;  /* the transaction that has this writer */
    bool is_releasing; /* a rollback is on its way */
    int reads;         /* in flight */
    bool is_open;      /* for reads of this turn: none was in flight as it began */
    int64_t retire_us; /* replaced when idle after this, so that no session lives for ever */
};

struct db_pool {
    struct loop *loop;
    struct db_target *target;
    struct db_pool_settings settings; /* url is not kept */
    struct db_slot *slots;            /* readers first */
    int slot_count;
    struct loop_timer *janitor;
    bool is_turn_due, is_dead;
    bool is_away; /* nothing is connected and the last attempt failed */
    int backoff_ms;
    int64_t retry_us;
    uint64_t dice;
    char why[256];

    struct list reads;       /* struct db_read, waiting for a reader, oldest first */
    struct list reads_again; /* the same, sent once already: these go first */
    struct list reads_done;  /* failed without an answer; told at the end of the turn */
    struct list begins;      /* struct db_tx waiting for a writer */
    struct list txs_asleep;  /* until they are tried again */
    struct list txs_done;    /* begun, or failed without an answer; told at the end of the turn */
    int reads_waiting, begins_waiting;
    struct db_statement *begin, *commit, *rollback;
    long long retried, reconnected;
};

/* Asks for a turn of the pool at the end of this turn of the loop. */
void db_pool_wake(struct db_pool *pool);
/* The server behind this connection went away or is the wrong one: idle connections to it are not
 * to be trusted. */
void db_pool_distrust(struct db_pool *pool, const char *why);
bool db_pool_has_up(const struct db_pool *pool, bool is_reader);
int64_t db_pool_wait_until_us(const struct db_pool *pool);
int db_pool_dice(struct db_pool *pool, int from, int to);
/* A writer that nobody has, or NULL. */
struct db_slot *db_pool_free_writer(struct db_pool *pool);

/* query.c: one turn's work on reads */
void db_reads_give(struct db_pool *pool); /* waiting ones to readers, then a sync for each reader */
void db_reads_expire(struct db_pool *pool, int64_t now_us);
void db_reads_refuse(struct db_pool *pool); /* all that wait: the database is away */
bool db_reads_tell(struct db_pool *pool);   /* false: there was nobody to tell */
/* tx.c: the same for transactions */
void db_txs_give(struct db_pool *pool);
void db_txs_expire(struct db_pool *pool, int64_t now_us);
void db_txs_refuse(struct db_pool *pool);
bool db_txs_tell(struct db_pool *pool);
void db_tx_lost(struct db_tx *tx); /* its connection closed while nothing was in flight */

/* 57P01 to 57P03, 25006 on a writer: this server is going, coming, or no longer the primary. */
bool db_is_server_gone(const char *sqlstate, bool is_reader);
/* What this session has prepared is not what it was: it is not there (an abort took its PREPARE
 * along after the next turn had believed in it), or a migration changed its columns. */
bool db_is_plan_stale(const char *sqlstate);
/* Fills *error from a failed reply; its strings are the reply's. */
void db_error_from(struct db_error *error, const struct db_reply *reply);
/* Bytes that a copy of args takes, and the copy, made at `at`; returns where it ends. */
size_t db_args_size(struct db_args args);
char *db_args_copy(struct db_args args, struct db_args *copy, char *at);

#endif
