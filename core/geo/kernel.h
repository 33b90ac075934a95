/* The two inner loops of a search, once in plain C and once for AVX2: the same operations on the
 * same values in the same order without fused multiply-add, so the same bits come out and the same
 * boxes are entered. Private to core/geo. */
#ifndef SOUK_GEO_KERNEL_H
#define SOUK_GEO_KERNEL_H

#include "geo/tree.h"
#include <stdint.h>

/* What is looked for around which point. */
struct geo_probe {
    struct geo_unit center;
    float center_f[3];
    uint64_t all; /* every bit must be set */
    uint64_t any; /* and one of these */
};

/* The lanes whose mask passes and whose square of the chord (written to chord2) is at most bound,
 * as bits. */
typedef uint32_t geo_leaf_fn(const struct geo_leaf *leaf,
                             const struct geo_probe *probe,
                             double bound,
                             double chord2[GEO_LANES]);
/* The same of a node's children and their boxes. */
typedef uint32_t geo_node_fn(const struct geo_node *node,
                             const struct geo_probe *probe,
                             float bound,
                             float chord2[GEO_LANES]);

struct geo_kernel {
    const char *name;
    geo_leaf_fn *leaf;
    geo_node_fn *node;
};

/* "generic" or "avx2"; NULL: the best this processor has. NULL comes back when it has not what was
 * named. */
const struct geo_kernel *geo_kernel(const char *name);

#endif
