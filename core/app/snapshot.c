#include "app/snapshot.h"

#include "base/buf.h"
#include "base/conf.h"
#include "db/catalog.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (4u << 20)
#define DEPTH    8
#define KEPT     3
#define FRESH_S  2

void snapshot_folders(const struct conf *conf, int64_t number, struct app_folders *out)
{
    snprintf(out->root, sizeof(out->root), "%.400s/generations/%lld", conf_text(conf, "home"),
             (long long)number);
    snprintf(out->lua, sizeof(out->lua), "%.480s/lua", out->root);
    snprintf(out->plugins, sizeof(out->plugins), "%.480s/plugins", out->root);
    snprintf(out->sql, sizeof(out->sql), "%.480s/sql", out->root);
}

static bool is_taken(const char *name)
{
    size_t length = strlen(name);

    return length > 4 &&
           (strcmp(name + length - 4, ".lua") == 0 || strcmp(name + length - 4, ".sql") == 0);
}

/* The last snapshot holds the same bytes: of a file that has not been touched since, nor so lately
 * that its time would not show it. Linking is ten times cheaper than copying. */
static bool is_linked(const char *from, const char *known, const char *to)
{
    struct stat now, then;

    return stat(from, &now) == 0 && stat(known, &then) == 0 && now.st_size == then.st_size &&
           now.st_ctim.tv_sec + FRESH_S < then.st_mtim.tv_sec && link(known, to) == 0;
}

static bool copy_file(const char *from, const char *to, char *message, size_t message_size)
{
    struct buf bytes;
    FILE *file = NULL;
    bool is_ok;

    buf_init(&bytes, FILE_MAX);
    is_ok = buf_read_file(&bytes, from);
    if (!is_ok)
        snprintf(message, message_size, "%s: cannot be read, or is larger than 4 MiB", from);
    if (is_ok)
        file = fopen(to, "we");
    if (is_ok && (!file || fwrite(bytes.at ? bytes.at : "", 1, bytes.len, file) != bytes.len)) {
        snprintf(message, message_size, "%s: %s", to, strerror(errno));
        is_ok = false;
    }
    if (file && fclose(file) != 0)
        is_ok = false;
    buf_done(&bytes);
    return is_ok;
}

/* known: the same folder in the last snapshot, or where nothing is. */
static bool copy_tree(const char *from,
                      const char *known,
                      const char *to,
                      int depth,
                      char *message,
                      size_t message_size)
{
    DIR *dir = opendir(from);
    bool is_ok = true;

    if (!dir)
        return true; /* a folder that is not there has nothing in it */
    mkdir(to, 0755);
    for (struct dirent *entry; is_ok && (entry = readdir(dir));) {
        char from_path[1024], known_path[1024], to_path[1024];
        struct stat status;
        if (entry->d_name[0] == '.' || depth == 0)
            continue;
        snprintf(from_path, sizeof(from_path), "%.700s/%s", from, entry->d_name);
        snprintf(known_path, sizeof(known_path), "%.700s/%s", known, entry->d_name);
        snprintf(to_path, sizeof(to_path), "%.700s/%s", to, entry->d_name);
        if (stat(from_path, &status) != 0)
            continue; /* an editor's file that has just gone */
        if (S_ISDIR(status.st_mode))
            is_ok = copy_tree(from_path, known_path, to_path, depth - 1, message, message_size);
        else if (is_taken(entry->d_name) && !is_linked(from_path, known_path, to_path))
            is_ok = copy_file(from_path, to_path, message, message_size);
    }
    closedir(dir);
    return is_ok;
}

static void remove_tree(const char *path, int depth)
{
    DIR *dir = depth > 0 ? opendir(path) : NULL;

    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char inner[1024];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof(inner), "%.700s/%s", path, entry->d_name);
        if (unlink(inner) != 0)
            remove_tree(inner, depth - 1);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

void snapshot_remove_old(const struct conf *conf, int64_t number, int64_t active)
{
    char generations[512];
    DIR *dir;

    snprintf(generations, sizeof(generations), "%.480s/generations", conf_text(conf, "home"));
    dir = opendir(generations);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[1024];
        int64_t old = strtoll(entry->d_name, NULL, 10);
        if (old <= 0 || old > number - KEPT || old == active)
            continue;
        snprintf(path, sizeof(path), "%.500s/%.200s", generations, entry->d_name);
        remove_tree(path, DEPTH);
    }
    if (dir)
        closedir(dir);
}

bool snapshot_take(const struct conf *conf, int64_t number, char *message, size_t message_size)
{
    struct app_folders folders, last;
    char generations[512];

    snprintf(generations, sizeof(generations), "%.480s/generations", conf_text(conf, "home"));
    mkdir(conf_text(conf, "home"), 0755);
    mkdir(generations, 0755);
    snapshot_folders(conf, number - 1, &last);
    snapshot_folders(conf, number, &folders);
    remove_tree(folders.root, DEPTH);
    if (mkdir(folders.root, 0755) != 0) {
        snprintf(message, message_size,
                 "%s: %s: make the folder that home names, and let souk write there", folders.root,
                 strerror(errno));
        return false;
    }
    return copy_tree(conf_text(conf, "lua.dir"), last.lua, folders.lua, DEPTH, message,
                     message_size) &&
           copy_tree(conf_text(conf, "plugins.dir"), last.plugins, folders.plugins, DEPTH, message,
                     message_size) &&
           copy_tree(conf_text(conf, "sql.dir"), last.sql, folders.sql, DEPTH, message,
                     message_size);
}

int64_t snapshot_latest(const struct conf *conf)
{
    char generations[512];
    int64_t latest = 0;
    DIR *dir;

    snprintf(generations, sizeof(generations), "%.480s/generations", conf_text(conf, "home"));
    dir = opendir(generations);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (strtoll(entry->d_name, NULL, 10) > latest)
            latest = strtoll(entry->d_name, NULL, 10);
    if (dir)
        closedir(dir);
    return latest;
}

bool snapshot_load_queries(struct db_catalog *catalog,
                           const char *sql_dir,
                           const char *plugins_dir,
                           char *message,
                           size_t message_size)
{
    char path[1024], prefix[300];
    DIR *dir;
    bool is_ok;

    snprintf(path, sizeof(path), "%.700s/queries", sql_dir);
    is_ok = db_catalog_load(catalog, path, "", message, message_size);
    dir = opendir(plugins_dir);
    for (struct dirent *entry; is_ok && dir && (entry = readdir(dir));) {
        snprintf(path, sizeof(path), "%.500s/%s/sql/queries", plugins_dir, entry->d_name);
        if (entry->d_name[0] == '.' || access(path, R_OK) != 0)
            continue;
        snprintf(prefix, sizeof(prefix), "plugin.%s/", entry->d_name);
        is_ok = db_catalog_load(catalog, path, prefix, message, message_size);
    }
    if (dir)
        closedir(dir);
    return is_ok;
}
