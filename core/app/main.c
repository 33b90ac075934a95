/* The binary: one table of sub-commands. */
#include "app/check.h"
#include "app/demo.h"
#include "app/master.h"
#include "app/port.h"
#include "app/settings.h"
#include "app/shared.h"
#include "app/worker.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "bridge/budget.h"
#include "db/migrate.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PRINT_MAX      (16u << 20)
#define RELOAD_WAIT_MS 30000
#define ARGS_MAX       64
#define PLUGIN_CPU_S   15

struct command {
    const char *name;
    int (*run)(struct conf *conf, int argc, char **argv);
    const char *help;
};

static int run_serve(struct conf *conf, int argc, char **argv)
{
    (void)argc, (void)argv;
    return settings_are_sound(conf) ? master_run(conf) : 1;
}

static int run_migrate(struct conf *conf, int argc, char **argv)
{
    (void)argc, (void)argv;
    return db_migrate(conf_text(conf, "db.url"), conf_text(conf, "sql.dir")) ? 0 : 1;
}

static struct worker *lone_worker(struct conf *conf, struct worker_settings settings)
{
    settings.conf = conf;
    settings.shared = app_shared_new(1, &settings.metrics);
    settings.lua_dir = conf_text(conf, "lua.dir");
    settings.plugins_dir = conf_text(conf, "plugins.dir");
    settings.sql_dir = conf_text(conf, "sql.dir");
    return worker_new(settings);
}

static int run_stripe_emulator(struct conf *conf, int argc, char **argv)
{
    char boot_dir[600], memory[64], message[256];
    struct worker *worker;
    int code;

    (void)argc, (void)argv;
    if (!port_is_free(conf_text(conf, "http.host"), (int)conf_int(conf, "http.port")))
        return 1;
    snprintf(memory, sizeof(memory), "lua.memory_max_bytes=%s",
             conf_text(conf, "emulator.memory_max_bytes"));
    if (!conf_set(conf, memory, message, sizeof(message)))
        return 1;
    snprintf(boot_dir, sizeof(boot_dir), "%.500s/stripe_emulator", conf_text(conf, "plugins.dir"));
    worker = lone_worker(conf, (struct worker_settings){.boot_dir = boot_dir});
    code = worker ? worker_serve(worker) : 1;
    worker_free(worker);
    return code;
}

/* Runs a Lua module with the arguments that follow the sub-command. */
static int run_module(struct conf *conf, const char *module, bool is_open, char **argv)
{
    bool has_database = *conf_text(conf, "db.url") != 0;
    struct worker *worker = lone_worker(
        conf, (struct worker_settings){.has_database = has_database, .is_open = is_open});
    int code = worker ? worker_run(worker, module, (const char *const *)argv) : 1;

    worker_free(worker);
    return code;
}

static int run_admin(struct conf *conf, int argc, char **argv)
{
    (void)argc;
    return run_module(conf, "flows.admin_command", true, argv);
}

static int run_ledger(struct conf *conf, int argc, char **argv)
{
    (void)argc;
    return run_module(conf, "flows.ledger_command", false, argv);
}

static int run_policy(struct conf *conf, int argc, char **argv)
{
    (void)argc;
    return run_module(conf, "flows.policy_command", true, argv);
}

static long master_pid(const struct conf *conf)
{
    char path[600];
    long pid = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%.500s/souk.pid", conf_text(conf, "home"));
    file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%ld", &pid) != 1)
        pid = 0;
    fclose(file);
    return pid;
}

/* The master writes <home>/reload.result when it is through. */
static int run_reload(struct conf *conf, int argc, char **argv)
{
    char path[600], text[4096] = "";
    struct timespec pause = {.tv_nsec = 20000000};
    long pid = master_pid(conf);
    FILE *file = NULL;
    char *problem;

    (void)argc, (void)argv;
    snprintf(path, sizeof(path), "%.500s/reload.result", conf_text(conf, "home"));
    unlink(path);
    if (pid <= 0 || kill((pid_t)pid, SIGHUP) != 0) {
        fprintf(stderr, "souk: no server runs in %s: start one with ./souk up\n",
                conf_text(conf, "home"));
        return 1;
    }
    for (int waited_ms = 0; !file && waited_ms < RELOAD_WAIT_MS; waited_ms += 20) {
        nanosleep(&pause, NULL);
        file = fopen(path, "re");
    }
    if (!file) {
        fprintf(stderr, "souk: no answer in 30 seconds: see the log in %s\n",
                conf_text(conf, "home"));
        return 1;
    }
    text[fread(text, 1, sizeof(text) - 1, file)] = 0;
    fclose(file);
    problem = strchr(text, '\n');
    if (problem && problem[1] && problem[1] != '\n') {
        fprintf(stderr, "refused, generation %ld keeps serving:\n%s", strtol(text, NULL, 10),
                problem + 1);
        return 1;
    }
    printf("generation %ld serves\n", strtol(text, NULL, 10));
    return 0;
}

/* What was switched on or off is loaded at once where a server runs; other nodes follow by
 * themselves. */
static int run_plugin(struct conf *conf, int argc, char **argv)
{
    bool is_switch =
        argc > 0 && (strcmp(argv[0], "enable") == 0 || strcmp(argv[0], "disable") == 0);
    long pid = master_pid(conf);
    int code;

    budget_alone(PLUGIN_CPU_S, STDERR_FILENO);
    code = run_module(conf, "flows.plugin_command", true, argv);
    if (code != 0 || !is_switch || pid <= 0 || kill((pid_t)pid, 0) != 0)
        return code;
    code = run_reload(conf, 0, NULL);
    if (code != 0 && argc > 1 && strcmp(argv[0], "enable") == 0)
        run_module(conf, "flows.plugin_command", true, (char *[]){"undo", argv[1], NULL});
    return code;
}

