/* Schema changes, run by a process of their own, so libpq may block here. Checksums are made by
 * PostgreSQL itself. A migration that meets a long reader gives up after lock_timeout and tries
 * again: waiting for its lock it would stop every new reader. */
#include "db/migrate.h"

#include "base/buf.h"
#include <dirent.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILES_MAX      1000
#define TEXT_MAX       (4u << 20)
#define LOCK_TRIES_MAX 40
/* Any number of our own; it keeps two runs apart. */
#define LOCK_KEY "7305808869231650162"

struct files {
    char *names[FILES_MAX];
    int count;
};

struct file {
    const char *table; /* where its checksum is kept */
    const char *name;
    struct buf text;
    char sha256[65];
    char applied_sha256[65]; /* "": not applied */
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void files_done(struct files *files)
{
    while (files->count)
        free(files->names[--files->count]);
}

/* The *.sql files of dir in order of name; none when there is no such folder. */
static void files_list(struct files *files, const char *dir)
{
    struct dirent *entry;
    DIR *listing = opendir(dir);

    files->count = 0;
    while (listing && files->count < FILES_MAX && (entry = readdir(listing))) {
        size_t len = strlen(entry->d_name);

        if (len > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 4, ".sql") == 0)
            files->names[files->count++] = strdup(entry->d_name);
    }
    if (listing)
        closedir(listing);
    qsort(files->names, (size_t)files->count, sizeof(files->names[0]), by_name);
}

static bool run(PGconn *pg, const char *sql)
{
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);

    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static PGresult *ask(PGconn *pg, const char *sql, const char *const *values, int count)
{
    return PQexecParams(pg, sql, count, NULL, values, NULL, NULL, 0);
}

static bool read_checksums(PGconn *pg, struct file *file)
{
    char sql[256];
    const char *values[] = {file->name, file->text.at};
    PGresult *result;
    bool is_ok;

    (void)snprintf(sql, sizeof(sql),
                   "select encode(sha256(convert_to($2, 'UTF8')), 'hex'), "
                   "coalesce((select sha256 from %s where name = $1), '')",
                   file->table);
    result = ask(pg, sql, values, 2);
    is_ok = PQresultStatus(result) == PGRES_TUPLES_OK;
    if (is_ok) {
        (void)snprintf(file->sha256, sizeof(file->sha256), "%s", PQgetvalue(result, 0, 0));
        (void)snprintf(file->applied_sha256, sizeof(file->applied_sha256), "%s",
                       PQgetvalue(result, 0, 1));
    }
    PQclear(result);
    return is_ok;
}

static bool note_applied(PGconn *pg, const struct file *file)
{
    char sql[256];
    const char *values[] = {file->name, file->sha256};
    PGresult *result;
    bool is_ok;

    (void)snprintf(sql, sizeof(sql),
                   "insert into %s (name, sha256) values ($1, $2) on conflict (name) do update "
                   "set sha256 = excluded.sha256, applied_at = now()",
                   file->table);
    result = ask(pg, sql, values, 2);
    is_ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    return is_ok;
}

static void pause_ms(int ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    (void)nanosleep(&wait, NULL);
}

/* Its own transaction; again while only a lock is in the way. Prints the outcome. */
static bool apply(PGconn *pg, const struct file *file)
{
    for (int i = 0; i < LOCK_TRIES_MAX; i++) {
        PGresult *result;
        const char *sqlstate;
        bool is_locked, is_ok;

        (void)run(pg,
                  "begin; set local lock_timeout = '300ms'; set local check_function_bodies = off");
        result = PQexec(pg, file->text.at);
        is_ok = PQresultStatus(result) == PGRES_COMMAND_OK ||
                PQresultStatus(result) == PGRES_TUPLES_OK ||
                PQresultStatus(result) == PGRES_EMPTY_QUERY;
        sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        is_locked = sqlstate && strcmp(sqlstate, "55P03") == 0;
        if (!is_ok && !is_locked)
            printf("%s: %s", file->name, PQresultErrorMessage(result));
        PQclear(result);
        is_ok = is_ok && note_applied(pg, file) && run(pg, "commit");
        if (is_ok) {
            printf("%s: applied\n", file->name);
            return true;
        }
        (void)run(pg, "rollback");
        if (!is_locked) {
            printf("%s: not applied\n", file->name);
            return false;
        }
        pause_ms(100 + i * 10);
    }
    printf("%s: not applied: its tables stay locked by others\n", file->name);
    return false;
}

