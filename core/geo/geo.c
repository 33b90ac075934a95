/* Great circles. The difficulty is the last bit: every distance in souk comes from this one path,
 * compiled without fused multiply-add, so that ties are ties everywhere. */
#include "geo/geo.h"

#include <math.h>

static const double RADIANS_PER_DEGREE = 3.14159265358979323846 / 180;

bool geo_is_valid(struct geo_point point)
{
    return isfinite(point.lat_deg) && isfinite(point.lon_deg) && fabs(point.lat_deg) <= 90;
}

/* Into [-180, 180). fmod is exact, so 500 and 140 give the same bits. */
static double longitude(double lon_deg)
{
    double lon;

    if (lon_deg >= -180 && lon_deg < 180)
        return lon_deg;
    lon = fmod(lon_deg, 360);
    if (lon >= 180)
        return lon - 360;
    return lon < -180 ? lon + 360 : lon;
}

struct geo_unit geo_unit(struct geo_point point)
{
    double lat = point.lat_deg * RADIANS_PER_DEGREE;
    double lon = longitude(point.lon_deg) * RADIANS_PER_DEGREE;
    /* The cosine of 90 degrees is not 0 in doubles: a pole would have as many places as longitudes.
     */
    double across = fabs(point.lat_deg) == 90 ? 0 : cos(lat);

    return (struct geo_unit){across * cos(lon), across * sin(lon), sin(lat)};
}

double geo_chord2(struct geo_unit a, struct geo_unit b)
{
    double dx = a.x - b.x;
    double dy = a.y - b.y;
    double dz = a.z - b.z;

    return dx * dx + dy * dy + dz * dz;
}

double geo_chord2_to_m(double chord2)
{
    return 2 * GEO_EARTH_RADIUS_M * asin(fmin(1, sqrt(chord2) / 2));
}

double geo_m_to_chord2(double distance_m)
{
    double half_angle = distance_m / (2 * GEO_EARTH_RADIUS_M);
    double chord;

    if (half_angle >= 1.5707963267948966)
        return 4;
    chord = 2 * sin(half_angle);
    return chord * chord;
}

double geo_distance_m(struct geo_point a, struct geo_point b)
{
    return geo_chord2_to_m(geo_chord2(geo_unit(a), geo_unit(b)));
}
