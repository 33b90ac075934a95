/* What an answer shows of a vendor, as JSON text, kept in a bounded memory; the least asked for go
 * first. A change that arrives while a text is being read from the database must not be forgotten,
 * so whoever reads begins before and puts after. One thread. */
#ifndef SOUK_GEO_CARDS_H
#define SOUK_GEO_CARDS_H

#include "base/str.h"
#include "geo/index.h"
#include <stddef.h>
#include <stdint.h>

struct geo_cards;

struct geo_cards *geo_cards_new(size_t bytes_max);
void geo_cards_free(struct geo_cards *cards); /* takes NULL */
/* The texts of hits (at most GEO_LIMIT_MAX); at NULL: not there. Borrowed until the next call but
 * another find; what misses the cache is waited for together. Returns how many are there. */
size_t geo_cards_find_all(struct geo_cards *cards,
                          const struct geo_hit *hits,
                          size_t count,
                          int64_t now_us,
                          struct str *out);
/* Before the text is read. */
uint64_t geo_cards_begin(const struct geo_cards *cards);
/* begun: what geo_cards_begin() said. A text whose vendor was dropped since is kept for
 * GEO_CARD_DOUBT_US only: it may be the one of before. */
void geo_cards_put(struct geo_cards *cards,
                   const struct geo_id *id,
                   struct str text,
                   uint64_t begun,
                   int64_t now_us);
#define GEO_CARD_DOUBT_US 50000
#define GEO_CARD_AGE_US   300000000 /* and never longer than this */
void geo_cards_drop(struct geo_cards *cards, const struct geo_id *id);
void geo_cards_clear(struct geo_cards *cards);
size_t geo_cards_bytes(const struct geo_cards *cards);

#endif
