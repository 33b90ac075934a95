/* Column names to steps. A statement's columns do not change while its text is prepared, so the
 * plan is kept with the statement and only checked against the next result's names and types. */
#include "db/plan.h"

#include "base/buf.h"
#include "db/result_parts.h"
#include "db/statement.h"
#include <stdlib.h>
#include <string.h>

#define GROUP_DEPTH_MAX 8
#define TEXT_MAX        (1u << 20)
/* Each session that prepared the statement has its own columns. */
#define FITS 16

struct db_shape {
    struct db_plan plan;
    struct db_columns *columns; /* a share of them */
    unsigned fits[FITS];        /* serials of columns that were found to be like these */
    char *text;                 /* what the steps' names and prefixes point into */
    struct db_shape *older;
};

struct compiler {
    struct db_step *steps;
    int count;
    struct buf text;
    int open[GROUP_DEPTH_MAX]; /* step of each open group */
    struct str open_name[GROUP_DEPTH_MAX];
    bool has_member[GROUP_DEPTH_MAX + 1];
    int depth;
    int member_count;
};

static void *zeroed(size_t count, size_t size)
{
    void *at = calloc(count ? count : 1, size);

    if (!at)
        abort();
    return at;
}

static enum db_kind kind_of(uint32_t type)
{
    switch (type) {
    case 16: return DB_BOOL;
    case 20: /* int8 */
    case 21: /* int2 */
    case 23: /* int4 */
    case 26: /* oid */ return DB_INT;
    case 700: /* float4 */
    case 701: /* float8 */
    case 1700: /* numeric */ return DB_FLOAT;
    case 114: /* json */
    case 3802: /* jsonb */ return DB_JSON;
    case 1184: /* timestamptz */ return DB_TIME;
    case 2950: return DB_UUID;
    default: return DB_TEXT;
    }
}

/* Texts are offsets until the buffer has stopped moving; see settle(). */
static struct str keep(struct compiler *c, size_t from)
{
    return (struct str){(const char *)from, c->text.len - from};
}

static struct db_step *
add_member(struct compiler *c, enum db_step_op op, struct str name, enum db_kind kind)
{
    struct db_step *step = &c->steps[c->count++];
    size_t from = c->text.len;

    step->op = op;
    buf_add_str(&c->text, name);
    step->name = keep(c, from);
    from = c->text.len;
    if (c->has_member[c->depth])
        buf_add_char(&c->text, ',');
    buf_add_json_string(&c->text, name);
    buf_add_char(&c->text, ':');
    if (db_is_quoted(kind))
        buf_add_char(&c->text, '"');
    step->kind = kind;
    step->prefix = keep(c, from);
    c->has_member[c->depth] = true;
    c->member_count += c->depth == 0;
    return step;
}

static void close_groups(struct compiler *c, int depth)
{
    while (c->depth > depth) {
        c->steps[c->count++].op = DB_STEP_CLOSE;
        c->steps[c->open[--c->depth]].skip_to = c->count;
    }
}

static void open_group(struct compiler *c, struct str part, bool is_nullable)
{
    c->open[c->depth] = c->count;
    c->open_name[c->depth] = part;
    (void)add_member(c, is_nullable ? DB_STEP_OPEN_NULLABLE : DB_STEP_OPEN, part, DB_NULL);
    c->has_member[++c->depth] = false;
}

/* The next dotted part of name, without its '?'; false when name is the last part. */
static bool next_part(struct str *name, struct str *part, bool *is_nullable)
{
    const char *dot = memchr(name->at, '.', name->len);

    if (!dot || dot == name->at)
        return false;
    *part = (struct str){name->at, (size_t)(dot - name->at)};
    name->len -= part->len + 1;
    name->at = dot + 1;
    *is_nullable = part->len > 1 && dot[-1] == '?';
    part->len -= *is_nullable;
    return true;
}

static void add_column(struct compiler *c, struct str name, int column, enum db_kind kind)
{
    struct str part;
    bool is_nullable;
    int depth = 0;

    while (depth < GROUP_DEPTH_MAX && next_part(&name, &part, &is_nullable)) {
        if (depth >= c->depth || !str_eq(c->open_name[depth], part)) {
            close_groups(c, depth);
            open_group(c, part, is_nullable);
        }
        depth++;
    }
    close_groups(c, depth);
    add_member(c, DB_STEP_VALUE, name, kind)->column = column;
}

static void add_hidden(struct compiler *c, struct str name, int column, enum db_kind kind)
{
    struct db_step *step = add_member(c, DB_STEP_VALUE, name, kind);

    step->column = column;
    step->is_hidden = true;
}

static void add_again(struct compiler *c, struct str offsets)
{
    buf_add(&c->text, c->text.at + (size_t)offsets.at, offsets.len);
}

