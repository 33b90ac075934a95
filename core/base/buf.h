/* A growing byte buffer with a maximum set at init: appending beyond it sets is_full and drops the
 * rest, so a writer checks once, at the end. */
#ifndef SOUK_BASE_BUF_H
#define SOUK_BASE_BUF_H

#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *at; /* owned; terminated by a NUL that len does not count once anything was added */
    size_t len;
    size_t room; /* never more than size_max and the NUL */
    size_t size_max;
    bool is_full;
};

void buf_init(struct buf *buf, size_t size_max);
void buf_done(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory */
/* Empties it for the next use; keeps the memory unless there is more than that. */
void buf_reuse(struct buf *buf, size_t kept_max);
bool buf_grow(struct buf *buf, size_t len); /* what buf_reserve does when room is missing */
/* Makes room for len more bytes and the NUL. False: there may never be so many, is_full is set. */
static inline bool buf_reserve(struct buf *buf, size_t len)
{
    return len < buf->room - buf->len || buf_grow(buf, len);
}
void buf_add_slowly(struct buf *buf, const void *bytes, size_t len); /* what does not fit */
static inline void buf_add(struct buf *buf, const void *bytes, size_t len)
{
    if (len >= buf->room - buf->len) {
        buf_add_slowly(buf, bytes, len);
        return;
    }
    if (len)
        memcpy(buf->at + buf->len, bytes, len);
    buf->len += len;
    buf->at[buf->len] = '\0';
}
static inline void buf_add_str(struct buf *buf, struct str text)
{
    buf_add(buf, text.at, text.len);
}
static inline void buf_add_z(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}
static inline void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}
void buf_add_int(struct buf *buf, int64_t value);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text as a JSON string with its quotes; control bytes escaped; invalid UTF-8 becomes U+FFFD. */
void buf_add_json_string(struct buf *buf, struct str text);
static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->at ? buf->at : "", buf->len};
}
/* Reads a whole file. False: not readable or larger than the buffer's maximum. */
bool buf_read_file(struct buf *buf, const char *path);

#endif
