/* Rows to values and to JSON. The hot path of every list: no allocation but the output's, no
 * look-up by name. */
#include "db/result.h"

#include "db/plan.h"
#include "db/result_parts.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A time in quotes is the longest of what does not count as text; and what is copied too much. */
#define VALUE_ROOM 28
#define ROW_ROOM   96

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
static inline bool is_plain_time(struct str text)
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

/* Copies 32 or 64 bytes in any case, which needs no call: there is room for them, and they may be
 * read (DB_PREFIX_PAD, DB_CELL_PAD). Most texts are shorter. */
static inline char *put_short(char *to, const char *at, size_t len)
{
    memcpy(to, at, 32);
    if (len > 64)
        memcpy(to, at, len);
    else if (len > 32)
        memcpy(to + 32, at + 32, 32);
    return to + len;
}

/* What is in quotes: the first of them ended the prefix. */
static inline char *put_quoted(char *to, const char *at, size_t len)
{
    to = put_short(to, at, len);
    *to++ = '"';
    return to;
}

static char *put_odd_time(char *to, struct str text)
{
    char time[64];

    db_time_to_rfc3339(text, time);
    return put_quoted(to, time, strlen(time));
}

/* As db_time_to_rfc3339(), for what is mostly there. */
static inline char *put_time(char *to, struct str text)
{
    size_t fraction = text.len - 22;

    if (!is_plain_time(text))
        return put_odd_time(to, text);
    memcpy(to, text.at, 19);
    to[10] = 'T';
    memcpy(to + 19, ".000Z\"", 6);
    for (size_t i = 0; i + 1 < fraction && i < 3; i++)
        to[20 + i] = text.at[20 + i];
    return to + 25;
}

typedef signed char bytes __attribute__((vector_size(16)));

/* Where a byte is set that JSON does not take as it is, or that is not ASCII and wants a look. */
static bytes unplain(bytes at)
{
    return (at < 0x20) | (at == '"') | (at == '\\');
}

/* Copies text, and up to fifteen bytes more; false: it cannot be taken as it is. */
static inline bool copy_plain(char *to, struct str text)
{
    static const signed char first[32] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                          -1, -1, -1, -1, -1, -1, -1, -1};
    bytes found = {0}, part, mask;
    uint64_t halves[2];
    size_t i = 0;

    for (; i + sizeof part <= text.len; i += sizeof part) {
        memcpy(&part, text.at + i, sizeof part);
        memcpy(to + i, &part, sizeof part);
        found |= unplain(part);
    }
    memcpy(&part, text.at + i, sizeof part);
    memcpy(to + i, &part, sizeof part);
    memcpy(&mask, first + sizeof mask - (text.len - i), sizeof mask);
    found |= unplain(part) & mask;
    memcpy(halves, &found, sizeof halves);
    return !(halves[0] | halves[1]);
}

/* A row in the making. to runs ahead of out->len; there is room for the rest of the row, but for
 * what texts need to be escaped. */
struct row_writer {
    struct buf *out;
    char *to;
    size_t room; /* what the whole row takes */
};

static bool make_room(struct row_writer *writer)
{
    if (!buf_reserve(writer->out, writer->room))
        return false;
    writer->to = writer->out->at + writer->out->len;
    return true;
}

/* False: the buffer is full. */
static __attribute__((noinline)) bool put_escaped(struct row_writer *writer, struct str text)
{
    struct buf *out = writer->out;

    out->len = (size_t)(writer->to - out->at) - 1; /* the quote of the prefix is made again */
    buf_add_json_string(out, text);
    return !out->is_full && make_room(writer);
}

static char *put_literal(char *to, const char *four, size_t len)
{
    memcpy(to, four, 5);
    return to + len;
}

