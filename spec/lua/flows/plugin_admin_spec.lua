local plugin_folder = require("spec.support.plugin_folder")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local THING = "create table things (id integer primary key);\n"

local function reader(table_name)
    return {
        ["plugin.lua"] = plugin_folder.manifest("reader", [[
            needs = { "db", "db:read:products" },
            routes = { {
                id = "reader.count", method = "GET", path = "/api/plugins/reader/count",
                summary = "Counts", roles = false,
                answers = { [200] = s.object({ n = s.integer() }) },
                errors = { "conflict" },
                handler = function() return db.one("thing/count") end,
            } },
        ]]),
        ["sql/migrations/0001_create_things.sql"] = THING,
        ["sql/queries/thing/count.sql"] = "select count(*) as n from " .. table_name .. ";\n",
    }
end

describe("A plugin in the database", function()
    local w, folder

    after_each(function()
        if w then
            w:stop()
        end
        w = nil
    end)

    local function start(files)
        folder = plugin_folder.write({ reader = files })
        w = world.start({ set = { ["plugins.dir"] = folder }, plugins = { "reader" } })
        return w:request("GET", "/api/plugins/reader/count")
    end

    it("reaches its own tables", function()
        local answer = start(reader("plugin_reader.things"))
        assert.same({ 200, 0 }, { answer.status, answer.json.n })
    end)

    it("reaches what it was granted", function()
        assert.equal(200, start(reader("products")).status)
    end)

    it("reaches no other table", function()
        for _, name in ipairs({ "users", "payments", "stripe_ops", "plugins" }) do
            assert.equal(500, start(reader(name)).status, name)
            assert.matches("permission denied", w.server:log(), 1, true)
            w:stop()
            w = nil
        end
    end)

    it("cannot leave its role", function()
        local answer = start(reader("(select pg_catalog.version()) as v, plugin_reader.things"))
        assert.equal(200, answer.status)
        for _, text in ipairs({
            "select set_config('role', 'none', true);", "reset role;", "set role none;",
            "select 1; select 2;", "copy plugin_reader.things to program 'id';",
        }) do
            shell.write(folder .. "/reader/sql/queries/thing/count.sql", text)
            local is_ok, problem = pcall(w.server.command, w.server, "plugin check reader")
            assert.is_false(is_ok, text)
            assert.matches("plugins/reader/sql/queries/thing/count.sql", problem, 1, true)
        end
    end)

    it("may not change a migration that was applied", function()
        start(reader("products"))
        shell.write(folder .. "/reader/sql/migrations/0001_create_things.sql", THING .. "-- more\n")
        local is_ok, problem = pcall(w.server.command, w.server, "plugin enable reader")
        assert.is_false(is_ok)
        assert.matches("was changed after it was applied", problem, 1, true)
    end)

    it("makes tables in its migrations, and nothing that would act for it", function()
        start(reader("products"))
        for _, text in ipairs({
            "create function f() returns int language sql as 'select 1';", "reset role;",
            "grant select on users to public;", "do $x$ begin end $x$;",
        }) do
            shell.write(folder .. "/reader/sql/migrations/0002_more.sql", text)
            local is_ok, problem = pcall(w.server.command, w.server, "plugin enable reader")
            assert.is_false(is_ok, text)
            assert.matches("0002_more.sql", problem, 1, true)
        end
    end)
end)
