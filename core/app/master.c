/* See master.h. It wakes every 10 ms, or for a signal: reaps, watches how long Lua has been
 * running, and steps the reload. */
#include "app/master.h"

#include "app/check.h"
#include "app/port.h"
#include "app/shared.h"
#include "app/snapshot.h"
#include "app/worker.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "bridge/budget.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS           10
#define FIRST_LOOK_NS     1000000
#define PREPARE_MAX_US    20000000
#define RESPAWN_PAUSE_US  200000
#define STOP_MAX_US       35000000
#define PROBLEM_PIPE_SIZE 3500
#define CHECK_CPU_S       15
#define STUCK_WALL_FACTOR 5

enum reload_step { RELOAD_IDLE, RELOAD_CHECKING, RELOAD_PREPARING };

struct master {
    struct conf *conf;
    struct app_shared *shared;
    void *metrics;
    int64_t spawned_us[APP_WORKERS_MAX];
    int64_t
        suspect_us[APP_WORKERS_MAX]; /* the stretch of Lua that was first seen past its budget … */
    int64_t suspect_cpu_us[APP_WORKERS_MAX]; /* … and the worker's CPU time then */
    enum reload_step step;
    uint64_t answering;       /* wishes up to here are answered by the running reload */
    uint64_t asked_by_signal; /* the last wish that came as SIGHUP */
    int64_t number;           /* the generation being made */
    int64_t latest;
    pid_t checker;
    int checker_pipe;
    int64_t prepare_until_us;
    bool is_stopping;
    int64_t stop_until_us;
};

static int serve_as_worker(struct master *master, int index)
{
    const struct conf *conf = master->conf;
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    struct worker *worker = worker_new((struct worker_settings){
        .conf = conf,
        .shared = master->shared,
        .metrics = master->metrics,
        .index = index,
        .has_database = true,
        .boot_dir = conf_text(conf, "lua.dir"),
        .lua_dir = conf_text(conf, "lua.dir"),
        .plugins_dir = conf_text(conf, "plugins.dir"),
        .sql_dir = conf_text(conf, "sql.dir"),
    });
    int code = worker ? worker_serve(worker) : 1;
    worker_free(worker);
    return code;
}

static void spawn(struct master *master, int index)
{
    struct app_worker_slot *slot = &master->shared->workers[index];
    pid_t pid;

    atomic_store(&slot->entered_at_us, 0);
    slot->doing[0] = 0;
    atomic_store(&slot->ready_gen, 0);
    master->spawned_us[index] = clock_monotonic_us();
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        exit(serve_as_worker(master, index));
    atomic_store(&slot->pid, pid > 0 ? pid : 0);
    if (pid < 0)
        log_error("master.fork.failed", "worker=%d error=%s", index, strerror(errno));
}

static void signal_workers(struct master *master, int signal_number)
{
    for (int i = 0; i < master->shared->worker_count; i++) {
        int pid = atomic_load(&master->shared->workers[i].pid);
        if (pid > 0)
            kill(pid, signal_number);
    }
}

/* For `souk reload`, which waits for the file. */
static void write_result(struct master *master, const char *problem)
{
    char path[600], partial[610];
    FILE *file;

    snprintf(path, sizeof(path), "%.500s/reload.result", conf_text(master->conf, "home"));
    snprintf(partial, sizeof(partial), "%s.part", path);
    file = fopen(partial, "we");
    if (file) {
        fprintf(file, "%lld\n%s\n", (long long)atomic_load(&master->shared->active_gen), problem);
        fclose(file);
        rename(partial, path);
    }
}

/* The result, for the workers that asked and for whoever sent a signal: not before the reload that
 * began after it. */
static void end_reload(struct master *master, const char *problem)
{
    struct app_shared *shared = master->shared;
    int64_t active = atomic_load(&shared->active_gen);

    snprintf(shared->reload_problem, sizeof(shared->reload_problem), "%s", problem);
    atomic_store(&shared->reload_number, active);
    atomic_store(&shared->reload_done, master->answering);
    if (*problem)
        log_warn("reload.refused", "generation=%lld active=%lld problem=%s",
                 (long long)master->number, (long long)active, problem);
    else
        log_info("reload.taken", "generation=%lld", (long long)active);
    if (master->answering >= master->asked_by_signal)
        write_result(master, problem);
    master->step = RELOAD_IDLE;
}

/* Snapshot and load in a throw-away child: what a broken file does there hurts nobody. It ends with
 * the master: the next one would find a snapshot in the making where it makes its own. */
static int check_in_child(struct master *master, int out)
{
    char problem[1024] = "";
    struct buf message;
    bool is_ok;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != master->shared->master_pid)
        return 1;
    buf_init(&message, PROBLEM_PIPE_SIZE);
    snapshot_remove_old(master->conf, master->number, atomic_load(&master->shared->active_gen));
    is_ok = snapshot_take(master->conf, master->number, problem, sizeof(problem));
    budget_alone(CHECK_CPU_S, out);
    if (is_ok)
        is_ok = check_generation(master->conf, master->number, NULL, &message);
    else
        buf_add_z(&message, problem);
    if (!is_ok && write(out, message.at ? message.at : "", message.len) < 0)
        log_error("reload.check", "error=%s", strerror(errno));
    buf_done(&message);
    return is_ok ? 0 : 1;
}

