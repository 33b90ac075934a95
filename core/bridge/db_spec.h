/* core.db.spec: what specs need of the database beyond what programs may do. It exists where conf
 * says env = test. */
#ifndef SOUK_BRIDGE_DB_SPEC_H
#define SOUK_BRIDGE_DB_SPEC_H

struct lua_State;
struct db_pool;

/* Adds the field spec to the table on top, in the test environment. */
void db_spec_open(struct lua_State *L);
/* The pool that core.db uses: the process's, unless a spec has connected another. May be NULL. */
struct db_pool *db_pool_of(struct lua_State *L);

#endif
