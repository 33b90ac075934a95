/* The protocol on a socket that libpq has opened: what is asked goes out in one piece, and answers
 * are lent where they were received. */
#ifndef SOUK_DB_STREAM_H
#define SOUK_DB_STREAM_H

#include "db/query.h"
#include <stdbool.h>

struct db_conn;
struct db_statement;
struct db_stream;

struct db_stream *db_stream_new(void);
void db_stream_free(struct db_stream *stream); /* takes NULL */
/* Of a new session that nothing was sent to. */
void db_stream_begin(struct db_stream *stream);

void db_stream_parse(struct db_stream *stream, const struct db_statement *statement);
void db_stream_describe(struct db_stream *stream, const struct db_statement *statement);
void db_stream_execute(struct db_stream *stream,
                       const struct db_statement *statement,
                       struct db_args args);
void db_stream_sync(struct db_stream *stream);
/* Hands what was put to the kernel; true: there is more, for when it has room. */
bool db_stream_flush(struct db_conn *conn);
/* Reads and answers. False: the session is over, conn->fault says why. */
bool db_stream_receive(struct db_conn *conn);
bool db_stream_is_in_transaction(const struct db_stream *stream);

#endif