static void start_check(struct master *master)
{
    int ends[2];

    master->answering = atomic_load(&master->shared->reload_wanted);
    master->number = ++master->latest;
    if (pipe(ends) != 0) {
        end_reload(master, "no pipe could be made");
        return;
    }
    fflush(NULL);
    master->checker = fork();
    if (master->checker == 0) {
        close(ends[0]);
        _exit(check_in_child(master, ends[1]));
    }
    close(ends[1]);
    master->checker_pipe = ends[0];
    master->step = RELOAD_CHECKING;
}

static void on_checked(struct master *master, int status)
{
    char problem[PROBLEM_PIPE_SIZE + 1];
    ssize_t length = read(master->checker_pipe, problem, PROBLEM_PIPE_SIZE);

    close(master->checker_pipe);
    master->checker = 0;
    problem[length > 0 ? length : 0] = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        atomic_store(&master->shared->prepare_gen, master->number);
        master->step = RELOAD_PREPARING;
        master->prepare_until_us = clock_monotonic_us() + PREPARE_MAX_US;
        signal_workers(master, SIGUSR2);
        return;
    }
    end_reload(master, *problem ? problem : "loading the files crashed: see the log");
}

static void step_preparing(struct master *master)
{
    struct app_shared *shared = master->shared;
    bool are_all_ready = true;

    for (int i = 0; i < shared->worker_count; i++) {
        struct app_worker_slot *slot = &shared->workers[i];
        if (atomic_load(&slot->failed_gen) == master->number) {
            end_reload(master, slot->problem);
            return;
        }
        if (atomic_load(&slot->pid) > 0 && atomic_load(&slot->ready_gen) != master->number)
            are_all_ready = false;
    }
    if (are_all_ready) {
        atomic_store(&shared->active_gen, master->number);
        end_reload(master, "");
    } else if (clock_monotonic_us() > master->prepare_until_us) {
        end_reload(master, "a worker did not load the files in 20 seconds: see the log");
    }
}

static void step_reload(struct master *master)
{
    if (master->step == RELOAD_PREPARING)
        step_preparing(master);
    if (master->step == RELOAD_IDLE && !master->is_stopping &&
        atomic_load(&master->shared->reload_wanted) != atomic_load(&master->shared->reload_done))
        start_check(master);
}

/* A worker born while a generation is being prepared knows only the active one: it is told again.
 */
static void tell_newborn(struct master *master, int pid)
{
    if (master->step == RELOAD_PREPARING)
        kill(pid, SIGUSR2);
}

static void reap(struct master *master)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == master->checker) {
            on_checked(master, status);
            continue;
        }
        for (int i = 0; i < master->shared->worker_count; i++) {
            if (atomic_load(&master->shared->workers[i].pid) != pid)
                continue;
            atomic_store(&master->shared->workers[i].pid, 0);
            if (!master->is_stopping)
                log_error("worker.died", "worker=%d pid=%d signal=%d code=%d", i, (int)pid,
                          WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                          WIFEXITED(status) ? WEXITSTATUS(status) : 0);
        }
    }
}

static void heal(struct master *master)
{
    for (int i = 0; i < master->shared->worker_count && !master->is_stopping; i++) {
        if (atomic_load(&master->shared->workers[i].pid) > 0 ||
            clock_monotonic_us() - master->spawned_us[i] < RESPAWN_PAUSE_US)
            continue;
        spawn(master, i);
        tell_newborn(master, atomic_load(&master->shared->workers[i].pid));
    }
}

