/* A generation: one lua_State with all routes loaded, the router made from it, and what the bindings may reach. */
#ifndef SOUK_BRIDGE_STATE_H
#define SOUK_BRIDGE_STATE_H

#include <stdbool.h>
#include <stddef.h>

struct lua_State;
struct loop;
struct db_pool;
struct db_catalog;
struct helper;
struct fetch;
struct conf;
struct geo_index;
struct token_key;
struct app_shared;

/* All borrowed; they outlive every generation. db, geo may be NULL (emulator, policy check). */
struct bridge_deps {
    struct loop *loop;
    const struct conf *conf;
    struct db_pool *db;
    struct db_catalog *catalog;
    struct helper *helper;
    struct fetch *fetch;
    struct geo_index *geo;
    struct token_key *token_key;
    struct app_shared *shared;
    int worker;
};

/* For bindings: the deps of the state that L belongs to. Never NULL. */
const struct bridge_deps *bridge_deps(struct lua_State *L);

#endif
