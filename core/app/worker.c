/* See worker.h. The one difficulty is the swap of generations: the new one is made aside while the
 * old one serves, the master says when all workers have it, and the first request after that moves
 * over; nobody waits. */
#include "app/worker.h"

#include "app/feed.h"
#include "app/pace.h"
#include "app/snapshot.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/metric.h"
#include "bridge/budget.h"
#include "crypto/token.h"
#include "db/catalog.h"
#include "db/pool.h"
#include "db/query.h"
#include "fetch/fetch.h"
#include "geo/cards.h"
#include "geo/index.h"
#include "http/reply.h"
#include "http/server.h"
#include "loop/helper.h"
#include "loop/loop.h"
#include "ops/access_log.h"
#include "ops/auth_key.h"
#include "ops/cors.h"
#include "ops/gauges.h"
#include "ops/health.h"
#include "ops/media.h"
#include "stock/stock.h"
#include "stripe/api.h"
#include "stripe/gate.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEADER_LOCK_KEY   0x736f756bLL /* "souk"; the same on every node */
#define FETCHES_IN_FLIGHT 32
#define FETCH_QUEUE_MAX   1024
#define TICK_MS           25
#define METRICS_PORT_STEP 10000
#define PORT_MAX          65535
#define DRAIN_MAX_MS      30000
#define GEO_THREADS       2 /* a load and a packing */
#define GEO_QUEUE_MAX     8

struct reload_wish {
    struct list node;
    uint64_t ticket;
    void (*done)(void *arg, int64_t number, const char *problem);
    void *arg;
};

struct worker {
    struct worker_settings settings;
    struct loop *loop;
    struct db_pool *pool;
    struct db_leader *leader;
    struct app_feed *feed;
    struct helper *helper;
    struct fetch *fetch;
    struct stripe_gate *stripe;
    struct geo_index *geo;
    struct stock *stock;
    struct geo_cards *geo_cards;
    struct helper *geo_helper; /* apart from passwords: a load must not delay a login */
    struct token_key *token_key;
    const char *cors_origins; /* the settings' */
    struct http_server *api;
    struct http_server *metrics;
    struct generation *serving;
    struct generation *prepared;
    struct loop_timer *tick;
    struct loop_timer *drain_deadline;
    struct ops_gauges gauges;
    bool is_leader;
    bool is_draining;
    int exit_code;
};

static struct worker *the_worker; /* for callbacks from bridge_deps, which carry no argument */
static struct list reload_wishes = {&reload_wishes, &reload_wishes};

static void ask_for_reload(void (*done)(void *arg, int64_t number, const char *problem), void *arg)
{
    struct app_shared *shared = the_worker->settings.shared;
    struct reload_wish *wish = calloc(1, sizeof(*wish));

    if (!wish)
        abort();
    wish->done = done;
    wish->arg = arg;
    wish->ticket = atomic_fetch_add(&shared->reload_wanted, 1) + 1;
    list_add_last(&reload_wishes, &wish->node);
    kill(shared->master_pid, SIGHUP);
}

/* The master first, so that it does not bring back what is killed after it. */
static void kill_server(void)
{
    struct app_shared *shared = the_worker->settings.shared;

    kill(shared->master_pid, SIGKILL);
    for (int i = 0; i < shared->worker_count; i++) {
        int pid = atomic_load(&shared->workers[i].pid);
        if (pid > 0 && pid != getpid())
            kill(pid, SIGKILL);
    }
    kill(getpid(), SIGKILL);
}

static void answer_wishes(struct worker *worker)
{
    struct app_shared *shared = worker->settings.shared;
    uint64_t done_upto = atomic_load(&shared->reload_done);

    list_each (node, after, &reload_wishes) {
        struct reload_wish *wish = list_entry(node, struct reload_wish, node);
        if (wish->ticket > done_upto)
            continue;
        list_remove(node);
        wish->done(wish->arg, atomic_load(&shared->reload_number),
                   shared->reload_problem[0] ? shared->reload_problem : NULL);
        free(wish);
    }
}

static struct bridge_deps deps_of(struct worker *worker, int64_t number)
{
    struct app_shared *shared = worker->settings.shared;

