#include "app/shared.h"

#include "base/metric.h"
#include <stdlib.h>
#include <sys/mman.h>

struct app_shared *app_shared_new(int worker_count, void **metrics)
{
    size_t size = sizeof(struct app_shared) + metric_memory_bytes(worker_count + 1) + 64;
    char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct app_shared *shared = (struct app_shared *)page;

    if (page == MAP_FAILED)
        abort();
    *metrics = page + (sizeof(*shared) + 63) / 64 * 64;
    shared->worker_count = worker_count;
    return shared;
}
