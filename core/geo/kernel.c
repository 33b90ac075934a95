/* See kernel.h. AVX2 brings 1.3 times; more lanes were not worth a third path, since at a million
 * points memory decides. */
#include "geo/kernel.h"

#include <string.h>

static uint32_t leaf_generic(const struct geo_leaf *leaf,
                             const struct geo_probe *probe,
                             double bound,
                             double chord2[GEO_LANES])
{
    const struct geo_unit center = probe->center;
    uint32_t passed = 0;

    for (int lane = 0; lane < GEO_LANES; lane++) { /* the same arithmetic as geo_chord2() */
        double dx = leaf->x[lane] - center.x;
        double dy = leaf->y[lane] - center.y;
        double dz = leaf->z[lane] - center.z;
        chord2[lane] = dx * dx + dy * dy + dz * dz;
    }
    for (int lane = 0; lane < GEO_LANES; lane++) /* an empty lane's NAN is refused here too */
        passed |=
            (uint32_t)((chord2[lane] <= bound) & ((leaf->mask[lane] & probe->all) == probe->all) &
                       ((leaf->mask[lane] & probe->any) != 0))
            << lane;
    return passed;
}

static uint32_t node_generic(const struct geo_node *node,
                             const struct geo_probe *probe,
                             float bound,
                             float chord2[GEO_LANES])
{
    uint32_t passed = 0;

    for (int i = 0; i < GEO_LANES; i++)
        chord2[i] = 0;
    for (int axis = 0; axis < 3; axis++) {
        const float at = probe->center_f[axis];
        for (int i = 0; i < GEO_LANES; i++) {
            float below = node->lo[axis][i] - at;
            float above = at - node->hi[axis][i];
            float off = below > above ? below : above;
            off = off > 0 ? off : 0;
            chord2[i] += off * off;
        }
    }
    for (int i = 0; i < GEO_LANES; i++)
        passed |= (uint32_t)((chord2[i] <= bound) & ((node->any[i] & probe->all) == probe->all) &
                             ((node->any[i] & probe->any) != 0))
                  << i;
    return passed;
}

static const struct geo_kernel generic = {"generic", leaf_generic, node_generic};

#if defined(__x86_64__)
#include <immintrin.h>

/* Four masks: all bits of `all`, one of `any`. */
__attribute__((target("avx2"))) static inline __m256i
passes(const uint64_t *masks, __m256i all, __m256i any)
{
    __m256i mask = _mm256_loadu_si256((const __m256i *)masks);
    __m256i has_all = _mm256_cmpeq_epi64(_mm256_and_si256(mask, all), all);
    __m256i has_none = _mm256_cmpeq_epi64(_mm256_and_si256(mask, any), _mm256_setzero_si256());

    return _mm256_andnot_si256(has_none, has_all);
}

__attribute__((target("avx2"))) static inline __m256d square_of(const double *at, __m256d center)
{
    __m256d off = _mm256_sub_pd(_mm256_loadu_pd(at), center);

    return _mm256_mul_pd(off, off);
}

__attribute__((target("avx2"))) static uint32_t leaf_avx2(const struct geo_leaf *leaf,
                                                          const struct geo_probe *probe,
                                                          double bound,
                                                          double chord2[GEO_LANES])
{
    const __m256d x = _mm256_set1_pd(probe->center.x);
    const __m256d y = _mm256_set1_pd(probe->center.y);
    const __m256d z = _mm256_set1_pd(probe->center.z);
    const __m256d limit = _mm256_set1_pd(bound);
    const __m256i all = _mm256_set1_epi64x((long long)probe->all);
    const __m256i any = _mm256_set1_epi64x((long long)probe->any);
    uint32_t passed = 0;

    for (int lane = 0; lane < GEO_LANES; lane += 4) {
        __m256d sum =
            _mm256_add_pd(_mm256_add_pd(square_of(leaf->x + lane, x), square_of(leaf->y + lane, y)),
                          square_of(leaf->z + lane, z));
        __m256d is_near = _mm256_cmp_pd(sum, limit, _CMP_LE_OQ);
        __m256d is_meant = _mm256_castsi256_pd(passes(leaf->mask + lane, all, any));
        _mm256_storeu_pd(chord2 + lane, sum);
        passed |= (uint32_t)_mm256_movemask_pd(_mm256_and_pd(is_near, is_meant)) << lane;
    }
    return passed;
}

__attribute__((target("avx2"))) static uint32_t node_avx2(const struct geo_node *node,
                                                          const struct geo_probe *probe,
                                                          float bound,
                                                          float chord2[GEO_LANES])
{
    const __m256 limit = _mm256_set1_ps(bound);
    const __m256i all = _mm256_set1_epi64x((long long)probe->all);
    const __m256i any = _mm256_set1_epi64x((long long)probe->any);
    uint32_t passed = 0;

    for (int i = 0; i < GEO_LANES; i += 8) {
        __m256 sum = _mm256_setzero_ps();
        for (int axis = 0; axis < 3; axis++) {
            __m256 at = _mm256_set1_ps(probe->center_f[axis]);
            __m256 below = _mm256_sub_ps(_mm256_loadu_ps(node->lo[axis] + i), at);
            __m256 above = _mm256_sub_ps(at, _mm256_loadu_ps(node->hi[axis] + i));
            __m256 off = _mm256_max_ps(_mm256_max_ps(below, above), _mm256_setzero_ps());
            sum = _mm256_add_ps(sum, _mm256_mul_ps(off, off));
        }
        _mm256_storeu_ps(chord2 + i, sum);
        passed |= (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(sum, limit, _CMP_LE_OQ)) << i;
    }
    for (int i = 0; i < GEO_LANES; i += 4) {
        __m256d meant = _mm256_castsi256_pd(passes(node->any + i, all, any));
        passed &= ~((~(uint32_t)_mm256_movemask_pd(meant) & 15u) << i);
    }
    return passed;
}

static const struct geo_kernel avx2 = {"avx2", leaf_avx2, node_avx2};

static const struct geo_kernel *fastest(void)
{
    return __builtin_cpu_supports("avx2") ? &avx2 : NULL;
}
#else
static const struct geo_kernel *fastest(void)
{
    return NULL;
}
#endif

const struct geo_kernel *geo_kernel(const char *name)
{
    const struct geo_kernel *fast = fastest();

    if (name && strcmp(name, generic.name) == 0)
        return &generic;
    if (name)
        return fast && strcmp(name, fast->name) == 0 ? fast : NULL;
    return fast ? fast : &generic;
}
