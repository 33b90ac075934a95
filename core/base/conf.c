#include "base/conf.h"

#include "base/buf.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES 262144

enum type { TEXT, SECRET, INT, BOOL };

static const struct row {
    const char *key;
    enum type type;
    const char *initial;
    int64_t min, max;
    const char *why;
} rows[] = {
#define CONF(key, type, initial, min, max, why) {key, type, initial, min, max, why},
#define CONF_ENV(variable, key)
#define CONF_ONE_OF(key, words)
#include "base/conf.def"
#undef CONF
#undef CONF_ENV
#undef CONF_ONE_OF
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static const struct {
    const char *variable, *key;
} variables[] = {
#define CONF(key, type, initial, min, max, why)
#define CONF_ENV(variable, key) {variable, key},
#define CONF_ONE_OF(key, words)
#include "base/conf.def"
#undef CONF
#undef CONF_ENV
#undef CONF_ONE_OF
};

static const struct {
    const char *key, *words;
} choices[] = {
#define CONF(key, type, initial, min, max, why)
#define CONF_ENV(variable, key)
#define CONF_ONE_OF(key, words) {key, words},
#include "base/conf.def"
#undef CONF
#undef CONF_ENV
#undef CONF_ONE_OF
};

struct conf {
    char *values[ROW_COUNT]; /* owned */
};

/* What goes wrong is written here; where is "file:line" or the like. */
struct complaint {
    const char *where;
    char *message;
    size_t size;
};

static char *copy(struct str text)
{
    char *made = malloc(text.len + 1);

    if (!made)
        abort();
    if (text.len)
        memcpy(made, text.at, text.len);
    made[text.len] = '\0';
    return made;
}

struct conf *conf_new(void)
{
    struct conf *conf = calloc(1, sizeof *conf);

    if (!conf)
        abort();
    for (size_t i = 0; i < ROW_COUNT; i++)
        conf->values[i] = copy(str_from(rows[i].initial));
    return conf;
}

void conf_free(struct conf *conf)
{
    if (!conf)
        return;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        explicit_bzero(conf->values[i], strlen(conf->values[i]));
        free(conf->values[i]);
    }
    free(conf);
}

static int row_of(struct str key)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (str_eq(str_from(rows[i].key), key))
            return (int)i;
    return -1;
}

