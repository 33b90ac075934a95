/* Lua values as the text arguments of statements. */
#ifndef SOUK_BRIDGE_DB_ARGS_H
#define SOUK_BRIDGE_DB_ARGS_H

#include "db/query.h"

struct lua_State;

#define DB_ARGS_MAX    64
#define DB_NUMBER_SIZE 32

/* Where numbers become text; strings stay Lua's. */
struct db_arg_space {
    const char *at[DB_ARGS_MAX];
    size_t lengths[DB_ARGS_MAX];
    char numbers[DB_ARGS_MAX][DB_NUMBER_SIZE];
};

/* The query's statement, or a Lua error that names it. */
const struct db_statement *db_check_statement(struct lua_State *L, int index);
/* The values first..last of the stack for the statement; raises when they are too few, too many or
 * of no use. They must stay on the stack while the answer is used. */
struct db_args db_check_args(struct lua_State *L,
                             const struct db_statement *statement,
                             int first,
                             int last,
                             struct db_arg_space *space);
/* db.array{…}: a PostgreSQL array literal of texts, numbers, booleans and nulls. */
int db_l_array(struct lua_State *L);
/* db.columns(names, entries, …): such a literal for each name, of that field of all entries. */
int db_l_columns(struct lua_State *L);
/* The same as arguments of the statement, from such pairs at first and above. The texts are good
 * until the next array is made. */
struct db_args db_check_columns(struct lua_State *L,
                                const struct db_statement *statement,
                                int first,
                                struct db_arg_space *space);

#endif