    return (struct bridge_deps){
        .loop = worker->loop,
        .conf = worker->settings.conf,
        .db = worker->pool,
        .helper = worker->helper,
        .fetch = worker->fetch,
        .stripe = worker->stripe,
        .geo = worker->geo,
        .stock = worker->stock,
        .geo_cards = worker->geo_cards,
        .geo_helper = worker->geo_helper,
        .token_key = worker->token_key,
        .epochs = shared->epochs,
        .marks = &shared->marks,
        .entered_at_us = worker->settings.is_open
                             ? NULL
                             : &shared->workers[worker->settings.index].entered_at_us,
        .doing = worker->settings.is_open ? NULL : shared->workers[worker->settings.index].doing,
        .stuck = worker->settings.is_open ? NULL : shared->workers[worker->settings.index].stuck,
        .reload = shared->master_pid ? ask_for_reload : NULL,
        .kill_server = shared->master_pid ? kill_server : NULL,
        .worker = worker->settings.index,
        .generation = number,
    };
}

/* The folders of that generation's snapshot, or the plain ones where nothing was snapshotted. */
static struct generation *load(struct worker *worker, int64_t number, struct buf *message)
{
    struct worker_settings *settings = &worker->settings;
    struct bridge_deps deps = deps_of(worker, number);
    struct app_folders folders;

    snapshot_folders(settings->conf, number, &folders);
    if (number == 0 || !settings->shared->master_pid)
        folders = (struct app_folders){"", "", "", ""};
    struct bridge_source source = {
        .lua_dir = folders.lua[0] ? folders.lua : settings->lua_dir,
        .plugins_dir = folders.plugins[0] ? folders.plugins : settings->plugins_dir,
        .boot_dir = folders.lua[0] ? folders.lua : settings->boot_dir,
        .is_open = settings->is_open,
    };
    if (settings->has_database) {
        deps.catalog = db_catalog_new();
        char problem[512];
        if (!snapshot_load_queries(deps.catalog, folders.sql[0] ? folders.sql : settings->sql_dir,
                                   source.plugins_dir, problem, sizeof(problem))) {
            buf_add_z(message, problem);
            db_catalog_free(deps.catalog);
            return NULL;
        }
    }
    return generation_new(&deps, source, message);
}

/* SIGUSR2 from the master: load the generation it prepares, and say how that went. */
static void on_prepare(void *arg)
{
    struct worker *worker = arg;
    struct app_worker_slot *slot = &worker->settings.shared->workers[worker->settings.index];
    int64_t number = atomic_load(&worker->settings.shared->prepare_gen);
    struct buf message;

    if (number <= generation_number(worker->serving))
        return;
    if (worker->prepared)
        generation_unref(worker->prepared);
    buf_init(&message, APP_PROBLEM_SIZE);
    worker->prepared = load(worker, number, &message);
    if (worker->prepared) {
        atomic_store(&slot->ready_gen, number);
    } else {
        snprintf(slot->problem, sizeof(slot->problem), "%.*s", (int)message.len,
                 message.at ? message.at : "");
        atomic_store(&slot->failed_gen, number);
    }
    buf_done(&message);
}

static void swap_if_active(struct worker *worker)
{
    struct generation *old = worker->serving;
    int64_t active = atomic_load(&worker->settings.shared->active_gen);

    if (!worker->prepared || active != generation_number(worker->prepared))
        return;
    worker->serving = worker->prepared;
    worker->prepared = NULL;
    generation_start_timers(worker->serving, &worker->is_leader, old);
    generation_retire(old);
    generation_unref(old);
    log_info("generation.active", "generation=%lld", (long long)active);
}

static void on_request(void *arg, struct http_request *request)
{
    struct worker *worker = arg;

    swap_if_active(worker);
    if (cors_answers(worker->cors_origins, request))
        return;
    if (health_answers(request, worker->pool, worker->settings.has_database, worker->is_draining))
        return;
    if (media_answers(worker->settings.conf, request))
        return;
    generation_serve(worker->serving, request);
}

static void on_metrics_request(void *arg, struct http_request *request)
{
    struct worker *worker = arg;

    if (health_answers(request, worker->pool, worker->settings.has_database, worker->is_draining))
        return;
    metrics_answer(request);
}

static void on_done(void *arg, const struct http_done *done)
{
    access_log_write(((struct worker *)arg)->loop, done);
}

static bool takes_body(void *arg, enum http_method method, struct str path, size_t len)
{
    struct worker *worker = arg;

    return generation_takes_body(worker->serving, method, path, len);
}

