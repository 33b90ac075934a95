/* Open addressing over pointers; a hand goes round and takes who was not asked for since it came by
 * last. */
#include "geo/cards.h"

#include "geo/id_table.h"
#include "geo/mem.h"
#include <stdbool.h>
#include <string.h>

enum { CELLS_MIN = 256, DROPS = 1024, PREFETCHED = 256 };

struct card {
    struct geo_id id;
    int64_t until_us;
    size_t len;
    bool is_asked_for;
    char text[];
};

struct geo_cards {
    struct card **cells;
    size_t size; /* a power of two */
    size_t count;
    size_t hand;
    size_t bytes;
    size_t bytes_max;
    struct geo_id drops[DROPS]; /* the latest, by number */
    uint64_t drop_count;
};

static size_t bytes_of(const struct card *card)
{
    return sizeof(*card) + card->len + sizeof(card);
}

static void make_cells(struct geo_cards *cards, size_t size)
{
    cards->size = size;
    cards->cells = geo_resize(NULL, size, sizeof(struct card *));
    memset(cards->cells, 0, size * sizeof(struct card *));
}

struct geo_cards *geo_cards_new(size_t bytes_max)
{
    struct geo_cards *cards = geo_resize(NULL, 1, sizeof(*cards));

    memset(cards, 0, sizeof(*cards));
    cards->bytes_max = bytes_max;
    make_cells(cards, CELLS_MIN);
    return cards;
}

void geo_cards_clear(struct geo_cards *cards)
{
    for (size_t i = 0; i < cards->size; i++)
        free(cards->cells[i]);
    free(cards->cells);
    make_cells(cards, CELLS_MIN);
    cards->count = cards->bytes = cards->hand = 0;
    cards->drop_count += DROPS; /* whoever reads now cannot know what was dropped */
}

void geo_cards_free(struct geo_cards *cards)
{
    if (!cards)
        return;
    geo_cards_clear(cards);
    free(cards->cells);
    free(cards);
}

size_t geo_cards_bytes(const struct geo_cards *cards)
{
    return cards->bytes;
}

static size_t home_of(const struct geo_cards *cards, const struct geo_id *id)
{
    return geo_id_hash(id) & (cards->size - 1);
}

/* The id's cell, or the empty one where it belongs. */
static size_t cell_from(const struct geo_cards *cards, size_t home, const struct geo_id *id)
{
    size_t at = home;

    while (cards->cells[at] && !geo_id_is(&cards->cells[at]->id, id))
        at = (at + 1) & (cards->size - 1);
    return at;
}

static size_t cell_of(const struct geo_cards *cards, const struct geo_id *id)
{
    return cell_from(cards, home_of(cards, id), id);
}

/* Without tombstones: what follows the hole moves up, unless that would pass its home. */
static void empty_cell(struct geo_cards *cards, size_t hole)
{
    size_t last = cards->size - 1;

    cards->bytes -= bytes_of(cards->cells[hole]);
    cards->count--;
    free(cards->cells[hole]);
    for (size_t at = (hole + 1) & last; cards->cells[at]; at = (at + 1) & last) {
        size_t home = home_of(cards, &cards->cells[at]->id);
        if (((at - home) & last) >= ((at - hole) & last)) {
            cards->cells[hole] = cards->cells[at];
            hole = at;
        }
    }
    cards->cells[hole] = NULL;
}

static void grow(struct geo_cards *cards)
{
    struct card **old = cards->cells;
    size_t size = cards->size;

    make_cells(cards, size * 2);
    for (size_t i = 0; i < size; i++)
        if (old[i])
            cards->cells[cell_of(cards, &old[i]->id)] = old[i];
    free(old);
}

static void make_room(struct geo_cards *cards, size_t bytes)
{
    while (cards->count > 0 && cards->bytes + bytes > cards->bytes_max) {
        struct card *card = cards->cells[cards->hand];
        if (card && !card->is_asked_for) {
            empty_cell(cards, cards->hand);
            continue; /* another one may have moved here */
        }
        if (card)
            card->is_asked_for = false;
        cards->hand = (cards->hand + 1) & (cards->size - 1);
    }
}

static struct str text_at(struct geo_cards *cards, size_t cell, int64_t now_us)
{
    struct card *card = cards->cells[cell];

    if (!card || card->until_us <= now_us)
        return (struct str){NULL, 0};
    card->is_asked_for = true;
    return (struct str){card->text, card->len};
}

size_t geo_cards_find_all(struct geo_cards *cards,
                          const struct geo_hit *hits,
                          size_t count,
                          int64_t now_us,
                          struct str *out)
{
    size_t homes[GEO_LIMIT_MAX];
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        homes[i] = home_of(cards, &hits[i].id);
        __builtin_prefetch(&cards->cells[homes[i]]);
    }
    for (size_t i = 0; i < count; i++) {
        const struct card *card = cards->cells[homes[i]];
        if (card)
            for (size_t at = 0; at < PREFETCHED; at += 64)
                __builtin_prefetch((const char *)card + at);
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = text_at(cards, cell_from(cards, homes[i], &hits[i].id), now_us);
        found += out[i].at != NULL;
    }
    return found;
}

uint64_t geo_cards_begin(const struct geo_cards *cards)
{
    return cards->drop_count;
}

static bool is_in_doubt(const struct geo_cards *cards, const struct geo_id *id, uint64_t begun)
{
    if (cards->drop_count - begun >= DROPS)
        return true;
    for (uint64_t i = begun; i < cards->drop_count; i++)
        if (memcmp(cards->drops[i % DROPS].bytes, id->bytes, sizeof(id->bytes)) == 0)
            return true;
    return false;
}

void geo_cards_put(struct geo_cards *cards,
                   const struct geo_id *id,
                   struct str text,
                   uint64_t begun,
                   int64_t now_us)
{
    struct card *card = geo_resize(NULL, 1, sizeof(*card) + text.len);
    size_t cell = cell_of(cards, id);

    card->id = *id;
    card->until_us = now_us + (is_in_doubt(cards, id, begun) ? GEO_CARD_DOUBT_US : GEO_CARD_AGE_US);
    card->len = text.len;
    card->is_asked_for = true;
    memcpy(card->text, text.at, text.len);
    if (cards->cells[cell])
        empty_cell(cards, cell);
    make_room(cards, bytes_of(card));
    if ((cards->count + 1) * 2 > cards->size)
        grow(cards);
    cards->cells[cell_of(cards, id)] = card;
    cards->bytes += bytes_of(card);
    cards->count++;
}

void geo_cards_drop(struct geo_cards *cards, const struct geo_id *id)
{
    size_t cell = cell_of(cards, id);

    cards->drops[cards->drop_count++ % DROPS] = *id;
    if (cards->cells[cell])
        empty_cell(cards, cell);
}
