/* See policy.h. */
#include "bridge/policy.h"

#include "base/conf.h"
#include "bridge/bind.h"
#include "bridge/generation.h"
#include "bridge/policy_vm.h"
#include "bridge/state.h"
#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define POLICIES_MAX 16
#define VERSIONS_MAX 32
#define SOURCE_MAX   (256u << 10)
#define MESSAGE_MAX  4000
#define STEPS_MAX    (128u << 10)
#define FRESH_S      3

struct policy_set {
    struct policy_vm *on_disk[POLICIES_MAX];
    int count;
    struct policy_vm *versions[VERSIONS_MAX]; /* a ring: the oldest gives way */
    int version_next;
};

static struct policy_vm *load_file(const char *dir, const char *file, struct buf *message)
{
    char path[1024], name[64];
    struct policy_vm *vm = NULL;
    struct buf text;

    snprintf(name, sizeof(name), "%.*s", (int)(strlen(file) - 4), file);
    snprintf(path, sizeof(path), "%s/%s", dir, file);
    buf_init(&text, SOURCE_MAX);
    if (buf_read_file(&text, path))
        vm = policy_vm_new(name, buf_str(&text), message);
    else
        buf_printf(message, "policy %s: %s cannot be read", name, path);
    buf_done(&text);
    return vm;
}

static bool is_policy_file(const char *file)
{
    size_t length = strlen(file);

    return length > 4 && *file != '.' && strcmp(file + length - 4, ".lua") == 0;
}

bool policy_set_load(struct policy_set **out, const char *lua_dir, struct buf *message)
{
    struct policy_set *set = calloc(1, sizeof(*set));
    char dir[1024];
    DIR *folder;
    bool is_ok = true;

    if (!set)
        abort();
    snprintf(dir, sizeof(dir), "%s/policies", lua_dir);
    folder = opendir(dir);
    for (struct dirent *entry; is_ok && folder && (entry = readdir(folder));) {
        if (!is_policy_file(entry->d_name) || set->count == POLICIES_MAX)
            continue;
        set->on_disk[set->count] = load_file(dir, entry->d_name, message);
        is_ok = set->on_disk[set->count] != NULL;
        set->count += is_ok;
    }
    if (folder)
        closedir(folder);
    if (is_ok)
        *out = set;
    else
        policy_set_free(set);
    return is_ok;
}

void policy_set_free(struct policy_set *set)
{
    if (!set)
        return;
    for (int i = 0; i < set->count; i++)
        policy_vm_free(set->on_disk[i]);
    for (int i = 0; i < VERSIONS_MAX; i++)
        policy_vm_free(set->versions[i]);
    free(set);
}

static struct policy_vm *
find_in(struct policy_vm *const *vms, int count, const char *name, const char *version)
{
    for (int i = 0; i < count; i++)
        if (vms[i] && strcmp(policy_vm_name(vms[i]), name) == 0 &&
            (!version || strcmp(policy_vm_version(vms[i]), version) == 0))
            return vms[i];
    return NULL;
}

/* version NULL: the text on disk. */
static struct policy_vm *find(lua_State *L, const char *name, const char *version)
{
    struct policy_set *set = generation_of(L)->policies;
    struct policy_vm *vm = set ? find_in(set->on_disk, set->count, name, version) : NULL;

    if (!vm && set && version)
        vm = find_in(set->versions, VERSIONS_MAX, name, version);
    return vm;
}

static struct policy_vm *require(lua_State *L, const char *name, const char *version)
{
    struct policy_vm *vm = find(L, name, version);

    if (!vm)
        luaL_error(L, "policy '%s' %s is not loaded", name, version ? version : "on disk");
    return vm;
}

/* The text at index 2 as a policy named at index 1; NULL pushes why not. */
static struct policy_vm *load_text(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    struct str source;
    struct policy_vm *vm;
    struct buf message;

    source.at = luaL_checklstring(L, 2, &source.len);
    buf_init(&message, MESSAGE_MAX);
    vm = policy_vm_new(name, source, &message);
    if (!vm)
        lua_pushlstring(L, message.at ? message.at : "", message.len);
    buf_done(&message);
    return vm;
}

/* load(name, source) -> version | nil, why: keeps the text beside the one on disk, for evaluate. */
static int l_load(lua_State *L)
{
    struct policy_set *set = generation_of(L)->policies;
    struct policy_vm *vm = load_text(L), *known;

    if (!vm) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    known = find(L, policy_vm_name(vm), policy_vm_version(vm));
    if (known) {
        policy_vm_free(vm);
        vm = known;
    } else {
        policy_vm_free(set->versions[set->version_next]);
        set->versions[set->version_next] = vm;
        set->version_next = (set->version_next + 1) % VERSIONS_MAX;
    }
    lua_pushstring(L, policy_vm_version(vm));
    return 1;
}

