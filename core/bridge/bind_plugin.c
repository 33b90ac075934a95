/* core.plugin: the folders of plugins.dir as this generation sees them, and the node's list of
 * those that are switched on (<home>/plugins.json, written whole or not at all). What a plugin may
 * do is decided in Lua (lua/souk/plugin); here its files are read, and nothing outside its folder.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "bridge/bind.h"
#include "bridge/budget.h"
#include "bridge/co.h"
#include "bridge/co_run.h"
#include "bridge/generation.h"
#include "bridge/state.h"
#include "loop/loop.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX_BYTES (4u << 20)
#define NAME_MAX_BYTES 40

static bool is_plugin_name(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length <= NAME_MAX_BYTES && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

/* Inside the folder: no way up, no hidden file. */
static bool is_inner_path(const char *path)
{
    return *path && *path != '.' && *path != '/' && strlen(path) < 200 && !strstr(path, "..") &&
           !strstr(path, "/.") && !strstr(path, "//") &&
           strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") ==
               strlen(path);
}

static const char *plugins_dir(lua_State *L)
{
    const char *dir;

    lua_getfield(L, LUA_REGISTRYINDEX, BRIDGE_PLUGINS_DIR);
    dir = lua_tostring(L, -1);
    lua_pop(L, 1); /* the registry keeps it */
    return dir;
}

static const char *check_name(lua_State *L, int index)
{
    const char *name = luaL_checkstring(L, index);

    luaL_argcheck(L, is_plugin_name(name), index, "a plugin's name: a-z, 0-9, _, at most 40");
    return name;
}

/* Pushes the names in dir that is_wanted takes, sorted. */
static void push_names(lua_State *L, const char *dir, bool (*is_wanted)(const char *, const char *))
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, NULL, alphasort), kept = 0;

    lua_newtable(L);
    for (int i = 0; i < count; i++) {
        if (is_wanted(dir, entries[i]->d_name)) {
            lua_pushstring(L, entries[i]->d_name);
            lua_rawseti(L, -2, ++kept);
        }
        free(entries[i]);
    }
    free(entries);
}

static bool has_manifest(const char *dir, const char *name)
{
    char path[1024];

    snprintf(path, sizeof(path), "%.800s/%.60s/plugin.lua", dir, name);
    return is_plugin_name(name) && access(path, R_OK) == 0;
}

static bool is_shown(const char *dir, const char *name)
{
    (void)dir;
    return *name != '.';
}

/* folders() -> names of the folders that hold a plugin.lua, sorted */
static int l_folders(lua_State *L)
{
    push_names(L, plugins_dir(L), has_manifest);
    return 1;
}

/* list(name, folder) -> what lies in a folder of the plugin, sorted; {} where there is none */
static int l_list(lua_State *L)
{
    const char *name = check_name(L, 1);
    const char *inner = luaL_checkstring(L, 2);
    char dir[1024];

    luaL_argcheck(L, is_inner_path(inner), 2, "a path inside the plugin's folder");
    snprintf(dir, sizeof(dir), "%.600s/%s/%s", plugins_dir(L), name, inner);
    push_names(L, dir, is_shown);
    return 1;
}

/* load(name, module, env) -> function | nil, message. The chunk plugins/<name>/<module>.lua with
 * its globals in env. */
static int l_load(lua_State *L)
{
    const char *name = check_name(L, 1);
    const char *module = luaL_checkstring(L, 2);
    char file[300];

    luaL_argcheck(L, is_inner_path(module), 2, "a path inside the plugin's folder");
    luaL_checktype(L, 3, LUA_TTABLE);
    snprintf(file, sizeof(file), "%s/%s.lua", name, module);
    if (!bridge_load_file(L, plugins_dir(L), "plugins", file)) {
        lua_pushnil(L);
        lua_pushfstring(L, "plugins/%s: there is no such file", file);
        return 2;
    }
    lua_pushvalue(L, 3);
    lua_setfenv(L, -2);
    return 1;
}

static int push_file(lua_State *L, const char *path)
{
    struct buf bytes;

    buf_init(&bytes, FILE_MAX_BYTES);
    if (buf_read_file(&bytes, path))
        lua_pushlstring(L, buf_str(&bytes).at, bytes.len);
    else
        lua_pushnil(L);
    buf_done(&bytes);
    return 1;
}

/* file(name, path) -> the bytes of a file of the generation's copy (.lua, .sql) | nil */
static int l_file(lua_State *L)
{
    const char *name = check_name(L, 1);
    const char *inner = luaL_checkstring(L, 2);
    char path[1024];

    luaL_argcheck(L, is_inner_path(inner), 2, "a path inside the plugin's folder");
    snprintf(path, sizeof(path), "%.600s/%s/%s", plugins_dir(L), name, inner);
    return push_file(L, path);
}

