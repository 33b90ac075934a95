/* core.state_file: the one file in which the Stripe emulator keeps what it was told
 * (emulator.state_file; relative to home). Lines, only ever appended; Lua names no path. Nothing is
 * synced: it is there after the process was killed, not after the power was cut. */
#include "base/conf.h"
#include "bridge/bind.h"
#include "bridge/state.h"
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_TYPE "core.state_file"

struct state_file {
    char path[1024];
    char new_path[1040];
    FILE *in;   /* what is read at the start, NULL when there is nothing (more) */
    char *line; /* getline's, room bytes */
    size_t room;
    int fd; /* what is appended to, -1 before renew */
};

static void stop_reading(struct state_file *file)
{
    if (file->in)
        (void)fclose(file->in);
    free(file->line);
    file->in = NULL;
    file->line = NULL;
    file->room = 0;
}

static struct state_file *check_file(lua_State *L)
{
    return luaL_checkudata(L, 1, FILE_TYPE);
}

/* file:read() -> the next whole line without its end, or nil. A line that a crash has cut off has
 * no end: it was never written as far as anybody was told. */
static int l_read(lua_State *L)
{
    struct state_file *file = check_file(L);
    ssize_t len = file->in ? getline(&file->line, &file->room, file->in) : -1;

    if (len < 1 || file->line[len - 1] != '\n') {
        stop_reading(file);
        lua_pushnil(L);
        return 1;
    }
    lua_pushlstring(L, file->line, (size_t)len - 1);
    return 1;
}

static int fail(lua_State *L, const char *what)
{
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", what, strerror(errno));
    return 2;
}

/* file:renew() -> true | nil, why. From here on append writes a file beside the old one. */
static int l_renew(lua_State *L)
{
    struct state_file *file = check_file(L);

    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = open(file->new_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (file->fd < 0)
        return fail(L, file->new_path);
    lua_pushboolean(L, 1);
    return 1;
}

/* file:replace() -> true | nil, why. The renewed file takes the old one's place. */
static int l_replace(lua_State *L)
{
    struct state_file *file = check_file(L);

    if (rename(file->new_path, file->path) != 0)
        return fail(L, file->path);
    lua_pushboolean(L, 1);
    return 1;
}

/* file:append(text) -> true | nil, why. Once it has returned, a kill of the process loses none. */
static int l_append(lua_State *L)
{
    struct state_file *file = check_file(L);
    size_t len;
    const char *at = luaL_checklstring(L, 2, &len);

    while (len > 0) {
        ssize_t wrote = write(file->fd, at, len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return fail(L, file->path);
        at += wrote;
        len -= (size_t)wrote;
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int l_close(lua_State *L)
{
    struct state_file *file = check_file(L);

    stop_reading(file);
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
    return 0;
}

/* open() -> a file, or nil when no path is configured. */
static int l_open(lua_State *L)
{
    const struct conf *conf = bridge_deps(L)->conf;
    const char *name = conf_text(conf, "emulator.state_file");
    bool is_absolute = name[0] == '/';
    struct state_file *file;

    if (!*name) {
        lua_pushnil(L);
        return 1;
    }
    file = lua_newuserdata(L, sizeof(*file));
    *file = (struct state_file){.fd = -1};
    luaL_getmetatable(L, FILE_TYPE);
    lua_setmetatable(L, -2);
    snprintf(file->path, sizeof(file->path), "%s%s%s", is_absolute ? "" : conf_text(conf, "home"),
             is_absolute ? "" : "/", name);
    snprintf(file->new_path, sizeof(file->new_path), "%s.new", file->path);
    file->in = fopen(file->path, "re");
    return 1;
}

int luaopen_core_state_file(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"read", l_read},     {"renew", l_renew}, {"replace", l_replace},
        {"append", l_append}, {"close", l_close}, {NULL, NULL},
    };

    luaL_newmetatable(L, FILE_TYPE);
    lua_pushcfunction(L, l_close);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushcfunction(L, l_open);
    lua_setfield(L, -2, "open");
    return 1;
}
