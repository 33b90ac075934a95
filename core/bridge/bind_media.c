/* core.media: pictures on the local disk, under <home>/media/<folder>/<name>. Names are made by us;
 * a write is to a temporary file and renamed, so a reader sees all of it or nothing. */
#include "base/conf.h"
#include "bridge/bind.h"
#include "bridge/co.h"
#include "bridge/state.h"
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_name(const char *name)
{
    return *name && name[0] != '.' && strlen(name) < 100 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name);
}

static bool media_path(lua_State *L, char *out, size_t size, bool is_made)
{
    const char *home = conf_text(bridge_deps(L)->conf, "home");
    const char *folder = luaL_checkstring(L, 1);
    const char *name = luaL_checkstring(L, 2);
    int length;

    luaL_argcheck(L, is_name(folder), 1, "lower-case letters, digits, '-', '_'");
    luaL_argcheck(L, is_name(name), 2, "lower-case letters, digits, '-', '_' and '.'");
    if (is_made) {
        snprintf(out, size, "%s/media", home);
        mkdir(out, 0755);
        snprintf(out, size, "%s/media/%s", home, folder);
        mkdir(out, 0755);
    }
    length = snprintf(out, size, "%s/media/%s/%s", home, folder, name);
    return length > 0 && (size_t)length < size - 8;
}

static bool write_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(fd, at, len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        at += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

static bool write_whole(const char *path, struct str bytes)
{
    char partial[1100];
    bool is_ok;
    int fd;

    snprintf(partial, sizeof(partial), "%s.part", path);
    fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    is_ok = write_all(fd, bytes.at, bytes.len) && fsync(fd) == 0;
    close(fd);
    is_ok = is_ok && rename(partial, path) == 0;
    if (!is_ok)
        unlink(partial);
    return is_ok;
}

/* save(folder, name, bytes) -> "/media/folder/name" | nil, err */
static int l_save(lua_State *L)
{
    char path[1024];
    struct str bytes;

    bytes.at = luaL_checklstring(L, 3, &bytes.len);
    if (!media_path(L, path, sizeof(path), true) || !write_whole(path, bytes)) {
        lua_pushnil(L);
        co_push_err(L, ERR_BUSY, "the picture could not be stored: try again later", NULL);
        return 2;
    }
    lua_pushfstring(L, "/media/%s/%s", lua_tostring(L, 1), lua_tostring(L, 2));
    return 1;
}

static int l_remove(lua_State *L)
{
    char path[1024];

    lua_pushboolean(L, media_path(L, path, sizeof(path), false) && unlink(path) == 0);
    return 1;
}

static unsigned be16(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static unsigned be32(const unsigned char *p)
{
    return be16(p) << 16 | be16(p + 2);
}

static unsigned le24(const unsigned char *p)
{
    return p[0] | (unsigned)p[1] << 8 | (unsigned)p[2] << 16;
}

struct picture {
    const char *type;
    unsigned width, height;
};

/* Walks the segments up to the frame header (ITU T.81, B.2.2). */
static struct picture sniff_jpeg(const unsigned char *p, size_t len)
{
    struct picture none = {0};

    for (size_t at = 2; at + 9 < len && p[at] == 0xFF;) {
        unsigned marker = p[at + 1];
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC)
            return (struct picture){"jpeg", be16(p + at + 7), be16(p + at + 5)};
        at += 2 + be16(p + at + 2);
    }
    return none;
}

static struct picture sniff_webp(const unsigned char *p, size_t len)
{
    struct picture none = {0};

    if (len < 30)
        return none;
    if (memcmp(p + 12, "VP8X", 4) == 0)
        return (struct picture){"webp", le24(p + 24) + 1, le24(p + 27) + 1};
    if (memcmp(p + 12, "VP8 ", 4) == 0)
        return (struct picture){"webp", (p[26] | (unsigned)p[27] << 8) & 0x3FFF,
                                (p[28] | (unsigned)p[29] << 8) & 0x3FFF};
    if (memcmp(p + 12, "VP8L", 4) == 0) {
        unsigned bits =
            p[21] | (unsigned)p[22] << 8 | (unsigned)p[23] << 16 | (unsigned)p[24] << 24;
        return (struct picture){"webp", (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1};
    }
    return none;
}

static struct picture sniff(const unsigned char *p, size_t len)
{
    struct picture none = {0};

    if (len >= 24 && memcmp(p, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16) == 0)
        return (struct picture){"png", be32(p + 16), be32(p + 20)};
    if (len >= 12 && memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0)
        return sniff_webp(p, len);
    if (len >= 4 && p[0] == 0xFF && p[1] == 0xD8 && p[2] == 0xFF)
        return sniff_jpeg(p, len);
    return none;
}

/* sniff(bytes) -> "jpeg"|"png"|"webp", width, height | nil */
static int l_sniff(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    struct picture picture = sniff((const unsigned char *)bytes, len);

    if (!picture.type || !picture.width || !picture.height) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushstring(L, picture.type);
    lua_pushnumber(L, picture.width);
    lua_pushnumber(L, picture.height);
    return 3;
}

int luaopen_core_media(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"save", l_save}, {"remove", l_remove}, {"sniff", l_sniff}, {NULL, NULL}};

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
