/* Woken by the first piece of each answer, the worker would push aside the PostgreSQL backend that
 * is writing the rest of it, and both pay for the change. As long as many reads are under way it
 * takes its turns as a batch does (SCHED_BATCH): when a processor is free, or others have had their
 * time; then it finds more to do. Few who wait are answered at once; transactions are held up by
 * each turn that is late, and threads that compute for long would not give way. */
#include "app/pace.h"

#include "db/pool.h"
#include <sched.h>

#define MANY 32
#define FEW  16

enum pace { UNKNOWN, EAGER, PATIENT, GIVEN };

static bool are_many(const struct db_pool *pool, int many)
{
    struct db_pool_stats stats = pool ? db_pool_stats(pool) : (struct db_pool_stats){0};

    return stats.reads >= many && stats.writers_busy == 0;
}

void pace_set(const struct db_pool *pool, bool has_rivals)
{
    static const struct sched_param none;
    static enum pace pace;
    bool is_patient = !has_rivals && are_many(pool, pace == PATIENT ? FEW : MANY);
    enum pace wanted = is_patient ? PATIENT : EAGER;

    if (pace == UNKNOWN)
        pace = sched_getscheduler(0) == SCHED_OTHER ? EAGER : GIVEN;
    if (pace == GIVEN || pace == wanted)
        return;
    if (sched_setscheduler(0, wanted == PATIENT ? SCHED_BATCH : SCHED_OTHER, &none) == 0)
        pace = wanted;
    else
        pace = GIVEN;
}
