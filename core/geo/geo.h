/* Great circles on the mean sphere, 6371.0088 km. */
#ifndef SOUK_GEO_GEO_H
#define SOUK_GEO_GEO_H

#include <stdbool.h>

#define GEO_EARTH_RADIUS_M 6371008.8

struct geo_point {
    double lat_deg;
    double lon_deg;
};

/* lat in [-90, 90]; both finite. lon is taken modulo 360. */
bool geo_is_valid(struct geo_point point);
/* Haversine, metres. */
double geo_distance_m(struct geo_point a, struct geo_point b);

#endif