/* static(name, path) -> the bytes of plugins.dir/<name>/static/<path> as it is now | nil */
static int l_static(lua_State *L)
{
    const char *name = check_name(L, 1);
    const char *inner = luaL_checkstring(L, 2);
    char path[1024];

    if (!is_inner_path(inner)) {
        lua_pushnil(L);
        return 1;
    }
    snprintf(path, sizeof(path), "%.600s/%s/static/%s",
             conf_text(bridge_deps(L)->conf, "plugins.dir"), name, inner);
    return push_file(L, path);
}

static void state_path(lua_State *L, char *out, size_t size, const char *suffix)
{
    snprintf(out, size, "%.900s/plugins.json%s", conf_text(bridge_deps(L)->conf, "home"), suffix);
}

/* state() -> the text of the node's list | nil */
static int l_state(lua_State *L)
{
    char path[1024];

    state_path(L, path, sizeof(path), "");
    return push_file(L, path);
}

/* save_state(text) -> true | nil, why */
static int l_save_state(lua_State *L)
{
    char path[1024], partial[1040];
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    bool is_ok;
    FILE *file;

    state_path(L, path, sizeof(path), "");
    snprintf(partial, sizeof(partial), "%s.%ld", path, (long)getpid());
    file = fopen(partial, "we");
    is_ok =
        file && fwrite(text, 1, len, file) == len && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file && fclose(file) != 0)
        is_ok = false;
    is_ok = is_ok && rename(partial, path) == 0;
    if (is_ok) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", path, strerror(errno));
    unlink(partial);
    return 2;
}

/* enter(what, ms): from here on this coroutine runs the code of a plugin, with a budget of its own
 * and at most ms to wait. */
static int l_enter(lua_State *L)
{
    const char *what = luaL_checkstring(L, 1);
    int64_t until_us = clock_monotonic_us() + (int64_t)luaL_checknumber(L, 2) * 1000;

    if (co_current())
        co_set_doing(co_current(), what, until_us);
    budget_renew(L);
    budget_plugin(L, what);
    return 0;
}

/* leave([problem]): it is our code again. What a plugin that failed has piled up is given back at
 * once, or others would run short of room. */
static int l_leave(lua_State *L)
{
    if (co_current())
        co_set_doing(co_current(), "", 0);
    budget_renew(L);
    budget_plugin_end(L);
    if (!lua_isnoneornil(L, 1))
        co_give_back(generation_of(L), L);
    return 0;
}

/* left_ms() -> how long the plugin's code may still wait | nil: there is no end */
static int l_left_ms(lua_State *L)
{
    int64_t until_us = co_current() ? co_doing_until_us(co_current()) : 0;

    if (until_us)
        lua_pushnumber(L, (double)((until_us - clock_monotonic_us()) / 1000));
    else
        lua_pushnil(L);
    return 1;
}

/* place(function) -> "plugins/x/plugin.lua:12": where it begins */
static int l_place(lua_State *L)
{
    lua_Debug ar;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_pushvalue(L, 1);
    if (lua_getinfo(L, ">S", &ar))
        lua_pushfstring(L, "%s:%d", ar.short_src, ar.linedefined);
    else
        lua_pushliteral(L, "?");
    return 1;
}

/* stuck() -> what the worker before this one was killed in | nil. Once. */
static int l_stuck(lua_State *L)
{
    char *stuck = bridge_deps(L)->stuck;

    if (!stuck || !*stuck)
        return 0;
    lua_pushstring(L, stuck);
    *stuck = 0;
    return 1;
}

struct later {
    struct generation *generation; /* a reference */
    int run_ref;
};

static void on_later_end(void *arg, lua_State *L, bool is_ok)
{
    (void)arg;
    if (!is_ok)
        log_error("lua.later.failed", "error=%s",
                  lua_tostring(L, -1) ? lua_tostring(L, -1) : "(no text)");
}

static void start_later(void *arg)
{
    struct later *later = arg;
    struct generation *generation = later->generation;
    struct co *co = co_new(generation, on_later_end, NULL);

    lua_rawgeti(co_lua(co), LUA_REGISTRYINDEX, later->run_ref);
    luaL_unref(co_lua(co), LUA_REGISTRYINDEX, later->run_ref);
    free(later);
    co_start(co, 0);
    generation_unref(generation);
}

/* later(f): f runs in a coroutine of its own, for which the generation stays even when it serves no
 * more. */
static int l_later(lua_State *L)
{
    struct generation *generation = generation_of(L);
    struct later *later;
    int run_ref;

    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    run_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    later = malloc(sizeof(*later));
    if (!later)
        abort();
    *later = (struct later){generation, run_ref};
    generation_ref(generation);
    loop_defer(generation->deps.loop, start_later, later);
    return 0;
}

int luaopen_core_plugin(lua_State *L)
{
    static const luaL_Reg functions[] = {{"folders", l_folders},
                                         {"list", l_list},
                                         {"load", l_load},
                                         {"file", l_file},
                                         {"static", l_static},
                                         {"state", l_state},
                                         {"save_state", l_save_state},
                                         {"enter", l_enter},
                                         {"leave", l_leave},
                                         {"left_ms", l_left_ms},
                                         {"place", l_place},
                                         {"stuck", l_stuck},
                                         {"later", l_later},
                                         {NULL, NULL}};

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