static void on_leader(void *arg, bool is_leader)
{
    struct worker *worker = arg;

    worker->is_leader = is_leader;
    if (!is_leader)
        metric_forget_gauges("souk_"); /* what the timers measured, the next leader measures */
    log_info(is_leader ? "leader.won" : "leader.lost", "worker=%d", worker->settings.index);
}

static void on_tick(void *arg)
{
    struct worker *worker = arg;

    swap_if_active(worker);
    answer_wishes(worker);
    if (worker->feed)
        app_feed_turn(worker->feed);
    gauges_update(&worker->gauges, worker->pool, worker->api, worker->is_leader);
    gauges_update_stripe(&worker->gauges, worker->stripe);
    pace_set(worker->pool, helper_is_busy(worker->helper));
    if (worker->settings.shared->master_pid && getppid() != worker->settings.shared->master_pid) {
        log_error("master.gone", "worker=%d", worker->settings.index);
        _exit(1);
    }
}

static void on_idle(void *arg)
{
    loop_stop(((struct worker *)arg)->loop);
}

static void on_stop(void *arg)
{
    struct worker *worker = arg;

    if (worker->is_draining)
        return;
    worker->is_draining = true;
    log_info("worker.draining", "in_flight=%d", http_server_in_flight(worker->api));
    worker->drain_deadline = loop_after(worker->loop, DRAIN_MAX_MS, on_idle, worker);
    http_server_drain(worker->api, on_idle, worker);
}

static struct http_settings http_settings_of(struct worker *worker)
{
    const struct conf *conf = worker->settings.conf;

    return (struct http_settings){
        .host = conf_text(conf, "http.host"),
        .port = (int)conf_int(conf, "http.port"),
        .head_max_bytes = (size_t)conf_int(conf, "http.head_max_bytes"),
        .headers_max = (int)conf_int(conf, "http.headers_max"),
        .body_max_bytes = (size_t)conf_int(conf, "http.body_max_bytes"),
        .body_ceiling_bytes = generation_body_ceiling(worker->serving),
        .head_timeout_ms = (int)conf_int(conf, "http.head_timeout_ms"),
        .body_timeout_ms = (int)conf_int(conf, "http.body_timeout_ms"),
        .idle_timeout_ms = (int)conf_int(conf, "http.idle_timeout_ms"),
        .connections_max = (int)conf_int(conf, "http.connections_max"),
        .output_max_bytes = (size_t)conf_int(conf, "http.output_max_bytes"),
        .tls_cert_file = conf_text(conf, "http.tls_cert_file"),
        .tls_key_file = conf_text(conf, "http.tls_key_file"),
        .trusted_proxies = conf_text(conf, "http.trusted_proxies"),
    };
}

/* Far from the API's port, since a second instance is likely to stand close by. */
static int metrics_port_of(int http_port)
{
    return http_port + METRICS_PORT_STEP <= PORT_MAX ? http_port + METRICS_PORT_STEP
                                                     : http_port - METRICS_PORT_STEP;
}

static bool listen_for_requests(struct worker *worker)
{
    struct http_settings settings = http_settings_of(worker);
    const struct conf *conf = worker->settings.conf;
    int metrics_port = (int)conf_int(conf, "metrics.port");

    worker->api = http_server_new(
        worker->loop, settings,
        (struct http_hooks){
            .handler = on_request, .takes_body = takes_body, .on_done = on_done, .arg = worker});
    if (!worker->api)
        return false;
    settings.host = conf_text(conf, "metrics.host");
    settings.port = metrics_port ? metrics_port : metrics_port_of(settings.port);
    settings.tls_cert_file = settings.tls_key_file = NULL;
    settings.body_ceiling_bytes = settings.body_max_bytes;
    worker->metrics = http_server_new(
        worker->loop, settings, (struct http_hooks){.handler = on_metrics_request, .arg = worker});
    return worker->metrics != NULL;
}

static void on_pool_state(void *arg, bool is_away, const char *why)
{
    struct worker *worker = arg;

    if (worker->is_draining)
        return; /* we are leaving, not the database */
    if (is_away)
        log_error("db.away", "worker=%d why=%s", worker->settings.index, why);
    else
        log_info("db.back", "worker=%d", worker->settings.index);
}

