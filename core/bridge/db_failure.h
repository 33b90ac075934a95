/* What PostgreSQL refused, as Lua gets it. */
#ifndef SOUK_BRIDGE_DB_FAILURE_H
#define SOUK_BRIDGE_DB_FAILURE_H

struct db_error;
struct lua_State;

/* Pushes nil, err; logs what is ours to mend. name: of the statement, "" when it is none of them.
 * What PostgreSQL said reaches a client only where our own functions said it (SKnnn). */
int db_push_failure(struct lua_State *L, const char *name, const struct db_error *error);

#endif