static bool parse_int(const char *text, int64_t *out)
{
    char *end;

    if (!isdigit((unsigned char)text[0]) && text[0] != '-')
        return false;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

static bool is_one_of(const char *words, struct str value)
{
    while (*words) {
        size_t len = strcspn(words, " ");

        if (str_eq((struct str){words, len}, value))
            return true;
        words += len;
        words += *words == ' ';
    }
    return false;
}

static bool
complain_value(const struct complaint *complaint, const struct row *row, const char *allowed)
{
    (void)snprintf(complaint->message, complaint->size, "%s: %s must be %s (%s)", complaint->where,
                   row->key, allowed, row->why);
    return false;
}

static bool check_value(const struct row *row, const char *value, const struct complaint *complaint)
{
    char allowed[96];
    int64_t number;

    for (const char *at = value; *at; at++)
        if ((unsigned char)*at < 0x20)
            return complain_value(complaint, row, "text without control characters");
    if (row->type == BOOL && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return complain_value(complaint, row, "true or false");
    if (row->type == INT &&
        (!parse_int(value, &number) || number < row->min || number > row->max)) {
        (void)snprintf(allowed, sizeof allowed, "a whole number from %" PRId64 " to %" PRId64,
                       row->min, row->max);
        return complain_value(complaint, row, allowed);
    }
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        if (strcmp(choices[i].key, row->key) == 0 &&
            !is_one_of(choices[i].words, str_from(value))) {
            (void)snprintf(allowed, sizeof allowed, "one of: %s", choices[i].words);
            return complain_value(complaint, row, allowed);
        }
    return true;
}

static struct str trim(struct str text)
{
    while (text.len && isspace((unsigned char)text.at[0])) {
        text.at++;
        text.len--;
    }
    while (text.len && isspace((unsigned char)text.at[text.len - 1]))
        text.len--;
    return text;
}

static bool
set(struct conf *conf, struct str key, struct str value, const struct complaint *complaint)
{
    int row = row_of(key);
    char *text;

    if (row < 0) {
        (void)snprintf(complaint->message, complaint->size,
                       "%s: there is no setting %.*s; conf/souk.conf lists them all",
                       complaint->where, (int)(key.len < 64 ? key.len : 64), key.at);
        return false;
    }
    text = copy(value);
    if (strlen(text) != value.len || !check_value(&rows[row], text, complaint)) {
        if (strlen(text) != value.len)
            (void)complain_value(complaint, &rows[row], "text without NUL");
        free(text);
        return false;
    }
    free(conf->values[row]);
    conf->values[row] = text;
    return true;
}

static bool set_line(struct conf *conf, struct str line, const struct complaint *complaint)
{
    const char *equals = line.len ? memchr(line.at, '=', line.len) : NULL;

    if (!equals) {
        (void)snprintf(complaint->message, complaint->size,
                       "%s: a setting is written key = value, a comment begins with #",
                       complaint->where);
        return false;
    }
    return set(conf, trim((struct str){line.at, (size_t)(equals - line.at)}),
               trim((struct str){equals + 1, (size_t)(line.at + line.len - equals - 1)}),
               complaint);
}

bool conf_read_file(struct conf *conf, const char *path, char *message, size_t message_size)
{
    struct buf text;
    struct str rest;
    bool is_good = true;

    buf_init(&text, FILE_MAX_BYTES);
    if (!buf_read_file(&text, path)) {
        (void)snprintf(message, message_size, "%s: cannot be read, or is larger than %d bytes",
                       path, FILE_MAX_BYTES);
        buf_done(&text);
        return false;
    }
    rest = buf_str(&text);
    for (int number = 1; is_good && rest.len; number++) {
        const char *newline = memchr(rest.at, '\n', rest.len);
        size_t len = newline ? (size_t)(newline - rest.at) : rest.len;
        struct str line = trim((struct str){rest.at, len});
        char where[512];

        (void)snprintf(where, sizeof where, "%s:%d", path, number);
        if (line.len && line.at[0] != '#')
            is_good = set_line(conf, line, &(struct complaint){where, message, message_size});
        len += newline != NULL;
        rest = (struct str){rest.at + len, rest.len - len};
    }
    buf_done(&text);
    return is_good;
}

bool conf_read_env(struct conf *conf, char *message, size_t message_size)
{
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i].variable);
        struct complaint complaint = {variables[i].variable, message, message_size};

        if (value && !set(conf, str_from(variables[i].key), trim(str_from(value)), &complaint))
            return false;
    }
    return true;
}

bool conf_set(struct conf *conf, const char *assignment, char *message, size_t message_size)
{
    return set_line(conf, str_from(assignment),
                    &(struct complaint){"--set", message, message_size});
}

const char *conf_find(const struct conf *conf, const char *key)
{
    int row = row_of(str_from(key));

    return row < 0 ? NULL : conf->values[row];
}

const char *conf_text(const struct conf *conf, const char *key)
{
    const char *value = conf_find(conf, key);

    if (!value)
        abort();
    return value;
}

int64_t conf_int(const struct conf *conf, const char *key)
{
    int64_t number;

    if (!parse_int(conf_text(conf, key), &number))
        abort();
    return number;
}

bool conf_bool(const struct conf *conf, const char *key)
{
    return strcmp(conf_text(conf, key), "true") == 0;
}

bool conf_is_secret(const char *key)
{
    int row = row_of(str_from(key));

    return row >= 0 && rows[row].type == SECRET;
}

void conf_each(const struct conf *conf,
               void (*each)(void *arg, const char *key, const char *value, const char *why),
               void *arg)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        each(arg, rows[i].key, conf->values[i], rows[i].why);
}
