/* From an id to its place, for points that only ever grow in number: open addressing over 32-bit
 * cells, the id itself stays with the points. What a cell has left over holds bits of the hash, so
 * that an id that is not there is refused without looking at any. Private to core/geo. */
#ifndef SOUK_GEO_ID_TABLE_H
#define SOUK_GEO_ID_TABLE_H

#include "geo/index.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GEO_PLACE_NONE UINT32_MAX

struct geo_id_table {
    uint32_t *cells; /* owned; hash bits above, place + 1 below; 0: free */
    size_t size;
    unsigned place_bits;
};

/* For places below count, a quarter of the cells stay free. */
void geo_id_table_init(struct geo_id_table *table, size_t count);
void geo_id_table_done(struct geo_id_table *table);
/* ids[place], which is in the table under no other place. */
void geo_id_table_add(struct geo_id_table *table, const struct geo_id *ids, uint32_t place);
/* The same of the places 0..count - 1. */
void geo_id_table_add_all(struct geo_id_table *table, const struct geo_id *ids, size_t count);
/* hash: the id's. GEO_PLACE_NONE: not there. */
uint32_t geo_id_table_find(const struct geo_id_table *table,
                           const struct geo_id *ids,
                           const struct geo_id *id,
                           uint64_t hash);
uint64_t geo_id_hash(const struct geo_id *id);

static inline bool geo_id_is(const struct geo_id *a, const struct geo_id *b)
{
    uint64_t left[2], right[2];

    memcpy(left, a->bytes, sizeof(left));
    memcpy(right, b->bytes, sizeof(right));
    return left[0] == right[0] && left[1] == right[1];
}

#endif
