/* A generation without a server: to see whether it loads, and to print what it declares. */
#ifndef SOUK_APP_CHECK_H
#define SOUK_APP_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct conf;

/* Loads lua, policies, plugins and queries from the snapshot of that number, or from the folders of
 * the settings with number 0. With function not NULL its text (openapi, routes_text) goes to out.
 * False: out says file, line and why. */
bool check_generation(const struct conf *conf,
                      int64_t number,
                      const char *function,
                      struct buf *out);

#endif