static bool connect_pool(struct worker *worker)
{
    const struct conf *conf = worker->settings.conf;

    if (!worker->settings.has_database)
        return true;
    if (!*conf_text(conf, "db.url")) {
        fprintf(stderr, "souk: db.url is empty: set DATABASE_URL, or start with ./souk up\n");
        return false;
    }
    worker->pool =
        db_pool_new(worker->loop, NULL,
                    (struct db_pool_settings){
                        .url = conf_text(conf, "db.url"),
                        .readers = (int)conf_int(conf, "db.readers"),
                        .writers = (int)conf_int(conf, "db.writers"),
                        .statement_timeout_ms = (int)conf_int(conf, "db.statement_timeout_ms"),
                        .lock_timeout_ms = (int)conf_int(conf, "db.lock_timeout_ms"),
                        .wait_max_ms = (int)conf_int(conf, "db.wait_max_ms"),
                        .waiters_max = (int)conf_int(conf, "db.waiters_max"),
                        .on_state = on_pool_state,
                        .arg = worker,
                    });
    return worker->pool != NULL;
}

static struct stock *stock_of(const struct worker *worker)
{
    const struct conf *conf = worker->settings.conf;

    return stock_new((struct stock_settings){
        .loop = worker->loop,
        .pool = worker->pool,
        .flights_max = (int)conf_int(conf, "stock.flights_max"),
        .orders_max = (int)conf_int(conf, "stock.orders_max"),
        .waiting_max = (int)conf_int(conf, "db.waiters_max"),
        .wait_max_ms = (int)conf_int(conf, "db.wait_max_ms"),
    });
}

static void on_breaker(void *arg, bool is_open)
{
    struct worker *worker = arg;

    if (is_open)
        log_error("stripe.breaker.open", "worker=%d seconds=%lld", worker->settings.index,
                  (long long)conf_int(worker->settings.conf, "stripe.breaker_open_s"));
    else
        log_info("stripe.breaker.closed", "worker=%d", worker->settings.index);
}

static struct stripe_gate *stripe_gate_of(struct worker *worker)
{
    const struct conf *conf = worker->settings.conf;
    int per_s = (int)conf_int(conf, "stripe.rate_per_s");

    if (per_s == 0)
        per_s = stripe_rate_of_key(str_from(conf_text(conf, "stripe.secret_key")));
    return stripe_gate_new(worker->loop, worker->fetch,
                           (struct stripe_gate_settings){
                               .in_flight_max = (int)conf_int(conf, "stripe.in_flight_max"),
                               .queue_max = (int)conf_int(conf, "stripe.queue_max"),
                               .rate = {.per_s = per_s, .burst = per_s < 4 ? 1 : per_s / 4},
                               .rate_word = &worker->settings.shared->stripe_rate_us,
                               .open_ms = conf_int(conf, "stripe.breaker_open_s") * 1000,
                               .on_change = on_breaker,
                               .arg = worker,
                           });
}

static bool run_geo_job(void *arg, geo_job_fn *work, geo_job_fn *done, void *job)
{
    return helper_run(arg, work, done, job);
}

static void remove_old_snapshots(void *arg)
{
    const struct worker *worker = arg;
    int64_t number = atomic_load(&worker->settings.shared->active_gen);

    snapshot_remove_old(worker->settings.conf, number, number);
}

static void on_removed(void *arg)
{
    (void)arg;
}

