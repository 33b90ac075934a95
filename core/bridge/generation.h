/* The inside of a generation, for the files of this folder. */
#ifndef SOUK_BRIDGE_GENERATION_H
#define SOUK_BRIDGE_GENERATION_H

#include "base/list.h"
#include "bridge/co.h"
#include "bridge/co_run.h"
#include "bridge/heap.h"
#include "bridge/state.h"
#include "cache/marks.h"
#include <lua.h>

#define GENERATION_ROUTES_MAX 512
#define GENERATION_TIMERS_MAX 64

struct answers;
struct http_router;
struct loop_timer;
struct policy_set;

struct generation_route {
    char *id;    /* owned */
    int run_ref; /* the function, in the registry */
    size_t body_max;
    bool asks_who;               /* it looks at Authorization */
    int64_t cache_us;            /* its answers may be given again for so long; 0: not at all */
    struct cache_marks_of shows; /* what they show, where the handler does not say it closer */
};

struct generation_timer {
    struct generation *generation;
    struct loop_timer *timer;
    char *name; /* owned */
    int run_ref;
    int every_ms;
    int idle_ms;    /* its pace after a turn that did not return true; 0: always every_ms */
    int pace_ms;    /* one of the two */
    int64_t due_us; /* when its next turn is */
    bool is_leader_only;
    bool is_running;
};

struct generation {
    struct bridge_deps deps;
    lua_State *L;
    int refs;
    bool is_limited; /* Lua runs: memory_max_bytes holds */
    size_t memory_bytes;
    size_t kept_bytes; /* what the last whole collection left (co.c) */
    size_t memory_max_bytes;
    struct heap heap;
    struct http_router *router;
    struct answers *answers; /* NULL: off */
    struct generation_route routes[GENERATION_ROUTES_MAX];
    int route_count;
    /* Of a route that says nothing; of the one that takes least, and most. */
    size_t body_max, body_floor, body_ceiling;
    struct generation_timer timers[GENERATION_TIMERS_MAX];
    int timer_count;
    int table_ref; /* what boot.lua returned */
    const bool *is_leader;
    struct co_set cos;
    struct list deadlines; /* of requests, the next due first: all have the same time */
    struct loop_timer *deadline;
    int64_t request_timeout_ms;
    struct policy_set *policies;
};

/* The generation of any Lua state or thread of ours. */
struct generation *generation_of(lua_State *L);
/* Opens libraries, removes what routes may not have, preloads core.*. */
void bridge_open_libraries(lua_State *L, struct bridge_source source);
/* Where the registry of a Lua state keeps the folder of the generation's plugins. */
#define BRIDGE_PLUGINS_DIR "souk.plugins_dir"
/* Pushes the function of a Lua file, as text only; raises on a syntax error. False: not readable,
 * nothing pushed. */
bool bridge_load_file(lua_State *L, const char *dir, const char *shown_dir, const char *file);
struct http_header;
/* Headers of a table of strings; borrowed from Lua while the table is on the stack. Returns how
 * many. */
int bridge_take_headers(lua_State *L, int index, struct http_header *headers, int headers_max);
/* Without what is kept, and without company: bridge/answers.h. */
void generation_serve_alone(struct generation *generation, struct http_request *request);
/* Answers with the err object, error table or error text at index; logs what is internal, with the
 * traceback that may stand above it. */
void bridge_reply_error(struct generation *generation,
                        struct http_request *request,
                        lua_State *L,
                        int index);

#endif
