/* A packed tree over points that do not move: 16 points a leaf, 16 children a node, no pointers.
 * Boxes are f32 and a little too wide, decisions are made on the f64 points of the leaf. Private to
 * core/geo. */
#ifndef SOUK_GEO_TREE_H
#define SOUK_GEO_TREE_H

#include "geo/geo.h"
#include <stddef.h>
#include <stdint.h>

#define GEO_LANES      16
#define GEO_LEVELS_MAX 8

/* A lane without a point has x = NAN: its distance is within no bound. */
struct geo_leaf {
    double x[GEO_LANES], y[GEO_LANES], z[GEO_LANES];
    uint64_t mask[GEO_LANES];
    uint32_t slot[GEO_LANES]; /* of the index's items */
};

struct geo_node {
    float lo[3][GEO_LANES], hi[3][GEO_LANES];
    uint64_t any[GEO_LANES]; /* OR of the masks below; may keep bits that are gone */
};

struct geo_entry {
    struct geo_unit at;
    uint64_t mask;
    uint32_t slot;
};

struct geo_tree {
    struct geo_leaf *leaves;
    struct geo_node *nodes;            /* level 0 (above the leaves) first, the root last */
    size_t level_at[GEO_LEVELS_MAX];   /* where a level starts in nodes */
    size_t level_size[GEO_LEVELS_MAX]; /* nodes of a level */
    int levels;
    size_t leaf_count;
    size_t alive;
};

/* count > 0. Sorts entries: afterwards entry i lies in place i (leaf i / GEO_LANES, lane i %
 * GEO_LANES). */
struct geo_tree *geo_tree_new(struct geo_entry *entries, size_t count);
void geo_tree_free(struct geo_tree *tree);
void geo_tree_set_mask(struct geo_tree *tree, uint32_t place, uint64_t mask);
void geo_tree_remove(struct geo_tree *tree, uint32_t place);

void geo_leaf_clear(struct geo_leaf *leaf);
void geo_leaf_set(struct geo_leaf *leaf, int lane, const struct geo_entry *entry);

#endif
