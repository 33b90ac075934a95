/* Rows to values and to JSON. The hot path of every list: no allocation but the output's, no
 * look-up by name. */
#include "db/result.h"

#include "db/plan.h"
#include "db/result_parts.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Beside prefix and text: a time or a literal in place of it, quotes, what is copied too much. */
#define VALUE_ROOM (DB_PREFIX_PAD + 32)

int db_result_rows(const struct db_result *result)
{
    return result->reply->rows;
}

int db_result_columns(const struct db_result *result)
{
    return result->reply->columns->count;
}

long long db_result_affected(const struct db_result *result)
{
    const char *count = strrchr(result->reply->tag, ' ');

    return count ? atoll(count + 1) : 0;
}

struct str db_result_name(const struct db_result *result, int column)
{
    return str_from(result->reply->columns->names[column]);
}

enum db_kind db_result_kind(const struct db_result *result, int row, int column)
{
    const struct db_plan *plan = db_result_plan(result);

    if (db_result_is_null(result, row, column))
        return DB_NULL;
    for (int i = 0; i < plan->step_count; i++)
        if (plan->steps[i].op == DB_STEP_VALUE && plan->steps[i].column == column)
            return plan->steps[i].kind;
    return DB_TEXT;
}

bool db_result_is_null(const struct db_result *result, int row, int column)
{
    return !db_reply_cell(result->reply, row, column).at;
}

struct str db_result_text(const struct db_result *result, int row, int column)
{
    struct str cell = db_reply_cell(result->reply, row, column);

    return cell.at ? cell : STR("");
}

/* "2026-01-27 10:30:00[.1[23456]]+00": what PostgreSQL writes with DateStyle ISO in UTC for years 1
 * to 9999. */
static bool is_plain_time(struct str text)
{
    return text.len >= 22 && text.at[4] == '-' && text.at[10] == ' ' &&
           memcmp(text.at + text.len - 3, "+00", 3) == 0;
}

void db_time_to_rfc3339(struct str text, char out[25])
{
    if (!is_plain_time(text)) { /* infinity, years before Christ or beyond 9999: as they are */
        size_t len = text.len < 24 ? text.len : 24;

        memcpy(out, text.at, len);
        out[len] = '\0';
        return;
    }
    memcpy(out, text.at, 19);
    memcpy(out + 19, ".000Z", 6);
    out[10] = 'T';
    for (size_t i = 0; i < 3 && 20 + i < text.len - 3; i++)
        out[20 + i] = text.at[20 + i];
}

/* There is room for DB_PREFIX_PAD bytes more than these. Copying a constant number of bytes needs
 * no call, and most are shorter. */
static void put_prefix(struct buf *out, struct str prefix)
{
    memcpy(out->at + out->len, prefix.at, DB_PREFIX_PAD);
    if (prefix.len > DB_PREFIX_PAD)
        memcpy(out->at + out->len, prefix.at, prefix.len);
    out->len += prefix.len;
}

/* There is room for both and two quotes. */
static void put_quoted(struct buf *out, const char *at, size_t len)
{
    char *to = out->at + out->len;

    to[0] = '"';
    memcpy(to + 1, at, len);
    to[len + 1] = '"';
    out->len += len + 2;
}

static void put_time(struct buf *out, struct str text)
{
    char time[25];

    db_time_to_rfc3339(text, time);
    put_quoted(out, time, strlen(time));
}

static void
add_value(const struct db_result *result, int row, const struct db_step *step, struct buf *out)
{
    struct str text = db_reply_cell(result->reply, row, step->column);

    if (!buf_reserve(out, step->prefix.len + text.len + VALUE_ROOM))
        return;
    put_prefix(out, step->prefix);
    if (!text.at) {
        buf_add_str(out, STR("null"));
        return;
    }
    switch (step->kind) {
    case DB_BOOL: buf_add_str(out, text.at[0] == 't' ? STR("true") : STR("false")); break;
    case DB_FLOAT: /* JSON knows neither NaN nor Infinity */
        buf_add_str(out, text.at[text.len - 1] > '9' ? STR("null") : text);
        break;
    case DB_INT:
    case DB_JSON: buf_add_str(out, text); break;
    case DB_TIME: put_time(out, text); break;
    case DB_UUID: put_quoted(out, text.at, text.len); break;
    default: buf_add_json_string(out, text); break;
    }
}

static void
add_row(const struct db_result *result, const struct db_plan *plan, int row, struct buf *out)
{
    const struct db_step *step = plan->steps, *end = step + plan->step_count;

    buf_add_char(out, '{');
    while (step < end && !step->is_hidden) {
        if (step->op == DB_STEP_VALUE) {
            add_value(result, row, step, out);
        } else if (step->op == DB_STEP_CLOSE) {
            buf_add_char(out, '}');
        } else if (step->op == DB_STEP_OPEN_NULLABLE && db_group_is_null(result, row, step)) {
            buf_add_str(out, step->prefix);
            buf_add_str(out, STR("null"));
            step = plan->steps + step->skip_to;
            continue;
        } else {
            buf_add_str(out, step->prefix);
            buf_add_char(out, '{');
        }
        step++;
    }
    buf_add_char(out, '}'); /* puts the NUL behind it too */
}

void db_result_row_json(const struct db_result *result, int row, struct buf *out)
{
    add_row(result, db_result_plan(result), row, out);
}

void db_result_rows_json(const struct db_result *result, int row_count, struct buf *out)
{
    const struct db_plan *plan = db_result_plan(result);

    buf_add_char(out, '[');
    for (int row = 0; row < row_count; row++) {
        if (row)
            buf_add_char(out, ',');
        add_row(result, plan, row, out);
    }
    buf_add_char(out, ']');
}

void db_result_json(const struct db_result *result, struct buf *out)
{
    db_result_rows_json(result, result->reply->rows, out);
}
