/* Rows as Lua values. */
#ifndef SOUK_BRIDGE_DB_ROWS_H
#define SOUK_BRIDGE_DB_ROWS_H

struct lua_State;
struct db_result;

/* Pushes an array of rows as tables, shaped by the column names (db/result.h). Null is nil, json
 * columns are json.raw values, times RFC 3339 with milliseconds; hidden (~) times are PostgreSQL's
 * own text, in full precision. */
void db_push_rows(struct lua_State *L, const struct db_result *result);
/* Those from first to before end. */
void db_push_rows_between(struct lua_State *L, const struct db_result *result, int first, int end);
void db_push_row(struct lua_State *L, const struct db_result *result, int row);
/* The values of the outermost columns of these names, with a blank between two; all times in full,
 * for cursors. Returns how many. */
int db_push_columns(struct lua_State *L,
                    const struct db_result *result,
                    int row,
                    const char *names);

#endif
