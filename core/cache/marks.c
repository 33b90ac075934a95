#include "cache/marks.h"

/* Places 0 and what hashes to it: everything. */
#define EVERYTHING 0

enum scope { ANY_OF, ALL_OF, ONE_OF };

/* FNV-1a. */
static uint64_t hash(uint64_t from, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        from = (from ^ (unsigned char)text.at[i]) * UINT64_C(1099511628211);
    return from;
}

static uint16_t place(struct str kind, enum scope scope, struct str id)
{
    uint64_t value = hash(UINT64_C(14695981039346656037) + (uint64_t)scope, kind);

    value = hash(value ^ 0xff, id);
    return (uint16_t)(1 + (value ^ value >> 32) % (CACHE_MARKS - 1));
}

void cache_marks_of_init(struct cache_marks_of *of)
{
    of->at[0] = EVERYTHING;
    of->count = 1;
}

bool cache_marks_of_add(struct cache_marks_of *of, struct str kind, struct str id)
{
    if (of->count + 2 > CACHE_MARKS_OF_MAX)
        return false;
    if (id.len == 0) {
        of->at[of->count++] = place(kind, ANY_OF, STR(""));
        return true;
    }
    of->at[of->count++] = place(kind, ALL_OF, STR(""));
    of->at[of->count++] = place(kind, ONE_OF, id);
    return true;
}

uint64_t cache_marks_now(const struct cache_marks *marks)
{
    return atomic_load(&marks->count);
}

bool cache_marks_hold(const struct cache_marks *marks,
                      const struct cache_marks_of *of,
                      uint64_t since)
{
    for (int i = 0; i < of->count; i++)
        if (atomic_load_explicit(&marks->at[of->at[i]], memory_order_acquire) > since)
            return false;
    return true;
}

static void raise_to(_Atomic uint64_t *mark, uint64_t value)
{
    uint64_t seen = atomic_load(mark);

    while (seen < value && !atomic_compare_exchange_weak(mark, &seen, value))
        ;
}

/* The marks go first: a reader that noted the count before the change noted less than `next`. Were
 * the count first, one that died in between would leave a change untold. */
void cache_marks_changed(struct cache_marks *marks, struct str kind, struct str id)
{
    uint64_t next = atomic_load(&marks->count) + 1;

    raise_to(&marks->at[place(kind, ANY_OF, STR(""))], next);
    raise_to(&marks->at[id.len ? place(kind, ONE_OF, id) : place(kind, ALL_OF, STR(""))], next);
    atomic_fetch_add(&marks->count, 1);
}

void cache_marks_changed_all(struct cache_marks *marks)
{
    raise_to(&marks->at[EVERYTHING], atomic_load(&marks->count) + 1);
    atomic_fetch_add(&marks->count, 1);
}

void cache_marks_fresh(struct cache_marks *marks, int64_t since_us)
{
    int64_t seen = atomic_load(&marks->fresh_us);

    while (seen < since_us && !atomic_compare_exchange_weak(&marks->fresh_us, &seen, since_us))
        ;
}
