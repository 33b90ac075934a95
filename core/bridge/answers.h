/* Answers that any anonymous client may be given again: a hit is a look in a table and one write,
 * without Lua. Of those who ask at once what is not there, one makes it and the others wait for it.
 * Made for one generation, so that a reload starts anew. */
#ifndef SOUK_BRIDGE_ANSWERS_H
#define SOUK_BRIDGE_ANSWERS_H

#include "base/str.h"
#include "cache/marks.h"
#include <stdbool.h>
#include <stdint.h>

struct answers;
struct flight;
struct generation;
struct generation_route;
struct http_header;
struct http_request;

/* The generation owns it. NULL: switched off (cache.size_mb = 0), or there is no database. */
struct answers *answers_new(struct generation *generation);
void answers_free(struct answers *answers); /* takes NULL; nobody waits any more */

/* True: it was answered. All that is asked of requests before they are routed. */
bool answers_hit(struct answers *answers, struct http_request *request);
/* True: somebody makes this answer already, and answers this request with it. */
bool answers_wait(struct answers *answers,
                  const struct generation_route *route,
                  struct http_request *request);
/* This request makes it: ends with one of the two below. NULL: its answer is nobody else's. */
struct flight *answers_begin(struct answers *answers,
                             const struct generation_route *route,
                             struct http_request *request);

/* The client has this very answer, and says so. */
bool answers_has_copy(const struct http_request *request, const char *etag);

struct answers_made {
    int status;
    const struct http_header *headers;
    int header_count;
    struct str body;
    const struct cache_marks_of *shows; /* NULL: what its route says; count 0: must not be kept */
};
/* Keeps it if it may be kept, and answers all who waited. request is answered too; NULL: it has
 * been already. */
void answers_end(struct flight *flight,
                 struct http_request *request,
                 const struct answers_made *made);
/* There is no answer for others. is_late: those who waited are too late as well; else each is run
 * alone. Takes NULL. */
void answers_fail(struct flight *flight, bool is_late);

#endif
