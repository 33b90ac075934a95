/* CORS: exact origins from the settings, never "*". */
#ifndef SOUK_OPS_CORS_H
#define SOUK_OPS_CORS_H

#include <stdbool.h>

struct http_request;

/* Marks the reply for an allowed origin; true when the request was a preflight or other OPTIONS and
 * has been answered. */
bool cors_answers(const char *origins, struct http_request *request);

#endif