struct worker *worker_new(struct worker_settings settings)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    struct buf message;

    if (!worker)
        abort();
    the_worker = worker;
    worker->settings = settings;
    metric_init(settings.metrics, settings.shared->worker_count + 1, settings.index);
    budget_init((int)conf_int(settings.conf, "lua.resume_budget_ms"));
    worker->loop = loop_new();
    worker->helper = helper_new(worker->loop, (int)conf_int(settings.conf, "auth.helper_threads"),
                                (int)conf_int(settings.conf, "auth.helper_queue_max"));
    worker->fetch = fetch_new(worker->loop, FETCHES_IN_FLIGHT, FETCH_QUEUE_MAX);
    worker->stripe = stripe_gate_of(worker);
    worker->geo_helper = helper_new(worker->loop, GEO_THREADS, GEO_QUEUE_MAX);
    worker->geo = geo_index_new((struct geo_runner){run_geo_job, worker->geo_helper});
    worker->geo_cards = geo_cards_new((size_t)conf_int(settings.conf, "geo.cards_max_bytes"));
    worker->token_key = auth_key_open(settings.conf);
    worker->cors_origins = conf_text(settings.conf, "http.cors_origins");
    buf_init(&message, APP_PROBLEM_SIZE);
    if (worker->token_key && connect_pool(worker)) {
        worker->stock = worker->pool ? stock_of(worker) : NULL;
        worker->serving = load(worker, atomic_load(&settings.shared->active_gen), &message);
    }
    if (!worker->serving) {
        if (message.len > 0 && (settings.index == 0 || settings.shared->is_loaded))
            fprintf(stderr, "souk: %.*s\n", (int)message.len, message.at);
        buf_done(&message);
        worker_free(worker);
        return NULL;
    }
    buf_done(&message);
    atomic_store(&settings.shared->workers[settings.index].ready_gen,
                 generation_number(worker->serving));
    return worker;
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    worker->is_draining = true;
    loop_timer_free(worker->tick);
    loop_timer_free(worker->drain_deadline);
    db_leader_free(worker->leader);
    app_feed_free(worker->feed);
    http_server_free(worker->api);
    http_server_free(worker->metrics);
    if (worker->prepared)
        generation_unref(worker->prepared);
    if (worker->serving) {
        generation_retire(worker->serving);
        generation_unref(worker->serving);
    }
    if (worker->stock)
        stock_close(worker->stock);
    if (worker->pool)
        db_pool_free(worker->pool);
    stock_free(worker->stock);
    stripe_gate_free(worker->stripe);
    fetch_free(worker->fetch);
    helper_free(worker->helper);
    helper_free(worker->geo_helper);
    geo_index_free(worker->geo);
    geo_cards_free(worker->geo_cards);
    token_key_free(worker->token_key);
    loop_free(worker->loop);
    free(worker);
}

int worker_serve(struct worker *worker)
{
    if (!listen_for_requests(worker))
        return 1;
    gauges_init(&worker->gauges);
    signal(SIGPIPE, SIG_IGN);
    loop_on_signal(worker->loop, SIGTERM, on_stop, worker);
    loop_on_signal(worker->loop, SIGINT, on_stop, worker);
    loop_on_signal(worker->loop, SIGUSR2, on_prepare, worker);
    worker->tick = loop_every(worker->loop, TICK_MS, on_tick, worker);
    if (worker->pool) {
        worker->leader = db_leader_new(worker->pool, LEADER_LOCK_KEY, 1000, on_leader, worker);
        worker->feed = app_feed_new(worker->pool, worker->settings.shared, worker->settings.index);
    } else {
        worker->is_leader = true;
    }
    generation_start_timers(worker->serving, &worker->is_leader, NULL);
    /* Aside: on a busy disk it can take longer than all else that a start does. */
    if (worker->settings.index == 0 && worker->settings.shared->master_pid)
        (void)helper_run(worker->geo_helper, remove_old_snapshots, on_removed, worker);
    log_flush_on_crash();
    log_info("worker.serving", "worker=%d port=%d generation=%lld", worker->settings.index,
             http_server_port(worker->api), (long long)generation_number(worker->serving));
    loop_run(worker->loop);
    log_info("worker.stopped", "worker=%d", worker->settings.index);
    if (generation_is_waiting(worker->serving))
        _exit(0); /* coroutines that sleep hold what freeing would pull away from under them */
    return 0;
}

static void on_run_end(void *arg, bool is_ok, const char *text)
{
    struct worker *worker = arg;

    if (*text)
        fprintf(is_ok ? stdout : stderr, "%s\n", text);
    worker->exit_code = is_ok ? 0 : 1;
    loop_stop(worker->loop);
}

struct run {
    struct worker *worker;
    const char *module;
    const char *const *args;
};

static void start_run(void *arg)
{
    struct run *run = arg;

    generation_run(run->worker->serving, run->module, run->args, on_run_end, run->worker);
}

int worker_run(struct worker *worker, const char *module, const char *const *args)
{
    struct run run = {worker, module, args};

    signal(SIGPIPE, SIG_IGN);
    loop_defer(worker->loop, start_run, &run);
    loop_run(worker->loop);
    fflush(stdout);
    return worker->exit_code;
}

struct generation *worker_generation(struct worker *worker)
{
    return worker->serving;
}
