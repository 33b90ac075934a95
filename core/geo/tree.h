/* A packed tree over points that do not move: 16 points a leaf, 16 children a node, no pointers.
 * Boxes are f32 and a little too wide, decisions are made on the f64 points of the leaf. Only masks
 * change, so a tree may be packed from others on one thread while another answers from them.
 * Private to core/geo. */
#ifndef SOUK_GEO_TREE_H
#define SOUK_GEO_TREE_H

#include "geo/points.h"
#include <stddef.h>
#include <stdint.h>

#define GEO_LEVELS_MAX 8

struct geo_node {
    float lo[3][GEO_LANES], hi[3][GEO_LANES];
    uint64_t any[GEO_LANES]; /* OR of the masks below; may keep bits that are gone */
};

struct geo_tree {
    struct geo_points points;
    struct geo_node *nodes;            /* level 0 (above the leaves) first, the root last */
    size_t level_at[GEO_LEVELS_MAX];   /* where a level starts in nodes */
    size_t level_size[GEO_LEVELS_MAX]; /* nodes of a level */
    int levels;
};

/* Whoever is alive in any of the sources; nobody may be so twice. NULL when nobody is. Takes a
 * third of a second a million. The sources' masks may change meanwhile: either value is taken. */
struct geo_tree *geo_tree_new(const struct geo_points *const *sources, size_t source_count);
void geo_tree_free(struct geo_tree *tree); /* takes NULL */
/* Asks for what a change of the place will touch. */
void geo_tree_prefetch(const struct geo_tree *tree, uint32_t place);
void geo_tree_set_mask(struct geo_tree *tree, uint32_t place, uint64_t mask);
size_t geo_tree_bytes(const struct geo_tree *tree);

#endif
