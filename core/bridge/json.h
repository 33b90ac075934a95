/* JSON between Lua and text. Encoding is ours: whole numbers exactly, `[]` where an array is meant,
 * members in sorted order so that the same value gives the same bytes. Decoding takes RFC 8259 and
 * no more (no bad UTF-8, NUL, 0x10, NaN; bounded depth), and marks numbers that were not written as
 * whole numbers. */
#ifndef SOUK_BRIDGE_JSON_H
#define SOUK_BRIDGE_JSON_H

#include "base/buf.h"
#include "base/str.h"
#include <stdbool.h>

struct lua_State;

#define JSON_DEPTH_MAX 32
#define JSON_KEYS_MAX  1000

int luaopen_core_json(struct lua_State *L);

/* Pushes a value that encodes as this text, unread. */
void json_push_raw(struct lua_State *L, struct str text);
/* The same, with a text that is not Lua's: the caller adds to the empty buffer, which is the
 * value's and dies with it. Only for what a route answers and does not keep: see json_give_back().
 */
struct buf *json_push_text(struct lua_State *L);
/* Nobody looks at the value at index any more: if it was pushed by json_push_text(), the next one
 * is the same again, so that answers do not become garbage. */
void json_give_back(struct lua_State *L, int index);
/* The text of a raw value at index, or at NULL when it is something else. Valid while the value is
 * on the stack. */
struct str json_raw_text(struct lua_State *L, int index);
/* JSON of the value at index, a raw one's own; valid while that is on the stack and nothing else is
 * encoded. NULL, or why it has none. */
const char *json_text_of(struct lua_State *L, int index, struct str *text);
/* Appends the value at index. NULL, or why it cannot be encoded (static text); does not raise. */
const char *json_encode(struct lua_State *L, int index, struct buf *out);

/* Strict RFC 8259 syntax check. NULL when text is well formed, else why not (static text). */
const char *json_scan(struct str text);
/* The same, and pushes the value; nothing when it is refused. unescaped: room for strings with
 * escapes, which lives on when Lua raises (out of memory). is_marked: each number that was written
 * with a fraction or exponent, or lies beyond 2^53-1, and yet is integral, becomes {["\0"] = "<the
 * number as written>"}: a key that no client can send, since NUL is refused. */
const char *
json_decode(struct lua_State *L, struct str text, struct buf *unescaped, bool is_marked);

#endif
