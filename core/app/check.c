#include "app/check.h"

#include "app/shared.h"
#include "app/snapshot.h"
#include "base/buf.h"
#include "base/conf.h"
#include "bridge/state.h"
#include "crypto/token.h"
#include "db/catalog.h"
#include "loop/loop.h"
#include <stdlib.h>

bool check_generation(const struct conf *conf,
                      int64_t number,
                      const char *function,
                      struct buf *out)
{
    static _Atomic uint64_t epochs[EPOCH_COUNT];
    struct app_folders folders;
    struct bridge_deps deps = {.conf = conf, .epochs = epochs, .generation = number};
    struct bridge_source source = {.lua_dir = conf_text(conf, "lua.dir"),
                                   .plugins_dir = conf_text(conf, "plugins.dir"),
                                   .boot_dir = conf_text(conf, "lua.dir")};
    const char *sql_dir = conf_text(conf, "sql.dir");
    struct generation *generation = NULL;
    char problem[512];
    bool is_ok = false;

    if (number > 0) {
        snapshot_folders(conf, number, &folders);
        source = (struct bridge_source){
            .lua_dir = folders.lua, .plugins_dir = folders.plugins, .boot_dir = folders.lua};
        sql_dir = folders.sql;
    }
    deps.loop = loop_new();
    deps.token_key = token_key_new(STR("only to load what a generation declares"));
    deps.catalog = db_catalog_new();
    if (snapshot_load_queries(deps.catalog, sql_dir, source.plugins_dir, problem,
                              sizeof(problem))) {
        generation = generation_new(&deps, source, out);
    } else {
        buf_add_z(out, problem);
        db_catalog_free(deps.catalog);
    }
    if (generation) {
        is_ok = !function || generation_print(generation, function, out);
        generation_unref(generation);
    }
    token_key_free(deps.token_key);
    loop_free(deps.loop);
    return is_ok;
}
