/* A result travels to the loop through an eventfd, and
 * done() is called without the mutex, so that it may hand in more work. */
#include "loop/helper.h"

#include "base/list.h"
#include "loop/loop.h"
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct task {
    struct list node;
    helper_work_fn *work;
    helper_done_fn *done;
    void *job; /* the caller's */
};

struct helper {
    pthread_mutex_t mutex;
    pthread_cond_t has_work;
    struct list waiting, finished; /* of tasks; under mutex, as are the two below */
    int waiting_count;
    bool is_stopping;
    int waiting_max;
    int given; /* not done() yet; the loop's */
    int wake_fd;
    struct loop_watch *watch;
    pthread_t *threads; /* owned */
    int thread_count;
};

static struct task *take_first(struct list *from)
{
    struct task *task = list_entry(from->next, struct task, node);

    list_remove(&task->node);
    return task;
}

static void *run_thread(void *arg)
{
    struct helper *helper = arg;

    (void)pthread_mutex_lock(&helper->mutex);
    for (;;) {
        struct task *task;

        while (!helper->is_stopping && list_is_empty(&helper->waiting))
            (void)pthread_cond_wait(&helper->has_work, &helper->mutex);
        if (helper->is_stopping)
            break;
        task = take_first(&helper->waiting);
        helper->waiting_count--;
        (void)pthread_mutex_unlock(&helper->mutex);
        task->work(task->job);
        (void)pthread_mutex_lock(&helper->mutex);
        list_add_last(&helper->finished, &task->node);
        (void)eventfd_write(helper->wake_fd, 1);
    }
    (void)pthread_mutex_unlock(&helper->mutex);
    return NULL;
}

/* One task at a time leaves the list: done() may run a nested piece of the loop's work. */
static void on_wake(void *arg, int ready)
{
    struct helper *helper = arg;
    eventfd_t count;

    (void)ready;
    (void)eventfd_read(helper->wake_fd, &count);
    for (;;) {
        struct task *task;

        (void)pthread_mutex_lock(&helper->mutex);
        task = list_is_empty(&helper->finished) ? NULL : take_first(&helper->finished);
        (void)pthread_mutex_unlock(&helper->mutex);
        if (!task)
            return;
        helper->given--;
        task->done(task->job);
        free(task);
    }
}

/* Signals belong to the loop's thread. */
static void start_threads(struct helper *helper, int threads)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; helper->thread_count < threads; helper->thread_count++)
        if (pthread_create(&helper->threads[helper->thread_count], NULL, run_thread, helper) != 0)
            abort();
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct helper *helper_new(struct loop *loop, int threads, int queue_max)
{
    struct helper *helper = calloc(1, sizeof *helper);

    if (!helper)
        abort();
    helper->threads = calloc((size_t)threads, sizeof *helper->threads);
    helper->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!helper->threads || helper->wake_fd < 0)
        abort();
    (void)pthread_mutex_init(&helper->mutex, NULL);
    (void)pthread_cond_init(&helper->has_work, NULL);
    list_init(&helper->waiting);
    list_init(&helper->finished);
    helper->waiting_max = queue_max;
    helper->watch = loop_watch_new(loop, helper->wake_fd, LOOP_READ, on_wake, helper);
    start_threads(helper, threads);
    return helper;
}

void helper_free(struct helper *helper)
{
    if (!helper)
        return;
    (void)pthread_mutex_lock(&helper->mutex);
    helper->is_stopping = true;
    (void)pthread_cond_broadcast(&helper->has_work);
    (void)pthread_mutex_unlock(&helper->mutex);
    for (int i = 0; i < helper->thread_count; i++)
        (void)pthread_join(helper->threads[i], NULL);
    while (!list_is_empty(&helper->waiting))
        free(take_first(&helper->waiting));
    while (!list_is_empty(&helper->finished))
        free(take_first(&helper->finished));
    loop_watch_free(helper->watch);
    (void)close(helper->wake_fd);
    (void)pthread_cond_destroy(&helper->has_work);
    (void)pthread_mutex_destroy(&helper->mutex);
    free(helper->threads);
    free(helper);
}

bool helper_run(struct helper *helper, helper_work_fn *work, helper_done_fn *done, void *job)
{
    struct task *task = NULL;
    bool is_taken;

    (void)pthread_mutex_lock(&helper->mutex);
    is_taken = helper->waiting_count < helper->waiting_max;
    if (is_taken) {
        task = calloc(1, sizeof *task);
        if (!task)
            abort();
        *task = (struct task){.work = work, .done = done, .job = job};
        list_add_last(&helper->waiting, &task->node);
        helper->waiting_count++;
        (void)pthread_cond_signal(&helper->has_work);
    }
    (void)pthread_mutex_unlock(&helper->mutex);
    helper->given += is_taken;
    return is_taken;
}

bool helper_is_busy(const struct helper *helper)
{
    return helper->given > 0;
}
