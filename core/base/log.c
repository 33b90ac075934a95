/* The difficulty: fields are named by the format, so that a value (which a client may have chosen)
 * can never make up a field, whatever it contains. */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define TAIL_BYTES     2 /* "}\n" */
#define FIELD_MARK     '\x1e'

#define HELD_MAX_BYTES 32768

static int log_fd = STDERR_FILENO;
static enum log_level log_level_min = LOG_LEVEL_INFO;

/* Lines that wait for log_flush. A line is added whole before the length says so: a signal handler
 * may flush at any time. */
static struct {
    char bytes[HELD_MAX_BYTES];
    volatile sig_atomic_t len;
} held;

void log_init(int fd, enum log_level level_min)
{
    log_flush();
    log_fd = fd;
    log_level_min = level_min;
}

bool log_is_on(enum log_level level)
{
    return level >= log_level_min;
}

static void write_all(const char *at, size_t len)
{
    while (len) {
        ssize_t written = write(log_fd, at, len);

        if (written < 0 && errno != EINTR)
            return;
        if (written > 0) {
            at += written;
            len -= (size_t)written;
        }
    }
}

void log_flush(void)
{
    size_t len = (size_t)held.len;

    held.len = 0;
    write_all(held.bytes, len);
}

static struct sigaction before_crash[NSIG];

/* What was there before (a sanitizer's report, or the default) comes next: a faulting instruction
 * runs again by itself, a signal that was sent is sent again. */
static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    sigaction(number, &before_crash[number], NULL);
    log_flush();
    if (info->si_code <= 0)
        raise(number);
}

void log_flush_on_crash(void)
{
    static const int numbers[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, &before_crash[numbers[i]]);
}

static void line_begin(struct buf *line, enum log_level level, const char *event)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char now[25];

    clock_rfc3339(clock_wall_ms(), now);
    buf_add_z(line, "{\"ts\":\"");
    buf_add_z(line, now);
    buf_add_z(line, "\",\"level\":\"");
    buf_add_z(line, names[level]);
    buf_add_z(line, "\",\"event\":");
    buf_add_json_string(line, str_from(event));
}

static void line_end(struct buf *line)
{
    buf_add_z(line, "}\n");
    log_flush();
    write_all(line->at, line->len);
    buf_done(line);
}

static bool is_key_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* Length of "key=" at the start of a word of the format, else 0. */
static size_t key_length(const char *at)
{
    size_t len = 0;

    while (is_key_char(at[len]))
        len++;
    return len && at[len] == '=' ? len + 1 : 0;
}

/* The format with each key, and the space before it, replaced by one mark. */
static void mark_fields(const char *format, char *out, size_t out_size)
{
    bool is_word_start = true;
    size_t len = 0;

    while (*format && len + 1 < out_size) {
        size_t key = is_word_start ? key_length(format) : 0;

        if (key) {
            if (len && out[len - 1] == ' ')
                len--;
            out[len++] = FIELD_MARK;
            format += key;
            is_word_start = false;
            continue;
        }
        is_word_start = *format == ' ';
        out[len++] = *format++;
    }
    out[len] = '\0';
}

/* A number as JSON writes it, short enough that no reader rounds it. */
static bool is_plain_number(struct str text)
{
    size_t i = text.len && text.at[0] == '-', digits = i;

    while (i < text.len && isdigit((unsigned char)text.at[i]))
        i++;
    if (i == digits || i - digits > 15 || (text.at[digits] == '0' && i - digits > 1))
        return false;
    if (i == text.len)
        return true;
    if (text.at[i++] != '.' || i == text.len || text.len - i > 9)
        return false;
    while (i < text.len && isdigit((unsigned char)text.at[i]))
        i++;
    return i == text.len;
}