static int64_t cpu_us_of(int pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

/* Past the hard limit by its own CPU time, since waiting for a core is nobody's fault; or by far
 * too long on the wall. */
static bool is_stuck(struct master *master, int index, int64_t entered_us, int pid)
{
    int64_t hard_us = conf_int(master->conf, "lua.stuck_kill_ms") * 1000;

    if (master->suspect_us[index] != entered_us) {
        master->suspect_us[index] = entered_us;
        master->suspect_cpu_us[index] = cpu_us_of(pid);
    }
    return cpu_us_of(pid) - master->suspect_cpu_us[index] > hard_us ||
           clock_monotonic_us() - entered_us > STUCK_WALL_FACTOR * hard_us;
}

/* Its code is copied out first: the next worker counts it against the plugin that it is of. */
static void kill_stuck(struct app_worker_slot *slot, int index, int64_t ms)
{
    int pid = atomic_load(&slot->pid);

    memcpy(slot->stuck, slot->doing, sizeof(slot->stuck));
    slot->stuck[sizeof(slot->stuck) - 1] = 0;
    log_error("worker.stuck", "worker=%d pid=%d ms=%lld in=%s", index, pid, (long long)ms,
              *slot->stuck ? slot->stuck : "souk");
    atomic_store(&slot->entered_at_us, 0);
    kill(pid, SIGKILL);
}

/* Soft: ask to stop, each tick, so that the worker can compare CPU times. Hard: kill; heal() brings
 * a new one. */
static void watch(struct master *master)
{
    int64_t soft_us = conf_int(master->conf, "lua.resume_budget_ms") * 1000;
    int64_t now_us = clock_monotonic_us();

    for (int i = 0; i < master->shared->worker_count; i++) {
        struct app_worker_slot *slot = &master->shared->workers[i];
        int64_t entered_us = atomic_load(&slot->entered_at_us);
        int pid = atomic_load(&slot->pid);
        if (!entered_us || pid <= 0 || now_us - entered_us < soft_us)
            continue;
        if (is_stuck(master, i, entered_us, pid)) {
            kill_stuck(slot, i, (now_us - entered_us) / 1000);
        } else {
            kill(pid, SIGUSR1);
        }
    }
}

/* A reload that runs has read its files before the signal: that needs one more, which all that wait
 * by then share. */
static void wish_by_signal(struct master *master)
{
    uint64_t wanted = atomic_load(&master->shared->reload_wanted);
    uint64_t begun =
        master->step == RELOAD_IDLE ? atomic_load(&master->shared->reload_done) : master->answering;

    if (wanted == begun)
        wanted = atomic_fetch_add(&master->shared->reload_wanted, 1) + 1;
    master->asked_by_signal = wanted;
}

static void on_signal(struct master *master, int signal_number)
{
    if (signal_number == SIGHUP)
        wish_by_signal(master);
    if ((signal_number == SIGTERM || signal_number == SIGINT) && !master->is_stopping) {
        master->is_stopping = true;
        master->stop_until_us = clock_monotonic_us() + STOP_MAX_US;
        log_info("master.stopping", "workers=%d", master->shared->worker_count);
        signal_workers(master, SIGTERM);
    }
}

static bool has_workers(struct master *master)
{
    for (int i = 0; i < master->shared->worker_count; i++)
        if (atomic_load(&master->shared->workers[i].pid) > 0)
            return true;
    return false;
}

static void loop(struct master *master, const sigset_t *signals)
{
    struct timespec tick = {.tv_nsec = TICK_MS * 1000000};

    while (!master->is_stopping || has_workers(master)) {
        int signal_number = sigtimedwait(signals, NULL, &tick);
        if (signal_number > 0)
            on_signal(master, signal_number);
        reap(master);
        heal(master);
        watch(master);
        step_reload(master);
        if (master->is_stopping && clock_monotonic_us() > master->stop_until_us)
            signal_workers(master, SIGKILL);
    }
}

static int worker_count_of(const struct conf *conf)
{
    int wanted = (int)conf_int(conf, "http.workers");

    if (wanted == 0)
        wanted = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return wanted < 1 ? 1 : wanted > APP_WORKERS_MAX ? APP_WORKERS_MAX : wanted;
}

static void spawn_all(struct master *master)
{
    for (int i = 0; i < master->shared->worker_count; i++)
        spawn(master, i);
}

/* What the first worker loads is the check of the first generation; without it there is nothing to
 * serve, and it has said why. */
static bool load_first(struct master *master)
{
    struct app_worker_slot *first = &master->shared->workers[0];
    struct timespec pause = {.tv_nsec = FIRST_LOOK_NS};
    char problem[1024] = "";

    master->latest = snapshot_latest(master->conf) + 1;
    master->number = master->latest;
    if (!snapshot_take(master->conf, master->number, problem, sizeof(problem))) {
        fprintf(stderr, "souk: %s\n", problem);
        return false;
    }
    atomic_store(&master->shared->active_gen, master->number);
    spawn_all(master);
    while (atomic_load(&first->ready_gen) != master->number) {
        if (waitpid(first->pid, NULL, WNOHANG) != 0) {
            atomic_store(&first->pid, 0);
            signal_workers(master, SIGKILL);
            return false;
        }
        nanosleep(&pause, NULL);
    }
    atomic_store(&master->shared->is_loaded, true);
    return true;
}

/* <home>/souk.pid tells `souk reload` whom to signal. Without it everything but that works. */
static void write_pid_file(const struct conf *conf, pid_t pid)
{
    char path[600];
    FILE *file;

    snprintf(path, sizeof(path), "%.500s/souk.pid", conf_text(conf, "home"));
    unlink(path);
    if (!pid)
        return;
    file = fopen(path, "we");
    if (!file)
        return;
    fprintf(file, "%ld\n", (long)pid);
    fclose(file);
}

int master_run(struct conf *conf)
{
    struct master master = {.conf = conf};
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (!port_is_free(conf_text(conf, "http.host"), (int)conf_int(conf, "http.port")))
        return 1;
    master.shared = app_shared_new(worker_count_of(conf), &master.metrics);
    master.shared->master_pid = getpid();
    if (!load_first(&master))
        return 1;
    write_pid_file(conf, master.shared->master_pid);
    loop(&master, &signals);
    write_pid_file(conf, 0);
    log_info("master.stopped", "workers=0");
    return 0;
}
