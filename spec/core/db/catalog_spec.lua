local db = require("core.db")
local lab = require("spec.core.db.lab")
local shell = require("spec.support.shell")

describe("query files", function()
    local dir

    local function write(name, text)
        shell.must("mkdir -p " .. dir .. "/" .. name:match("^(.*)/"))
        shell.write(dir .. "/" .. name, text)
    end

    before_each(function()
        dir = shell.must("mktemp -d"):gsub("\n", "")
    end)
    after_each(function()
        shell.must("rm -rf " .. dir)
    end)

    it("are statements by path, without .sql; other files are not read", function()
        write("noun/verb.sql", "select 1 as n;\n")
        write("deep/er/still.sql", "-- a comment with $9\nselect $1::int as n\n")
        write("noun/README.md", "not SQL")
        write("noun/.hidden.sql", "not SQL")
        assert.is_true((db.spec.load(dir)))
        assert.equal(1, db.one("noun/verb").n)
        assert.equal(5, db.one("deep/er/still", 5).n)
        assert.has_error(function() db.one("noun/.hidden") end)
        assert.has_error(function() db.one("noun/README") end)
    end)

    it("take effect again when their text changed, on connections that know the old one", function()
        write("noun/changing.sql", "select 1 as n")
        assert.is_true((db.spec.load(dir)))
        lab.together(20, function() assert.equal(1, db.one("noun/changing").n) end)
        write("noun/changing.sql", "select 2 as n, $1::text as t")
        assert.is_true((db.spec.load(dir)))
        lab.together(20, function()
            assert.same({ n = 2, t = "x" }, db.one("noun/changing", "x"))
        end)
        write("noun/changing.sql", "select 1 as n")
        assert.is_true((db.spec.load(dir)))
        lab.together(20, function() assert.equal(1, db.one("noun/changing").n) end)
    end)

    it("may be replaced while statements of the old text run", function()
        write("noun/slow.sql", "select pg_sleep(0.1), 1 as n")
        assert.is_true((db.spec.load(dir)))
        local rows = lab.together(2, function(part)
            if part == 1 then
                return db.one("noun/slow").n
            end
            write("noun/slow.sql", "select 2 as n")
            assert.is_true((db.spec.load(dir)))
            return db.one("noun/slow").n
        end)
        assert.same({ 1, 2 }, rows)
    end)

    it("are prepared once a connection, whoever asks for the same text", function()
        lab.connect({ readers = 1, writers = 1 })
        write("noun/one.sql", "select 41 as n")
        write("noun/two.sql", "select 41 as n")
        assert.is_true((db.spec.load(dir)))
        for _ = 1, 5 do
            db.one("noun/one")
            db.one("noun/two")
        end
        local prepared = lab.one([[select count(*) as n from pg_prepared_statements
            where statement = 'select 41 as n']])
        assert.equal(1, prepared.n)
        lab.disconnect()
    end)

    local refused = {
        { "an empty one", "", "holds no statement" },
        { "one of blanks", " \n;\n", "holds no statement" },
        { "one that is too large", ("x"):rep(70000), "cannot be read, or is larger than 64 KiB" },
    }
    for _, case in ipairs(refused) do
        it("are refused by name: " .. case[1], function()
            write("noun/bad.sql", case[2])
            local is_loaded, message = db.spec.load(dir)
            assert.is_nil(is_loaded)
            assert.equal(dir .. "/noun/bad.sql: " .. case[3], message)
        end)
    end

    it("are refused when their folder is not there", function()
        local is_loaded, message = db.spec.load(dir .. "/none")
        assert.is_nil(is_loaded)
        assert.equal(dir .. "/none: No such file or directory", message)
    end)
end)
