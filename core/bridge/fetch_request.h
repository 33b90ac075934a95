/* What core.fetch.request and core.stripe.send have in common. */
#ifndef SOUK_BRIDGE_FETCH_REQUEST_H
#define SOUK_BRIDGE_FETCH_REQUEST_H

#include "fetch/fetch.h"

#define FETCH_HEADERS_MAX 32

struct lua_State;

/* The table at 1 as a request; raises. Its texts stay on the stack, so that they live until the
 * request has been copied. lines becomes its headers. */
struct fetch_request fetch_request_check(struct lua_State *L, const char *lines[FETCH_HEADERS_MAX]);
/* A field of that table, at least 1; 0 when absent. */
double fetch_number_check(struct lua_State *L, const char *name, double max);
/* Pushes {outcome=, status=, body=, headers=f(name), problem=}. */
void fetch_answer_push(struct lua_State *L, const struct fetch_answer *answer);

#endif