/* Inlined into both loops: a call a value is a fifth of a row's time. */
__attribute__((always_inline)) static inline bool
put_value(struct row_writer *writer, const struct db_step *step, struct str cell)
{
    char *to = put_short(writer->to, step->prefix.at, step->prefix.len);

    if (!cell.at) {
        writer->to = put_literal(to - db_is_quoted(step->kind), "null", 4);
        return true;
    }
    switch (step->kind) {
    case DB_BOOL:
        to = cell.at[0] == 't' ? put_literal(to, "true", 4) : put_literal(to, "false", 5);
        break;
    case DB_FLOAT: /* JSON knows neither NaN nor Infinity */
        to = cell.at[cell.len - 1] > '9' ? put_literal(to, "null", 4)
                                         : put_short(to, cell.at, cell.len);
        break;
    case DB_INT:
    case DB_JSON: to = put_short(to, cell.at, cell.len); break;
    case DB_TIME: to = put_time(to, cell); break;
    case DB_UUID: to = put_quoted(to, cell.at, cell.len); break;
    default:
        if (!copy_plain(to, cell)) {
            writer->to = to;
            return put_escaped(writer, cell);
        }
        to += cell.len;
        *to++ = '"';
    }
    writer->to = to;
    return true;
}

/* Between values; returns the next step. */
static const struct db_step *put_group(struct row_writer *writer,
                                       const struct db_result *result,
                                       int row,
                                       const struct db_step *step)
{
    char *to = writer->to;

    if (step->op != DB_STEP_CLOSE)
        to = put_short(to, step->prefix.at, step->prefix.len);
    if (step->op == DB_STEP_OPEN_NULLABLE && db_group_is_null(result, row, step)) {
        writer->to = put_literal(to, "null", 4);
        return result->plan->steps + step->skip_to;
    }
    *to++ = step->op == DB_STEP_CLOSE ? '}' : '{';
    writer->to = to;
    return step + 1;
}

/* The texts of a row lie one behind another. Beside them, VALUE_ROOM a step is more than quotes, a
 * literal or a time take. */
static size_t room_of(const struct db_plan *plan, const struct str *cells, int columns)
{
    size_t room = plan->text_len + (size_t)plan->step_count * VALUE_ROOM + ROW_ROOM;
    int first = 0, last = columns - 1;

    while (first < last && !cells[first].at)
        first++;
    while (first < last && !cells[last].at)
        last--;
    if (first <= last && cells[last].at)
        room += (size_t)(cells[last].at + cells[last].len - cells[first].at);
    return room;
}

/* False: the buffer is full. */
static bool put_steps(struct row_writer *writer,
                      const struct db_result *result,
                      int row,
                      const struct str *cells)
{
    const struct db_step *step = result->plan->steps, *end = step + result->plan->step_count;

    while (step < end && !step->is_hidden) {
        if (step->op != DB_STEP_VALUE)
            step = put_group(writer, result, row, step);
        else if (!put_value(writer, step, cells[step->column]))
            return false;
        else
            step++;
    }
    return true;
}

static bool put_flat(struct row_writer *writer, const struct db_plan *plan, const struct str *cells)
{
    const struct db_step *end = plan->flat + plan->flat_count;

    for (const struct db_step *step = plan->flat; step < end; step++)
        if (!put_value(writer, step, cells[step->column]))
            return false;
    writer->to = put_short(writer->to, plan->flat_end.at, plan->flat_end.len);
    return true;
}

static void
add_row(const struct db_result *result, const struct db_plan *plan, int row, struct buf *out)
{
    int columns = result->reply->columns->count;
    const struct str *cells = result->reply->cells + (size_t)row * (size_t)columns;
    struct row_writer writer = {.out = out, .room = room_of(plan, cells, columns)};
    bool is_flat = plan->flat_count > 0;

    if (!make_room(&writer))
        return;
    *writer.to++ = '{';
    if (!(is_flat ? put_flat(&writer, plan, cells) : put_steps(&writer, result, row, cells)))
        return;
    out->len = (size_t)(writer.to - out->at);
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
