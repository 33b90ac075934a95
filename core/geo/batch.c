/* See index.h. */
#include "geo/batch.h"

#include "geo/mem.h"

/* The first piece, and the others: those lie on huge pages, for packing jumps about in them. */
enum { FIRST_POINTS = 1 << 12, PIECE_POINTS = 1 << 17 };

struct geo_batch *geo_batch_new(void)
{
    struct geo_batch *batch = geo_resize(NULL, 1, sizeof(*batch));

    *batch = (struct geo_batch){0};
    return batch;
}

static void free_pieces(struct geo_batch *batch)
{
    for (size_t i = 0; i < batch->piece_count; i++)
        geo_points_done(&batch->pieces[i]);
    free(batch->pieces);
    batch->pieces = NULL;
    batch->piece_count = 0;
    batch->room = 0;
}

void geo_batch_free(struct geo_batch *batch)
{
    if (!batch)
        return;
    free_pieces(batch);
    geo_tree_free(batch->tree);
    free(batch);
}

void geo_batch_add(struct geo_batch *batch, struct geo_id id, struct geo_point point, uint64_t mask)
{
    struct geo_entry entry = {id, geo_unit(point), mask | GEO_ALIVE};

    if (batch->count == batch->room) {
        size_t points = batch->piece_count == 0 ? FIRST_POINTS : PIECE_POINTS;
        batch->pieces = geo_resize(batch->pieces, batch->piece_count + 1, sizeof(*batch->pieces));
        geo_points_init(&batch->pieces[batch->piece_count++], points, false);
        batch->room += points;
    }
    geo_points_add(&batch->pieces[batch->piece_count - 1], &entry);
    batch->hash += geo_entry_hash(&entry);
    batch->count++;
}

size_t geo_batch_count(const struct geo_batch *batch)
{
    return batch->count;
}

uint64_t geo_batch_hash(const struct geo_batch *batch)
{
    return batch->hash;
}

void geo_batch_pack(struct geo_batch *batch)
{
    const struct geo_points **sources = geo_resize(NULL, batch->piece_count + 1, sizeof(*sources));

    for (size_t i = 0; i < batch->piece_count; i++)
        sources[i] = &batch->pieces[i];
    batch->tree = geo_tree_new(sources, batch->piece_count);
    free(sources);
    free_pieces(batch);
}
