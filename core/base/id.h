/* UUID version 7 (RFC 9562): 48 bits of milliseconds, then random; ascending within a thread. */
#ifndef SOUK_BASE_ID_H
#define SOUK_BASE_ID_H

#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

#define ID_TEXT 36

void id_uuid7(char out[ID_TEXT + 1]);
/* Lower case, no NUL: high has its first 16 digits. */
void id_text(uint64_t high, uint64_t low, char out[ID_TEXT]);
bool id_is_uuid(struct str text); /* 8-4-4-4-12 hex, either case */

#endif
