#include "db/reply.h"

#include <stdlib.h>
#include <string.h>

#define TEXTS 6

static void *zeroed(size_t count, size_t size)
{
    void *at = calloc(count ? count : 1, size);

    if (!at)
        abort();
    return at;
}

struct db_columns *db_columns_new(int count)
{
    static unsigned serial;
    struct db_columns *columns = zeroed(1, sizeof(*columns));

    columns->users = 1;
    columns->serial = ++serial;
    columns->count = count;
    columns->types = zeroed((size_t)count, sizeof(*columns->types));
    columns->names = zeroed((size_t)count, sizeof(*columns->names));
    return columns;
}

struct db_columns *db_columns_ref(struct db_columns *columns)
{
    if (columns)
        columns->users++;
    return columns;
}

void db_columns_unref(struct db_columns *columns)
{
    if (!columns || --columns->users)
        return;
    for (int i = 0; i < columns->count; i++)
        free(columns->names[i]);
    free(columns->names);
    free(columns->types);
    free(columns);
}

bool db_columns_are_alike(const struct db_columns *a, const struct db_columns *b)
{
    if (a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++)
        if (a->types[i] != b->types[i] || strcmp(a->names[i], b->names[i]) != 0)
            return false;
    return true;
}

static size_t cell_count(const struct db_reply *reply)
{
    return reply->columns ? (size_t)reply->rows * (size_t)reply->columns->count : 0;
}

static const char *put(char **at, const char *text, size_t len)
{
    const char *copy = *at;

    memcpy(*at, text, len);
    (*at)[len] = '\0';
    *at += len + 1;
    return copy;
}

struct db_reply *db_reply_copy(const struct db_reply *reply)
{
    const char *texts[TEXTS] = {reply->tag,     reply->sqlstate, reply->severity,
                                reply->message, reply->detail,   reply->constraint};
    const char *copies[TEXTS] = {0};
    size_t count = cell_count(reply),
           size = sizeof(*reply) + count * sizeof(*reply->cells) + DB_CELL_PAD;
    struct db_reply *copy;
    struct str *cells;
    char *at;

    for (size_t i = 0; i < count; i++)
        size += reply->cells[i].len + 1;
    for (int i = 0; i < TEXTS; i++)
        size += texts[i] ? strlen(texts[i]) + 1 : 0;
    copy = malloc(size);
    if (!copy)
        abort();
    cells = (struct str *)(copy + 1);
    at = (char *)(cells + count);
    for (size_t i = 0; i < count; i++) {
        struct str cell = reply->cells[i];

        cells[i] = cell.at ? (struct str){put(&at, cell.at, cell.len), cell.len} : (struct str){0};
    }
    for (int i = 0; i < TEXTS; i++)
        copies[i] = texts[i] ? put(&at, texts[i], strlen(texts[i])) : NULL;
    *copy = (struct db_reply){
        .columns = db_columns_ref(reply->columns),
        .rows = reply->rows,
        .cells = cells,
        .tag = copies[0],
        .sqlstate = copies[1],
        .severity = copies[2],
        .message = copies[3],
        .detail = copies[4],
        .constraint = copies[5],
    };
    return copy;
}

void db_reply_free(struct db_reply *reply)
{
    if (!reply)
        return;
    db_columns_unref(reply->columns);
    free(reply);
}

bool db_reply_is_fatal(const struct db_reply *reply)
{
    return reply->severity &&
           (strcmp(reply->severity, "FATAL") == 0 || strcmp(reply->severity, "PANIC") == 0);
}