/* What is written between values does not depend on them, unless a group may be null. */
static void flatten(struct compiler *c, struct db_plan *plan)
{
    size_t from = c->text.len;

    for (int i = 0; i < plan->step_count; i++)
        if (plan->steps[i].op == DB_STEP_OPEN_NULLABLE)
            return;
    if (!buf_reserve(&c->text, c->text.len + (size_t)plan->step_count))
        return; /* so that the text does not move while it is added to itself */
    plan->flat = zeroed((size_t)plan->step_count, sizeof(*plan->flat));
    for (int i = 0; i < plan->step_count && !plan->steps[i].is_hidden; i++) {
        const struct db_step *step = &plan->steps[i];

        if (step->op == DB_STEP_CLOSE) {
            buf_add_char(&c->text, '}');
            continue;
        }
        add_again(c, step->prefix);
        if (step->op == DB_STEP_OPEN) {
            buf_add_char(&c->text, '{');
            continue;
        }
        plan->flat[plan->flat_count] = *step;
        plan->flat[plan->flat_count++].prefix = keep(c, from);
        from = c->text.len;
    }
    plan->flat_end = keep(c, from);
}

static void settle(struct db_shape *shape, const char *text)
{
    for (int i = 0; i < shape->plan.step_count; i++) {
        struct db_step *step = &shape->plan.steps[i];

        step->name.at = text + (size_t)step->name.at;
        step->prefix.at = text + (size_t)step->prefix.at;
        shape->plan.text_len += step->prefix.len;
    }
    for (int i = 0; i < shape->plan.flat_count; i++)
        shape->plan.flat[i].prefix.at = text + (size_t)shape->plan.flat[i].prefix.at;
    shape->plan.flat_end.at = text + (size_t)shape->plan.flat_end.at;
}

static void compile(struct db_shape *shape)
{
    static const char padding[DB_PREFIX_PAD];
    static unsigned serial;
    const struct db_columns *columns = shape->columns;
    struct compiler c = {0};

    c.steps = zeroed((size_t)columns->count * (2 * GROUP_DEPTH_MAX + 1), sizeof(*c.steps));
    buf_init(&c.text, TEXT_MAX);
    for (int i = 0; i < columns->count; i++)
        if (columns->names[i][0] != '~')
            add_column(&c, str_from(columns->names[i]), i, kind_of(columns->types[i]));
    close_groups(&c, 0);
    for (int i = 0; i < columns->count; i++)
        if (columns->names[i][0] == '~')
            add_hidden(&c, str_from(columns->names[i] + 1), i, kind_of(columns->types[i]));
    shape->plan.steps = c.steps;
    shape->plan.step_count = c.count;
    shape->plan.member_count = c.member_count;
    shape->plan.serial = ++serial;
    flatten(&c, &shape->plan);
    buf_add(&c.text, padding, sizeof(padding));
    shape->text = c.text.at; /* the buffer's memory changes hands */
    settle(shape, shape->text ? shape->text : "");
}

static struct db_shape *shape_new(struct db_columns *columns, struct db_shape *older)
{
    struct db_shape *shape = zeroed(1, sizeof(*shape));

    shape->columns = db_columns_ref(columns);
    shape->older = older;
    compile(shape);
    return shape;
}

void db_shape_free(struct db_shape *shape)
{
    while (shape) {
        struct db_shape *older = shape->older;

        db_columns_unref(shape->columns);
        free(shape->text);
        free(shape->plan.steps);
        free(shape->plan.flat);
        free(shape);
        shape = older;
    }
}

static bool shape_fits(struct db_shape *shape, const struct db_columns *columns)
{
    unsigned *known = &shape->fits[columns->serial % FITS];

    if (*known == columns->serial)
        return true;
    if (!db_columns_are_alike(shape->columns, columns))
        return false;
    *known = columns->serial;
    return true;
}

const struct db_plan *db_result_plan(const struct db_result *result)
{
    /* Both are caches behind const: no caller can tell when they are filled. */
    struct db_statement *statement = (struct db_statement *)result->statement;
    struct db_result *cached = (struct db_result *)result;
    struct db_columns *columns = result->reply->columns;

    if (result->plan)
        return result->plan;
    if (!statement->shape || !shape_fits(statement->shape, columns))
        statement->shape = shape_new(columns, statement->shape);
    cached->plan = &statement->shape->plan;
    return cached->plan;
}

bool db_group_is_null(const struct db_result *result, int row, const struct db_step *open)
{
    const struct db_step *end = db_result_plan(result)->steps + open->skip_to;

    for (const struct db_step *step = open + 1; step < end; step++)
        if (step->op == DB_STEP_VALUE && db_reply_cell(result->reply, row, step->column).at)
            return false;
    return true;
}
