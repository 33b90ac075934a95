/* What a Lua state of ours may see: Lua's own libraries less what reaches the machine, and core.*.
 * One table of modules; each is made on first require. */
#include "base/buf.h"
#include "bridge/bind.h"
#include "bridge/generation.h"
#include "bridge/json.h"
#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#define LUA_FILE_MAX (4u << 20)

static const luaL_Reg modules[] = {
    {"core.json", luaopen_core_json},
    {"core.err", luaopen_core_err},
    {"core.db", luaopen_core_db},
    {"core.crypto", luaopen_core_crypto},
    {"core.fetch", luaopen_core_fetch},
    {"core.stripe", luaopen_core_stripe},
    {"core.geo", luaopen_core_geo},
    {"core.stock", luaopen_core_stock},
    {"core.shared", luaopen_core_shared},
    {"core.log", luaopen_core_log},
    {"core.clock", luaopen_core_clock},
    {"core.sleep", luaopen_core_sleep},
    {"core.conf", luaopen_core_conf},
    {"core.metric", luaopen_core_metric},
    {"core.media", luaopen_core_media},
    {"core.parallel", luaopen_core_parallel},
    {"core.info", luaopen_core_info},
    {"core.policy", luaopen_core_policy},
    {"core.plugin", luaopen_core_plugin},
    {"core.state_file", luaopen_core_state_file},
    {"core.reload", luaopen_core_reload},
    {"core.crash", luaopen_core_crash},
    {NULL, NULL},
};

/* A name may not climb out of the folders: letters, digits, '_', '-' and '.' between them. */
static bool is_module_name(const char *name)
{
    return *name &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
               strlen(name) &&
           !strstr(name, "..");
}

/* Loads a file as text only, for bytecode can crash the VM; chunk names are relative
 * ("lua/routes/cart.lua"), whichever snapshot the file lies in. False: the file cannot be read,
 * nothing pushed. */
bool bridge_load_file(lua_State *L, const char *dir, const char *shown_dir, const char *file)
{
    char path[1024];
    char chunk[256];
    struct buf text;
    int status;

    snprintf(path, sizeof(path), "%s/%s", dir, file);
    snprintf(chunk, sizeof(chunk), "@%s/%s", shown_dir, file);
    buf_init(&text, LUA_FILE_MAX);
    if (!buf_read_file(&text, path)) {
        buf_done(&text);
        return false;
    }
    if (text.len && *text.at == LUA_SIGNATURE[0]) {
        buf_done(&text);
        lua_pushfstring(L, "%s: is bytecode; only text is loaded", chunk + 1);
        lua_error(L);
    }
    status = luaL_loadbufferx(L, text.at ? text.at : "", text.len, chunk, "t");
    buf_done(&text);
    if (status != 0)
        lua_error(L);
    return true;
}

/* Loader: lua/<name>.lua, then plugins/<name>.lua. */
static int l_load_text(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const char *file;

    if (!is_module_name(name)) {
        lua_pushfstring(L, "\n\t'%s' is not a module name", name);
        return 1;
    }
    lua_pushfstring(L, "%s.lua", luaL_gsub(L, name, ".", "/"));
    file = lua_tostring(L, -1);
    if (bridge_load_file(L, lua_tostring(L, lua_upvalueindex(1)), "lua", file) ||
        bridge_load_file(L, lua_tostring(L, lua_upvalueindex(2)), "plugins", file))
        return 1;
    lua_pushfstring(L, "\n\tno file '%s' in lua/ or plugins/", file);
    return 1;
}

static void set_loaders(lua_State *L, struct bridge_source source)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "loaders");
    lua_pushstring(L, source.lua_dir);
    lua_pushstring(L, source.plugins_dir);
    lua_pushcclosure(L, l_load_text, 2);
    if (source.is_open) {
        lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
    } else {
        lua_rawseti(L, -2, 2);
        for (int i = (int)lua_objlen(L, -1); i > 2; i--) {
            lua_pushnil(L);
            lua_rawseti(L, -2, i);
        }
    }
    lua_pop(L, 2);
}

static int l_no_global(lua_State *L)
{
    return luaL_error(L, "global '%s' written: make it local", lua_tostring(L, 2));
}

static void remove_fields(lua_State *L, const char *library, const char *const *names)
{
    lua_getglobal(L, library);
    for (; *names; names++) {
        lua_pushnil(L);
        lua_setfield(L, -2, *names);
    }
    lua_pop(L, 1);
}

static void close_doors(lua_State *L)
{
    static const char *const globals[] = {
        "io",        "os",       "debug",    "package", "ffi",        "jit",
        "coroutine", "dofile",   "loadfile", "load",    "loadstring", "collectgarbage",
        "xpcall",    "newproxy", "getfenv",  "setfenv", "module",     "print",
        NULL,
    };
    static const char *const from_string[] = {"dump", NULL};

    remove_fields(L, "_G", globals);
    remove_fields(L, "string", from_string);
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, l_no_global);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
    /* The metatable of strings is one for the whole state. */
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

void bridge_open_libraries(lua_State *L, struct bridge_source source)
{
    luaL_openlibs(L);
    /* Off until this generation serves: LuaJIT's profiler, which guards the JIT, is one a process.
     */
    if (!source.is_open)
        luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    lua_pushstring(L, source.plugins_dir);
    lua_setfield(L, LUA_REGISTRYINDEX, BRIDGE_PLUGINS_DIR);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    luaL_setfuncs(L, modules, 0);
    lua_pop(L, 2);
    /* C itself makes values with the marks of core.json. */
    lua_getglobal(L, "require");
    lua_pushliteral(L, "core.json");
    lua_call(L, 1, 0);
    set_loaders(L, source);
    if (!source.is_open) {
        /* Modules that reach the machine must not come back through require. */
        static const char *const hidden[] = {"io",       "os",          "debug",     "package",
                                             "ffi",      "jit",         "coroutine", "jit.opt",
                                             "jit.util", "jit.profile", NULL};
        lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
        for (const char *const *name = hidden; *name; name++) {
            lua_pushnil(L);
            lua_setfield(L, -2, *name);
        }
        lua_pop(L, 1);
        lua_getglobal(L, "package");
        lua_getfield(L, -1, "preload");
        lua_pushnil(L);
        lua_setfield(L, -2, "ffi");
        lua_pop(L, 2);
        close_doors(L);
    }
}
