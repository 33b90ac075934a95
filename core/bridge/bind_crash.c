/* core.crash(label): a crash point (base/crash.h). Does nothing unless env is test and a spec has
 * asked for this label; then it does not return. An unknown label is an error. */
#include "base/conf.h"
#include "base/crash.h"
#include "base/log.h"
#include "bridge/bind.h"
#include "bridge/state.h"
#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int l_crash(lua_State *L)
{
    const struct bridge_deps *deps = bridge_deps(L);
    const char *label = luaL_checkstring(L, 1);
    enum crash_scope scope;

    if (strcmp(conf_text(deps->conf, "env"), "test") != 0)
        return 0;
    if (!crash_is_known(label))
        return luaL_error(L, "crash point '%s' is not in core/base/crash.def", label);
    scope = crash_at(conf_text(deps->conf, "home"), label);
    if (scope == CRASH_NONE)
        return 0;
    log_error("crash.point", "label=%s", label);
    if (scope == CRASH_SERVER && deps->kill_server)
        deps->kill_server();
    kill(getpid(), SIGKILL);
    return 0;
}

int luaopen_core_crash(lua_State *L)
{
    lua_pushcfunction(L, l_crash);
    return 1;
}