static int run_spec(struct conf *conf, int argc, char **argv)
{
    (void)argc;
    return run_module(conf, "spec.support.runner", true, argv);
}

static int print_declared(struct conf *conf, const char *function)
{
    struct buf out;
    bool is_ok;

    buf_init(&out, PRINT_MAX);
    is_ok = check_generation(conf, 0, function, &out);
    if (out.len)
        fprintf(is_ok ? stdout : stderr, "%.*s\n", (int)out.len, out.at);
    buf_done(&out);
    return is_ok ? 0 : 1;
}

static int run_routes(struct conf *conf, int argc, char **argv)
{
    (void)argc, (void)argv;
    return print_declared(conf, "routes_text");
}

static int run_openapi(struct conf *conf, int argc, char **argv)
{
    (void)argc, (void)argv;
    return print_declared(conf, "openapi");
}

static int run_check(struct conf *conf, int argc, char **argv)
{
    (void)argc, (void)argv;
    return print_declared(conf, NULL);
}

static int run_demo(struct conf *conf, int argc, char **argv)
{
    return demo_main(conf, argc, argv);
}

static void print_setting(void *arg, const char *key, const char *value, const char *why)
{
    (void)arg;
    printf("# %s\n%s = %s\n", why, key, conf_is_secret(key) && *value ? "(secret)" : value);
}

static int run_conf(struct conf *conf, int argc, char **argv)
{
    (void)argc, (void)argv;
    conf_each(conf, print_setting, NULL);
    return settings_are_sound(conf) ? 0 : 1;
}

static const struct command commands[] = {
    {"serve", run_serve, "master and workers, until SIGTERM"},
    {"migrate", run_migrate, "bring the database up to date"},
    {"stripe-emulator", run_stripe_emulator,
     "Stripe's protocol on http.port, for development and tests"},
    {"policy", run_policy, "check FILE | list | simulate | activate …: what operators change"},
    {"plugin", run_plugin, "new NAME | check | enable | disable | list: folders of plugins"},
    {"admin", run_admin, "create --email E --password P [--name N]: make an administrator"},
    {"ledger", run_ledger, "[ORDER]: the books of an order as a table; without one, all balances"},
    {"demo", run_demo, "--vendors N --products M [--seed S]: fill the database with made-up data"},
    {"routes", run_routes, "print the routes"},
    {"openapi", run_openapi, "print the OpenAPI document"},
    {"check", run_check, "load everything and say what is wrong"},
    {"reload", run_reload, "make the running server load its files again"},
    {"spec", run_spec, "FILE…: run specs inside a worker"},
    {"conf", run_conf, "print every setting with its value"},
};

static int usage(void)
{
    fprintf(stderr, "usage: souk COMMAND [--conf FILE] [--set key=value]… [arguments]\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        fprintf(stderr, "  %-16s %s\n", commands[i].name, commands[i].help);
    return 2;
}

/* Takes --conf and --set out of the arguments; the rest stays, in order. */
static bool take_settings(struct conf *conf, int *argc, char **argv, char *message, size_t size)
{
    int kept = 0;
    bool is_ok = true;

    for (int i = 0; i < *argc && is_ok; i++) {
        bool has_value = i + 1 < *argc;
        if (strcmp(argv[i], "--conf") == 0 && has_value)
            is_ok = conf_read_file(conf, argv[++i], message, size);
        else if (strcmp(argv[i], "--set") != 0 || !has_value)
            argv[kept++] = argv[i];
        else
            i++; /* second pass: --set beats the environment */
    }
    *argc = kept;
    return is_ok;
}

static bool read_settings(struct conf *conf, int *argc, char **argv, char *message, size_t size)
{
    char *sets[ARGS_MAX];
    int set_count = 0;

    for (int i = 0; i + 1 < *argc; i++)
        if (strcmp(argv[i], "--set") == 0 && set_count < ARGS_MAX)
            sets[set_count++] = argv[i + 1];
    if (!take_settings(conf, argc, argv, message, size) || !conf_read_env(conf, message, size))
        return false;
    for (int i = 0; i < set_count; i++)
        if (!conf_set(conf, sets[i], message, size))
            return false;
    argv[*argc] = NULL;
    return true;
}

static enum log_level level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    for (int level = 0; level < 4; level++)
        if (strcmp(names[level], name) == 0)
            return (enum log_level)level;
    return LOG_LEVEL_INFO;
}

int main(int argc, char **argv)
{
    struct conf *conf = conf_new();
    char message[512] = "";
    int code = 2;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2) {
        code = usage();
    } else {
        int rest = argc - 2;
        if (!read_settings(conf, &rest, argv + 2, message, sizeof(message))) {
            fprintf(stderr, "souk: %s\n", message);
        } else {
            log_init(STDERR_FILENO, level_of(conf_text(conf, "log.level")));
            code = -1;
            for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
                if (strcmp(commands[i].name, argv[1]) == 0)
                    code = commands[i].run(conf, rest, argv + 2);
            if (code < 0)
                code = usage();
        }
    }
    conf_free(conf);
    return code;
}
