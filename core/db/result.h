/* Rows, and how a row becomes JSON or a Lua table: by its column names, so that a query's column
 * list is the shape of the answer.
 *   "name"           a member
 *   "price.amount"   nested: consecutive columns with the same first part make one object
 *   "location?.lat"  nested, null as a whole when all members of it are null
 *   "~sort"          left out of JSON; Lua sees it as sort: cursors, sort keys
 * Types by OID: bool, int2/4/8, float4/8, numeric as JSON numbers (NaN, Infinity: null); json/jsonb
 * raw; timestamptz RFC 3339 UTC with milliseconds; all else strings; null null. */
#ifndef SOUK_DB_RESULT_H
#define SOUK_DB_RESULT_H

#include "base/buf.h"
#include "base/str.h"
#include <stdbool.h>

struct db_result;

enum db_kind { DB_NULL, DB_BOOL, DB_INT, DB_FLOAT, DB_JSON, DB_TIME, DB_UUID, DB_TEXT };

int db_result_rows(const struct db_result *result);
int db_result_columns(const struct db_result *result);
long long db_result_affected(const struct db_result *result);
struct str db_result_name(const struct db_result *result, int column);
/* DB_NULL for null. Walks the columns: not for loops over rows, they follow db/plan.h. */
enum db_kind db_result_kind(const struct db_result *result, int row, int column);
bool db_result_is_null(const struct db_result *result, int row, int column);
struct str
db_result_text(const struct db_result *result, int row, int column); /* as PostgreSQL wrote it */
/* "2026-01-27 10:30:00.123456+00" to "2026-01-27T10:30:00.123Z"; out holds 25 bytes. */
void db_time_to_rfc3339(struct str text, char out[25]);
/* One row as an object; the first row_count rows or all as an array. */
void db_result_row_json(const struct db_result *result, int row, struct buf *out);
void db_result_rows_json(const struct db_result *result, int row_count, struct buf *out);
void db_result_json(const struct db_result *result, struct buf *out);

#endif