typedef bool file_fn(PGconn *pg, struct file *file);

/* Calls fn for each file of sql_dir/folder, its checksums read; stops at the first false. */
static bool each_file(PGconn *pg, const char *sql_dir, const char *folder, file_fn *fn)
{
    struct files files;
    char path[1024];
    bool is_ok = true;

    (void)snprintf(path, sizeof(path), "%s/%s", sql_dir, folder);
    files_list(&files, path);
    for (int i = 0; is_ok && i < files.count; i++) {
        struct file file = {
            .table = strcmp(folder, "migrations") == 0 ? "schema_migrations" : "schema_functions",
            .name = files.names[i],
        };

        buf_init(&file.text, TEXT_MAX);
        if (snprintf(path, sizeof(path), "%s/%s/%s", sql_dir, folder, file.name) >=
                (int)sizeof(path) ||
            !buf_read_file(&file.text, path) || !file.text.at) {
            printf("%s: cannot be read, or is empty or larger than 4 MiB\n", file.name);
            is_ok = false;
        } else if (!read_checksums(pg, &file)) {
            printf("%s: %s", file.name, PQerrorMessage(pg));
            is_ok = false;
        } else {
            is_ok = fn(pg, &file);
        }
        buf_done(&file.text);
    }
    files_done(&files);
    return is_ok;
}

static bool migrate_file(PGconn *pg, struct file *file)
{
    if (!file->applied_sha256[0])
        return apply(pg, file);
    if (strcmp(file->applied_sha256, file->sha256) == 0)
        return true;
    printf("%s: changed after it was applied. Put the old text back and add a new migration\n",
           file->name);
    return false;
}

static bool renew_function(PGconn *pg, struct file *file)
{
    return strcmp(file->applied_sha256, file->sha256) == 0 || apply(pg, file);
}

static const char make_tables[] =
    "create table if not exists schema_migrations (name text not null, sha256 text not null, "
    "applied_at timestamptz not null default now(), "
    "constraint schema_migrations_pkey primary key (name));"
    "create table if not exists schema_functions (name text not null, sha256 text not null, "
    "applied_at timestamptz not null default now(), "
    "constraint schema_functions_pkey primary key (name))";

static void ignore_notice(void *arg, const PGresult *notice)
{
    (void)arg, (void)notice;
}

static PGconn *connect_to(const char *url)
{
    const char *keywords[] = {"dbname", "application_name", "connect_timeout", NULL};
    const char *values[] = {url, "souk migrate", "5", NULL};
    PGconn *pg = PQconnectdbParams(keywords, values, 1);

    PQsetNoticeReceiver(pg, ignore_notice, NULL);
    return pg;
}

bool db_migrate(const char *url, const char *sql_dir)
{
    PGconn *pg = connect_to(url);
    bool is_ok = false;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (PQstatus(pg) != CONNECTION_OK)
        printf("%s", PQerrorMessage(pg));
    else if (!run(pg, "select pg_advisory_lock(" LOCK_KEY ")") || !run(pg, make_tables))
        printf("%s", PQerrorMessage(pg));
    else
        is_ok = each_file(pg, sql_dir, "migrations", migrate_file) &&
                each_file(pg, sql_dir, "functions", renew_function);
    PQfinish(pg);
    return is_ok;
}
