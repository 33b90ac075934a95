/* Great circles on the mean sphere, 6371.0088 km. A point is turned into a unit vector once; two
 * points are then compared by the square of the chord between them, which grows exactly with the
 * great circle: half its square root is the square root of the haversine. So poles and the
 * antimeridian need no code of their own. */
#ifndef SOUK_GEO_GEO_H
#define SOUK_GEO_GEO_H

#include <stdbool.h>

#define GEO_EARTH_RADIUS_M 6371008.8

struct geo_point {
    double lat_deg;
    double lon_deg;
};

struct geo_unit {
    double x, y, z;
};

/* lat in [-90, 90]; both finite. lon is taken modulo 360. */
bool geo_is_valid(struct geo_point point);
/* Haversine, metres. */
double geo_distance_m(struct geo_point a, struct geo_point b);

/* Equal places give equal vectors: all longitudes of a pole, and lon +180 and -180. */
struct geo_unit geo_unit(struct geo_point point);
/* Square of the chord, 0..4 (a rounding more at the antipode). */
double geo_chord2(struct geo_unit a, struct geo_unit b);
double geo_chord2_to_m(double chord2);
/* Beyond half the circumference every point is meant: the answer is 4. */
double geo_m_to_chord2(double distance_m);

#endif
