/* Memory of the index: out of memory aborts, as everywhere in souk. Private to core/geo. */
#ifndef SOUK_GEO_MEM_H
#define SOUK_GEO_MEM_H

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

static inline void *geo_resize(void *old, size_t count, size_t size)
{
    void *fresh = reallocarray(old, count, size);

    if (!fresh)
        abort();
    return fresh;
}

/* On cache lines; what is large asks for huge pages, since a search jumps about in it. */
static inline void *geo_lines(size_t count, size_t size)
{
    const size_t page = 2 << 20;
    size_t bytes = count * size;
    size_t align = bytes < page ? 64 : page;
    void *fresh = aligned_alloc(align, (bytes + align - 1) / align * align);

    if (!fresh)
        abort();
    if (align == page) /* only a wish: refused, it is as correct */
        (void)madvise(fresh, bytes, MADV_HUGEPAGE);
    return fresh;
}

#endif
