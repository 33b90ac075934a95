local plugin_folder = require("spec.support.plugin_folder")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local THING = "create table things (id integer primary key);\n"

--- What each route of the plugin counts.
local TABLES = {
    own = "plugin_reader.things", granted = "products", users = "users", payments = "payments",
    ops = "stripe_ops", plugins = "plugins",
    version = "(select pg_catalog.version()) as v, plugin_reader.things",
}

local function reader()
    local routes, files = {}, { ["sql/migrations/0001_create_things.sql"] = THING }
    for name, counted in pairs(TABLES) do
        routes[#routes + 1] = ([[{
            id = "reader.%s", method = "GET", path = "/api/plugins/reader/%s",
            summary = "Counts", roles = false,
            answers = { [200] = s.object({ n = s.integer() }) },
            errors = { "conflict" },
            handler = function() return db.one("thing/%s") end,
        }]]):format(name, name, name)
        files["sql/queries/thing/" .. name .. ".sql"] = "select count(*) as n from " .. counted
            .. ";\n"
    end
    files["plugin.lua"] = plugin_folder.manifest("reader", [[
        needs = { "db", "db:read:products" }, routes = { ]] .. table.concat(routes, ", ") .. " },")
    return files
end

describe("A plugin in the database", function()
    local w, folder

    setup(function()
        folder = plugin_folder.write({ reader = reader() })
        w = world.start({ set = { ["plugins.dir"] = folder }, plugins = { "reader" } })
        -- Failures count since then: so many of one plugin do not switch it off.
        w.db:query("update plugins set updated_at = now() + interval '1 hour'")
    end)

    teardown(function()
        w:stop()
    end)

    local function count(name)
        return w:request("GET", "/api/plugins/reader/" .. name)
    end

    --- What a command says that refuses, with this text in a file of the plugin; the file is as it
    --- was afterwards.
    local function refusal(command, file, text)
        local path = folder .. "/reader/" .. file
        local before = shell.read(path)
        shell.write(path, text)
        local is_ok, problem = pcall(w.server.command, w.server, command)
        if before then
            shell.write(path, before)
        else
            os.remove(path)
        end
        assert.is_false(is_ok, text)
        return problem
    end

    it("reaches its own tables", function()
        local answer = count("own")
        assert.same({ 200, 0 }, { answer.status, answer.json.n })
    end)

    it("reaches what it was granted", function()
        assert.equal(200, count("granted").status)
    end)

    for _, name in ipairs({ "users", "payments", "ops", "plugins" }) do
        it("reaches no other table: " .. name, function()
            assert.equal(500, count(name).status)
            w.server:logged("permission denied for table " .. TABLES[name], true)
        end)
    end

    it("cannot leave its role", function()
        assert.equal(200, count("version").status)
        for _, text in ipairs({
            "select set_config('role', 'none', true);", "reset role;", "set role none;",
            "select 1; select 2;", "copy plugin_reader.things to program 'id';",
        }) do
            assert.matches("plugins/reader/sql/queries/thing/own.sql",
                refusal("plugin check reader", "sql/queries/thing/own.sql", text), 1, true)
        end
    end)

    it("may not change a migration that was applied", function()
        assert.matches("was changed after it was applied", refusal("plugin enable reader",
            "sql/migrations/0001_create_things.sql", THING .. "-- more\n"), 1, true)
    end)

    it("makes tables in its migrations, and nothing that would act for it", function()
        for _, text in ipairs({
            "create function f() returns int language sql as 'select 1';", "reset role;",
            "grant select on users to public;", "do $x$ begin end $x$;",
        }) do
            assert.matches("0002_more.sql",
                refusal("plugin enable reader", "sql/migrations/0002_more.sql", text), 1, true)
        end
    end)
end)
