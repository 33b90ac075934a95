/* UUID version 7 (RFC 9562): 48 bits of milliseconds, then random; ascending within a thread. */
#ifndef SOUK_BASE_ID_H
#define SOUK_BASE_ID_H

#include "base/str.h"
#include <stdbool.h>

void id_uuid7(char out[37]);
bool id_is_uuid(struct str text); /* 8-4-4-4-12 hex, either case */

#endif
