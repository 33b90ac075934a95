#include "base/buf.h"

#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROOM_MIN 64

void buf_init(struct buf *buf, size_t size_max)
{
    *buf = (struct buf){.size_max = size_max};
}

void buf_done(struct buf *buf)
{
    free(buf->at);
    *buf = (struct buf){.size_max = buf->size_max};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->is_full = false;
    if (buf->at)
        buf->at[0] = '\0';
}

void buf_reuse(struct buf *buf, size_t kept_max)
{
    if (buf->room > kept_max)
        buf_done(buf);
    buf_clear(buf);
}

/* How many of len bytes may still be added; afterwards there is room for them and for the NUL. */
static size_t reserve(struct buf *buf, size_t len)
{
    size_t room;

    if (buf->is_full)
        return 0;
    if (len > buf->size_max - buf->len) {
        len = buf->size_max - buf->len;
        buf->is_full = true;
    }
    if (buf->len + len + 1 <= buf->room)
        return len;
    room = buf->room < ROOM_MIN ? ROOM_MIN : buf->room;
    while (room < buf->len + len + 1)
        room *= 2;
    if (room > buf->size_max)
        room = buf->size_max + 1;
    buf->at = realloc(buf->at, room);
    if (!buf->at)
        abort();
    buf->room = room;
    return len;
}

bool buf_grow(struct buf *buf, size_t len)
{
    return reserve(buf, len) == len && !buf->is_full;
}

void buf_add_slowly(struct buf *buf, const void *bytes, size_t len)
{
    len = reserve(buf, len);
    if (len)
        memcpy(buf->at + buf->len, bytes, len);
    buf->len += len;
    if (buf->at)
        buf->at[buf->len] = '\0';
}

void buf_add_int(struct buf *buf, int64_t value)
{
    char digits[20];
    char *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        *--at = '-';
    buf_add(buf, at, (size_t)(digits + sizeof digits - at));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    size_t room;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        abort();
    room = reserve(buf, (size_t)len);
    if (!buf->at || buf->len + room >= buf->room)
        return;
    va_start(args, format);
    (void)vsnprintf(buf->at + buf->len, room + 1, format, args);
    va_end(args);
    buf->len += room;
}

#define EACH_BYTE(byte) (0x0101010101010101ULL * (byte))

/* True when none of the eight bytes needs a look: no control, quote, backslash or non-ASCII. */
static bool is_plain(uint64_t word)
{
    uint64_t quotes = word ^ EACH_BYTE('"'), slashes = word ^ EACH_BYTE('\\');

    return !(
        (word | (word - EACH_BYTE(0x20)) | (quotes - EACH_BYTE(1)) | (slashes - EACH_BYTE(1))) &
        EACH_BYTE(0x80));
}

static bool is_plain_word(const unsigned char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return is_plain(word);
}

/* Copies as long as all is plain; what is shorter than a word is filled up with blanks, so that up
 * to eight bytes beyond the text are written. */
static bool copy_plain(char *to, struct str text)
{
    size_t i = 0;
    uint64_t word;

    for (; i + sizeof word <= text.len; i += sizeof word) {
        memcpy(&word, text.at + i, sizeof word);
        if (!is_plain(word))
            return false;
        memcpy(to + i, &word, sizeof word);
    }
    if (i == text.len)
        return true;
    if (text.len >= sizeof word) {
        i = text.len - sizeof word; /* overlaps what was copied */
        memcpy(&word, text.at + i, sizeof word);
    } else {
        word = EACH_BYTE(' ');
        memcpy(&word, text.at, text.len);
    }
    memcpy(to + i, &word, sizeof word);
    return is_plain(word);
}

/* Length of the run that can be copied as it is. */
static size_t plain_run(const unsigned char *at, size_t len)
{
    size_t i = 0;

    while (i < len) {
        if (len - i >= 8 && is_plain_word(at + i)) {
            i += 8;
            continue;
        }
        if (at[i] >= 0x80) {
            size_t sequence = utf8_sequence(at + i, len - i);

            if (!sequence)
                return i;
            i += sequence;
            continue;
        }
        if (at[i] < 0x20 || at[i] == '"' || at[i] == '\\')
            return i;
        i++;
    }
    return i;
}

static void add_escaped(struct buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_form[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

    if (c >= 0x80)
        buf_add(buf, "\xEF\xBF\xBD", 3);
    else if (c == '"' || c == '\\')
        buf_add(buf, (char[]){'\\', (char)c}, 2);
    else if (c < sizeof short_form && short_form[c])
        buf_add(buf, (char[]){'\\', short_form[c]}, 2);
    else
        buf_add(buf, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

void buf_add_json_string(struct buf *buf, struct str text)
{
    const unsigned char *at = (const unsigned char *)text.at;
    size_t left = text.len;

    if (buf->room - buf->len > text.len + 2 + sizeof(uint64_t) &&
        copy_plain(buf->at + buf->len + 1, text)) {
        buf->at[buf->len] = '"';
        buf->len += text.len + 2;
        memcpy(buf->at + buf->len - 1, "\"", 2);
        return;
    }
    buf_add_char(buf, '"');
    while (left) {
        size_t run = plain_run(at, left);

        buf_add(buf, at, run);
        at += run;
        left -= run;
        if (left) {
            add_escaped(buf, *at++);
            left--;
        }
    }
    buf_add_char(buf, '"');
}

bool buf_read_file(struct buf *buf, const char *path)
{
    char chunk[16384];
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    while ((got = read(fd, chunk, sizeof chunk)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        buf_add(buf, chunk, (size_t)got);
        if (buf->is_full)
            break;
    }
    (void)close(fd);
    return got == 0;
}
