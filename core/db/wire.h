/* PostgreSQL's protocol, version 3, as bytes: messages to be sent, and those that came taken apart
 * where they lie. No connection, no memory but the buffer's and the columns'. */
#ifndef SOUK_DB_WIRE_H
#define SOUK_DB_WIRE_H

#include "base/buf.h"
#include "base/str.h"
#include "db/query.h"
#include "db/reply.h"
#include <stdbool.h>
#include <stddef.h>

void wire_put_parse(struct buf *out, const char *name, const char *text);
void wire_put_describe(struct buf *out, const char *name);
/* Bind and Execute of a prepared statement; texts in, texts out. */
void wire_put_execute(struct buf *out, const char *name, struct db_args args);
void wire_put_sync(struct buf *out);

struct wire_frame {
    char type;
    struct str body;
    size_t size; /* with its head */
};

enum wire_look { WIRE_WHOLE, WIRE_PART, WIRE_BAD };
/* The first frame of bytes: whole, not all of it there yet, or nothing that a server says. */
enum wire_look wire_look(struct str bytes, struct wire_frame *frame);
/* One that was found to be whole before. */
struct wire_frame wire_whole(const char *at);

/* RowDescription; NULL: it is not one. */
struct db_columns *wire_columns(struct str body);
/* DataRow, behind which DB_CELL_PAD bytes may be read. False: it has not so many columns, or is not
 * one. */
bool wire_cells(struct str body, int count, struct str *cells);
/* Fills a failure from ErrorResponse or NoticeResponse; its texts are those of body. */
bool wire_failure(struct str body, struct db_reply *reply);

#endif
