/* What is behind struct geo_batch. Private to core/geo. */
#ifndef SOUK_GEO_BATCH_H
#define SOUK_GEO_BATCH_H

#include "geo/index.h"
#include "geo/tree.h"

struct geo_batch {
    struct geo_points *pieces; /* owned: by size, not by doubling, so nothing is copied to grow */
    size_t piece_count;
    size_t count;
    size_t room; /* of all pieces */
    uint64_t hash;
    struct geo_tree *tree; /* after packing; NULL: nobody */
};

#endif
