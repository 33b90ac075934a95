--- Every query file is one statement that PostgreSQL takes against the migrated schema.
local database = require("spec.support.database")
local shell = require("spec.support.shell")
local tree = require("spec.support.tree")

describe("sql/queries", function()
    it("hold one statement each, which PostgreSQL prepares", function()
        local db = database.own()
        local files = tree.files("%.sql$", "sql/queries")
        assert.is_true(#files > 50)
        local statements = {}
        for i, path in ipairs(files) do
            local text = shell.read(path):gsub(";%s*$", "")
            -- SET and SAVEPOINT are none that SQL's own prepare takes; the protocol's does.
            local body = text:gsub("%-%-[^\n]*\n", "")
            local is_setting = body:find("^%s*set ")
            if body:find("savepoint plugin_hook", 1, true) then
                is_setting, text = true, "begin; savepoint plugin_hook;\n" .. text .. ";\ncommit"
            end
            statements[i] = is_setting and ("%s;\nprepare q%d as select 1;"):format(text, i)
                or ("prepare q%d as\n%s;"):format(i, text)
        end
        local script = os.getenv("SOUK_HOME") .. "/prepare.sql"
        local problems = {}
        shell.write(script, table.concat(statements, "\n"))
        local psql = "/usr/lib/postgresql/15/bin/psql -X -q -A -t -d " .. shell.quote(db.url)
            .. " -f " .. shell.quote(script)
        local output, code = shell.run(psql)
        assert.equal(0, code, output)
        for line in output:gmatch("[^\n]*ERROR[^\n]*") do
            problems[#problems + 1] = line
        end
        assert.equal("", table.concat(problems, "\n") .. (#problems > 0 and output or ""))
        local prepared = shell.must(psql
            .. " -c 'select count(*) from pg_prepared_statements'")
        assert.equal(#files, tonumber(prepared:match("(%d+)%s*$")))
    end)

    it("are the only SQL: none is written in Lua", function()
        local problems = {}
        for _, path in ipairs(tree.files("%.lua$", "lua")) do
            -- The files that it writes for authors have SQL in them.
            local text = path == "lua/flows/plugin_template.lua" and "" or shell.read(path)
            if text:find("%f[%w]execute%f[%W]") or text:lower():find("[\"']select .- from ") then
                problems[#problems + 1] = path
            end
        end
        assert.equal("", table.concat(problems, "\n"))
    end)
end)
