/* Reads that many ask for at a time, each for a key of its own, made together. */
#ifndef SOUK_BRIDGE_DB_GATHER_H
#define SOUK_BRIDGE_DB_GATHER_H

struct lua_State;

/* db.query_of(name, id) -> rows | nil, err. Waits; outside of transactions only. */
int db_l_query_of(struct lua_State *L);
void db_gather_open(void);

#endif
