/* Well-formed UTF-8 (Unicode table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef SOUK_BASE_UTF8_H
#define SOUK_BASE_UTF8_H

#include "base/str.h"

/* Bytes of the sequence of more than one byte at the start; 0 when it is ill-formed. len > 0. */
size_t utf8_sequence(const unsigned char *at, size_t len);
bool utf8_is_valid(struct str text);

#endif
