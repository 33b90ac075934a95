/* Query files to statements. Replaced texts stay alive, since a waiting request may still hold
 * them; an id belongs to a text for good, and so does the name that it is prepared under. */
#include "db/catalog.h"

#include "base/buf.h"
#include "db/result_parts.h"
#include "db/statement.h"
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX  (64u << 10)
#define DEPTH_MAX 8

struct db_catalog {
    struct db_statement **slots; /* open addressing by name; room is a power of two */
    size_t room, count;
    struct db_statement **replaced;
    size_t replaced_count;
};

struct load {
    struct db_catalog *catalog;
    const char *prefix;
    size_t root_len; /* of the path, with its slash */
    char *message;
    size_t message_size;
};

static uint64_t hash_of(struct str text)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * 1099511628211u;
    return hash;
}

static char *copy_of(struct str text)
{
    char *copy = malloc(text.len + 1);

    if (!copy)
        abort();
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return copy;
}

/* The end of what starts at text.at[i] and holds no parameters (string, identifier, comment); i
 * when nothing does. */
static size_t skip_quiet(struct str text, size_t i)
{
    const char *end = NULL;
    char c = text.at[i], next = i + 1 < text.len ? text.at[i + 1] : '\0';

    if (c == '\'' || c == '"')
        end = memchr(text.at + i + 1, c, text.len - i - 1);
    else if (c == '-' && next == '-')
        end = memchr(text.at + i, '\n', text.len - i);
    else if (c == '/' && next == '*')
        end = memmem(text.at + i + 2, text.len - i - 2, "*/", 2);
    else
        return i;
    return end ? (size_t)(end - text.at) + 1 : text.len;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

int db_params_of(struct str text)
{
    int highest = 0;
    size_t i = 0;

    while (i < text.len) {
        size_t after = skip_quiet(text, i);
        int n = 0;

        if (after > i) {
            i = after;
            continue;
        }
        if (text.at[i++] != '$' || (i > 1 && is_name_char(text.at[i - 2])))
            continue;
        while (i < text.len && text.at[i] >= '0' && text.at[i] <= '9' && n < 10000)
            n = n * 10 + (text.at[i++] - '0');
        if (n > highest)
            highest = n;
    }
    return highest;
}

/* The same text has the same id, whichever catalog read it: a reload prepares nothing twice. Never
 * freed: as many as there were different texts. */
static unsigned id_of(uint64_t hash)
{
    static uint64_t *known; /* id to hash */
    static unsigned count;

    for (unsigned id = 0; id < count; id++)
        if (known[id] == hash)
            return id;
    if (count % 256 == 0)
        known = realloc(known, (count + 256) * sizeof(*known));
    if (!known)
        abort();
    known[count] = hash;
    return count++;
}

struct db_statement *db_statement_new(struct str name, struct str text)
{
    struct db_statement *statement = calloc(1, sizeof(*statement));
    uint64_t hash = hash_of(text);

    if (!statement)
        abort();
    statement->name = copy_of(name);
    statement->text = copy_of(text);
    statement->id = id_of(hash);
    statement->params = db_params_of(text);
    (void)snprintf(statement->prepared_name, sizeof(statement->prepared_name), "s_%016llx",
                   (unsigned long long)hash);
    return statement;
}

void db_statement_free(struct db_statement *statement)
{
    if (!statement)
        return;
    db_shape_free(statement->shape);
    free(statement->name);
    free(statement->text);
    free(statement);
}

struct db_catalog *db_catalog_new(void)
{
    struct db_catalog *catalog = calloc(1, sizeof(*catalog));

    if (!catalog)
        abort();
    catalog->room = 256;
    catalog->slots = calloc(catalog->room, sizeof(*catalog->slots));
    if (!catalog->slots)
        abort();
    return catalog;
}

void db_catalog_free(struct db_catalog *catalog)
{
    if (!catalog)
        return;
    for (size_t i = 0; i < catalog->room; i++)
        db_statement_free(catalog->slots[i]);
    for (size_t i = 0; i < catalog->replaced_count; i++)
        db_statement_free(catalog->replaced[i]);
    free(catalog->slots);
    free(catalog->replaced);
    free(catalog);
}

/* Where name is, or where it would go. */
static struct db_statement **slot_of(const struct db_catalog *catalog, struct str name)
{
    size_t i = hash_of(name) & (catalog->room - 1);

    while (catalog->slots[i] && !str_eq(str_from(catalog->slots[i]->name), name))
        i = (i + 1) & (catalog->room - 1);
    return &catalog->slots[i];
}

const struct db_statement *db_catalog_find(const struct db_catalog *catalog, const char *name)
{
    return *slot_of(catalog, str_from(name));
}

int db_statement_params(const struct db_statement *statement)
{
    return statement->params;
}

const char *db_statement_name(const struct db_statement *statement)
{
    return statement->name;
}

const char *db_statement_text(const struct db_statement *statement)
{
    return statement->text;
}

void db_catalog_each(const struct db_catalog *catalog, db_catalog_each_fn *each, void *arg)
{
    for (size_t i = 0; i < catalog->room; i++)
        if (catalog->slots[i])
            each(arg, catalog->slots[i]->name, catalog->slots[i]->text);
}

static void grow(struct db_catalog *catalog)
{
    struct db_statement **old = catalog->slots;
    size_t old_room = catalog->room;

    catalog->room *= 2;
    catalog->slots = calloc(catalog->room, sizeof(*catalog->slots));
    if (!catalog->slots)
        abort();
    for (size_t i = 0; i < old_room; i++)
        if (old[i])
            *slot_of(catalog, str_from(old[i]->name)) = old[i];
    free(old);
}

static void keep_replaced(struct db_catalog *catalog, struct db_statement *statement)
{
    size_t size = (catalog->replaced_count + 1) * sizeof(*catalog->replaced);

    catalog->replaced = realloc(catalog->replaced, size);
    if (!catalog->replaced)
        abort();
    catalog->replaced[catalog->replaced_count++] = statement;
}

static void catalog_put(struct db_catalog *catalog, struct str name, struct str text)
{
    struct db_statement **slot = slot_of(catalog, name);

    if (*slot && str_eq(str_from((*slot)->text), text))
        return;
    if (*slot) {
        keep_replaced(catalog, *slot);
    } else if (++catalog->count * 2 > catalog->room) {
        grow(catalog);
        slot = slot_of(catalog, name);
    }
    *slot = db_statement_new(name, text);
}

void db_catalog_put(struct db_catalog *catalog, const char *name, const char *text)
{
    catalog_put(catalog, str_from(name), str_from(text));
}

static bool refuse(struct load *load, const char *path, const char *why)
{
    (void)snprintf(load->message, load->message_size, "%s: %s", path, why);
    return false;
}

static struct str trimmed(struct str text)
{
    while (text.len && strchr(" \t\r\n;", text.at[text.len - 1]))
        text.len--;
    return text;
}

static bool load_file(struct load *load, const char *path)
{
    char name[512];
    struct buf text;
    struct str statement;
    bool is_read;

    (void)snprintf(name, sizeof(name), "%s%s", load->prefix, path + load->root_len);
    name[strlen(name) - strlen(".sql")] = '\0';
    buf_init(&text, TEXT_MAX);
    is_read = buf_read_file(&text, path);
    statement = trimmed(buf_str(&text));
    if (is_read && statement.len)
        catalog_put(load->catalog, str_from(name), statement);
    buf_done(&text);
    if (!is_read)
        return refuse(load, path, "cannot be read, or is larger than 64 KiB");
    return statement.len ? true : refuse(load, path, "holds no statement");
}

static bool ends_with_sql(const char *name)
{
    size_t len = strlen(name);

    return len > 4 && strcmp(name + len - 4, ".sql") == 0;
}

static bool load_dir(struct load *load, const char *dir, int depth)
{
    struct dirent *entry;
    bool is_ok = true;
    DIR *listing = depth < DEPTH_MAX ? opendir(dir) : NULL;

    if (!listing)
        return refuse(load, dir, depth < DEPTH_MAX ? strerror(errno) : "too many levels");
    while (is_ok && (entry = readdir(listing))) {
        char path[512];
        struct stat about;
        int len = snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);

        if (entry->d_name[0] == '.')
            continue;
        if (len >= (int)sizeof(path))
            is_ok = refuse(load, dir, "path too long");
        else if (stat(path, &about) != 0)
            is_ok = refuse(load, path, strerror(errno));
        else if (S_ISDIR(about.st_mode))
            is_ok = load_dir(load, path, depth + 1);
        else if (ends_with_sql(entry->d_name))
            is_ok = load_file(load, path);
    }
    closedir(listing);
    return is_ok;
}

bool db_catalog_load(struct db_catalog *catalog,
                     const char *dir,
                     const char *prefix,
                     char *message,
                     size_t message_size)
{
    struct load load = {
        .catalog = catalog,
        .prefix = prefix,
        .root_len = strlen(dir) + 1,
        .message = message,
        .message_size = message_size,
    };

    return load_dir(&load, dir, 0);
}