/* Leaves the field out when not even its name fits; cuts a value that is too long. */
static void add_field(struct buf *line, struct str key, struct str value)
{
    size_t begin = line->len;
    size_t left = LINE_MAX_BYTES - TAIL_BYTES - line->len;

    if (left < key.len + 16)
        return;
    buf_add_char(line, ',');
    buf_add_json_string(line, key);
    buf_add_char(line, ':');
    if (is_plain_number(value)) {
        buf_add_str(line, value);
    } else {
        size_t value_begin = line->len;

        buf_add_json_string(line, value);
        if (line->is_full || line->len > LINE_MAX_BYTES - TAIL_BYTES) {
            line->len = value_begin;
            line->is_full = false;
            left = LINE_MAX_BYTES - TAIL_BYTES - value_begin - 2;
            value.len = left / 6; /* six bytes are the longest escape */
            buf_add_json_string(line, value);
        }
    }
    if (line->is_full || line->len > LINE_MAX_BYTES - TAIL_BYTES) {
        line->len = begin;
        line->is_full = false;
    }
}

static const char *skip_to_key(const char *format, const char **key, size_t *key_len)
{
    bool is_word_start = true;

    for (; *format; is_word_start = *format == ' ', format++) {
        size_t len = is_word_start ? key_length(format) : 0;

        if (len) {
            *key = format;
            *key_len = len - 1;
            return format + len;
        }
    }
    *key = NULL;
    return format;
}

static void add_fields(struct buf *line, const char *format, const char *text, size_t text_len)
{
    const char *key;
    size_t key_len;
    const char *end = text + text_len;

    if (text_len && *text == FIELD_MARK)
        text++;
    else if (text_len) { /* words before the first key */
        const char *next = memchr(text, FIELD_MARK, text_len);

        add_field(line, STR("text"), (struct str){text, (size_t)((next ? next : end) - text)});
        text = next ? next + 1 : end;
    }
    for (format = skip_to_key(format, &key, &key_len); key && text <= end;
         format = skip_to_key(format, &key, &key_len)) {
        const char *next = memchr(text, FIELD_MARK, (size_t)(end - text));

        add_field(line, (struct str){key, key_len},
                  (struct str){text, (size_t)((next ? next : end) - text)});
        if (!next)
            return;
        text = next + 1;
    }
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    char marked[512], text[LINE_MAX_BYTES];
    struct buf line;
    va_list args;
    int len;

    if (level < log_level_min)
        return;
    mark_fields(format, marked, sizeof marked);
    va_start(args, format);
    len = vsnprintf(text, sizeof text, marked, args);
    va_end(args);
    if (len < 0)
        len = 0;
    if (len >= (int)sizeof text)
        len = sizeof text - 1;
    buf_init(&line, LINE_MAX_BYTES);
    line_begin(&line, level, event);
    add_fields(&line, format, text, (size_t)len);
    line_end(&line);
}

static void add_members(struct buf *line, struct str members)
{
    if (members.len + 1 > LINE_MAX_BYTES - TAIL_BYTES - line->len)
        buf_add_z(line, ",\"is_cut\":true");
    else if (members.len) {
        buf_add_char(line, ',');
        buf_add_str(line, members);
    }
}

void log_write_json(enum log_level level, const char *event, struct str members)
{
    struct buf line;

    if (level < log_level_min)
        return;
    buf_init(&line, LINE_MAX_BYTES);
    line_begin(&line, level, event);
    add_members(&line, members);
    line_end(&line);
}

bool log_hold_json(enum log_level level, const char *event, struct str members)
{
    static struct buf line = {.size_max = LINE_MAX_BYTES};
    bool is_first = held.len == 0;

    if (level < log_level_min)
        return false;
    buf_clear(&line);
    line_begin(&line, level, event);
    add_members(&line, members);
    buf_add_z(&line, "}\n");
    if (line.len > sizeof held.bytes - (size_t)held.len)
        log_flush();
    memcpy(held.bytes + held.len, line.at, line.len);
    held.len = held.len + (sig_atomic_t)line.len;
    return is_first;
}