/* is_loaded(name, version) -> boolean */
static int l_is_loaded(lua_State *L)
{
    lua_pushboolean(L, find(L, luaL_checkstring(L, 1), luaL_checkstring(L, 2)) != NULL);
    return 1;
}

/* evaluate(name, input [, version]) -> result, version, is_constant | nil, why. Without a version,
 * the text on disk. The result is plain data, checked by the caller; constant: any other input
 * gives the same. */
static int l_evaluate(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    struct policy_vm *vm = require(L, name, luaL_optstring(L, 3, NULL));

    luaL_checktype(L, 2, LUA_TTABLE);
    if (policy_vm_evaluate(vm, L, 2, NULL)) {
        lua_pushstring(L, policy_vm_version(vm));
        lua_pushboolean(L, policy_vm_is_constant(vm));
        return 3;
    }
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
}

/* explain(name, input, version) -> result, steps as JSON text | nil, why, steps */
static int l_explain(lua_State *L)
{
    struct policy_vm *vm = require(L, luaL_checkstring(L, 1), luaL_checkstring(L, 3));
    struct buf steps;
    bool is_ok;

    luaL_checktype(L, 2, LUA_TTABLE);
    buf_init(&steps, STEPS_MAX);
    is_ok = policy_vm_evaluate(vm, L, 2, &steps);
    if (!is_ok) {
        lua_pushnil(L);
        lua_insert(L, -2);
    }
    lua_pushlstring(L, buf_str(&steps).at, steps.len);
    buf_done(&steps);
    return is_ok ? 2 : 3;
}

/* check(name, source) -> version | nil, why: loads the text aside, runs its examples, and drops it.
 */
static int l_check(lua_State *L)
{
    struct policy_vm *vm = load_text(L);

    if (!vm) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    lua_pushstring(L, policy_vm_version(vm));
    policy_vm_free(vm);
    return 1;
}

static void live_path(lua_State *L, char *path, size_t size)
{
    const char *name = luaL_checkstring(L, 1);

    luaL_argcheck(L, strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name), 1, "a name");
    snprintf(path, size, "%.700s/policies/%.60s.lua", conf_text(bridge_deps(L)->conf, "lua.dir"),
             name);
}

/* stamp(name) -> a text that is another one when the file has changed; nil while it is so fresh
 * that it may change once more without its time showing it. */
static int l_stamp(lua_State *L)
{
    char path[1024];
    struct stat status;

    live_path(L, path, sizeof(path));
    if (stat(path, &status) != 0 || time(NULL) - status.st_ctim.tv_sec < FRESH_S)
        return 0;
    lua_pushfstring(L, "%f.%f.%f.%f", (double)status.st_ino, (double)status.st_size,
                    (double)status.st_ctim.tv_sec, (double)status.st_ctim.tv_nsec);
    return 1;
}

/* file(name) -> the text of lua.dir/policies/<name>.lua as it is now, which a generation has not
 * necessarily loaded; nil when it cannot be read. */
static int l_file(lua_State *L)
{
    char path[1024];
    struct buf text;

    live_path(L, path, sizeof(path));
    buf_init(&text, SOURCE_MAX);
    if (buf_read_file(&text, path))
        lua_pushlstring(L, buf_str(&text).at, text.len);
    else
        lua_pushnil(L);
    buf_done(&text);
    return 1;
}

/* names() -> the policies on disk, sorted. */
static int l_names(lua_State *L)
{
    struct policy_set *set = generation_of(L)->policies;

    lua_getglobal(L, "table");
    lua_getfield(L, -1, "sort");
    lua_newtable(L);
    for (int i = 0; set && i < set->count; i++) {
        lua_pushstring(L, policy_vm_name(set->on_disk[i]));
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushvalue(L, -1);
    lua_insert(L, -3);
    lua_call(L, 1, 0);
    return 1;
}

/* version(name) -> SHA-256 of the text on disk, hex. */
static int l_version(lua_State *L)
{
    lua_pushstring(L, policy_vm_version(require(L, luaL_checkstring(L, 1), NULL)));
    return 1;
}

/* place(name, version) -> "lua/policies/fee.lua:10": where its evaluate begins */
static int l_place(lua_State *L)
{
    struct policy_vm *vm = require(L, luaL_checkstring(L, 1), luaL_checkstring(L, 2));

    lua_pushfstring(L, "lua/policies/%s.lua:%d", policy_vm_name(vm), policy_vm_line(vm));
    return 1;
}

int luaopen_core_policy(lua_State *L)
{
    static const luaL_Reg functions[] = {{"evaluate", l_evaluate},
                                         {"explain", l_explain},
                                         {"load", l_load},
                                         {"is_loaded", l_is_loaded},
                                         {"file", l_file},
                                         {"names", l_names},
                                         {"version", l_version},
                                         {"check", l_check},
                                         {"place", l_place},
                                         {"stamp", l_stamp},
                                         {NULL, NULL}};

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
