/* GET /media/<folder>/<name>: pictures that core.media saved. Names never change their content, so
 * caches may keep them for ever. */
#ifndef SOUK_OPS_MEDIA_H
#define SOUK_OPS_MEDIA_H

#include <stdbool.h>

struct conf;
struct http_request;

/* True: the path lies below /media/ and has been answered. */
bool media_answers(const struct conf *conf, struct http_request *request);

#endif
