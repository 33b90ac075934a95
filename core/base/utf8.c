#include "base/utf8.h"

#include <stdint.h>

size_t utf8_sequence(const unsigned char *at, size_t len)
{
    unsigned char lead = at[0], low = 0x80, high = 0xBF;
    size_t need;

    if (lead >= 0xC2 && lead <= 0xDF)
        need = 2;
    else if ((lead & 0xF0) == 0xE0)
        need = 3;
    else if (lead >= 0xF0 && lead <= 0xF4)
        need = 4;
    else
        return 0;
    if (lead == 0xE0)
        low = 0xA0; /* overlong */
    else if (lead == 0xED)
        high = 0x9F; /* surrogates */
    else if (lead == 0xF0)
        low = 0x90; /* overlong */
    else if (lead == 0xF4)
        high = 0x8F; /* above U+10FFFF */
    if (len < need || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return need;
}

bool utf8_is_valid(struct str text)
{
    const unsigned char *at = (const unsigned char *)text.at;
    size_t i = 0, sequence;
    uint64_t word;

    while (i < text.len) {
        if (text.len - i >= sizeof word) {
            memcpy(&word, at + i, sizeof word);
            if (!(word & 0x8080808080808080ULL)) {
                i += sizeof word;
                continue;
            }
        }
        sequence = at[i] < 0x80 ? 1 : utf8_sequence(at + i, text.len - i);
        if (!sequence)
            return false;
        i += sequence;
    }
    return true;
}
