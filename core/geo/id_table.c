/* Linear probing without removal: who leaves keeps the place, marked as nobody's, until the points
 * are packed anew. */
#include "geo/id_table.h"

#include "geo/mem.h"
#include <string.h>

/* Our ids begin with the time, so all bytes have to reach all bits. */
uint64_t geo_id_hash(const struct geo_id *id)
{
    uint64_t half[2];
    uint64_t mixed;

    memcpy(half, id->bytes, sizeof(half));
    mixed = (half[0] ^ (half[1] * 0x9E3779B97F4A7C15u)) * 0xD6E8FEB86659FD93u;
    mixed = (mixed ^ (mixed >> 32)) * 0xD6E8FEB86659FD93u;
    return mixed ^ (mixed >> 32);
}

void geo_id_table_init(struct geo_id_table *table, size_t count)
{
    table->size = count + count / 3 + 1;
    table->place_bits = 1;
    while (table->place_bits < 32 && (count >> table->place_bits) != 0)
        table->place_bits++;
    table->cells = geo_lines(table->size, sizeof(*table->cells));
    memset(table->cells, 0, table->size * sizeof(*table->cells));
}

void geo_id_table_done(struct geo_id_table *table)
{
    free(table->cells);
    *table = (struct geo_id_table){0};
}

static size_t home_of(const struct geo_id_table *table, uint64_t hash)
{
    return (size_t)(((unsigned __int128)hash * table->size) >> 64);
}

/* The low bits of the hash decide nothing about the home. */
static uint32_t tag_of(const struct geo_id_table *table, uint64_t hash)
{
    return table->place_bits == 32 ? 0 : (uint32_t)hash << table->place_bits;
}

static void add(struct geo_id_table *table, uint64_t hash, uint32_t place)
{
    size_t at = home_of(table, hash);

    while (table->cells[at] != 0)
        at = at + 1 == table->size ? 0 : at + 1;
    table->cells[at] = tag_of(table, hash) | (place + 1);
}

void geo_id_table_add(struct geo_id_table *table, const struct geo_id *ids, uint32_t place)
{
    add(table, geo_id_hash(&ids[place]), place);
}

/* Cells are asked for so long before they are written. */
enum { AHEAD = 16 };

void geo_id_table_add_all(struct geo_id_table *table, const struct geo_id *ids, size_t count)
{
    uint64_t hashes[AHEAD];

    for (size_t i = 0; i < count + AHEAD; i++) {
        if (i >= AHEAD)
            add(table, hashes[i % AHEAD], (uint32_t)(i - AHEAD));
        if (i < count) {
            hashes[i % AHEAD] = geo_id_hash(&ids[i]);
            __builtin_prefetch(&table->cells[home_of(table, hashes[i % AHEAD])], 1);
        }
    }
}

uint32_t geo_id_table_find(const struct geo_id_table *table,
                           const struct geo_id *ids,
                           const struct geo_id *id,
                           uint64_t hash)
{
    uint32_t tag = tag_of(table, hash);
    uint32_t places = table->place_bits == 32 ? UINT32_MAX : (1u << table->place_bits) - 1;

    if (table->size == 0)
        return GEO_PLACE_NONE;
    for (size_t at = home_of(table, hash); table->cells[at] != 0;
         at = at + 1 == table->size ? 0 : at + 1) {
        uint32_t place = (table->cells[at] & places) - 1;
        if ((table->cells[at] & ~places) == tag && geo_id_is(&ids[place], id))
            return place;
    }
    return GEO_PLACE_NONE;
}
