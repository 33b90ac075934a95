--- plugins/README.md, followed literally in a copy of souk, and what a newcomer has then.
local database = require("spec.support.database")
local manifest = require("souk.plugin.manifest")
local plugin_folder = require("spec.support.plugin_folder")
local shell = require("spec.support.shell")
local tree = require("spec.support.tree")
local world = require("spec.support.world")

local LINES_MAX = 60
local PATH = "/api/plugins/guestbook/entries"
local README = assert(shell.read("plugins/README.md"))

--- The front door of the copy: the same words, for the binary and the place of this spec run.
local FRONT_DOOR = [[
#!/bin/sh
set -eu
cd "$(dirname "$0")"
command=$1; shift
case $command in
    test)
        export SOUK_HOME=%s DATABASE_URL=%s
        exec %s spec --conf conf/test.conf "$(find "$@" -name '*_spec.lua')" ;;
    *)
        export SOUK_HOME=%s DATABASE_URL=%s
        exec %s "$command" "$@" --conf conf/test.conf ;;
esac
]]

local function blocks()
    local list = {}
    for block in README:gmatch("```sh\n(.-)```") do
        list[#list + 1] = block
    end
    return list
end

--- What souk is made of, in a folder that the README may write in.
local function copy_of_souk()
    local folder = os.getenv("SOUK_HOME") .. "/souk"
    shell.must(("mkdir %s && cp -r conf lua sql plugins %s && mkdir %s/spec && "
        .. "cp -r spec/support spec/souk_spec.lua %s/spec")
        :format(folder, folder, folder, folder))
    return folder
end

local function add_front_door(folder, w)
    local binary = shell.must("realpath " .. w.server.binary):gsub("%s+$", "")
    local inner = folder .. "/home"
    shell.must("mkdir " .. inner)
    local quoted = {}
    for i, word in ipairs({
        inner, database.fresh().url, binary, w.server.home, w.db.url, binary,
    }) do
        quoted[i] = shell.quote(word)
    end
    shell.write(folder .. "/souk", FRONT_DOOR:format(unpack(quoted)))
    shell.must("chmod +x " .. folder .. "/souk")
end

--- Each type that SQL or Lua emits, as far as it is written out there ("payout.").
local function emitted()
    local found = {}
    for _, path in ipairs(tree.files("%.sql$", "sql/functions")) do
        for name in shell.read(path):gmatch("event_emit%(%s*'([%l_.]+)'") do
            found[name] = path
        end
    end
    for _, path in ipairs(tree.files("%.lua$", "lua/routes lua/flows")) do
        for name in shell.read(path):gmatch('events%.entry%("([%l_.]+)"') do
            found[name] = path
        end
    end
    return found
end

local TELLER = [[
    needs = { "hook:checkout.price", "hook:checkout.check", "hook:order.created" },
    hooks = {
        ["checkout.price"] = function(value)
            require("souk.log").info("told", { point = "checkout.price", value = value })
            return { discounts = { { name = "gift", amount = 1, bearer = "PLATFORM" } } }
        end,
        ["checkout.check"] = function(value)
            require("souk.log").info("told", { point = "checkout.check", value = value })
        end,
        ["order.created"] = function(value)
            require("souk.log").info("told", { point = "order.created", value = value })
        end,
    },
]]

--- The names of fields in JSON or in a table of the README, sorted.
local function names_in(text, pattern)
    local known, names = {}, {}
    for name in text:gmatch(pattern) do
        names[#names + 1] = not known[name] and name or nil
        known[name] = true
    end
    table.sort(names)
    return table.concat(names, " ")
end

describe("plugins/README.md", function()
    local w, folder, output

    setup(function()
        folder = copy_of_souk()
        w = world.start({ set = { ["plugins.dir"] = folder .. "/plugins" } })
        shell.must("/usr/lib/postgresql/15/bin/psql -X -q -1 -v ON_ERROR_STOP=1 -d "
            .. shell.quote(w.db.url) .. " -f sql/seeds/demo.sql")
        add_front_door(folder, w)
        local text = table.concat(blocks(), "\n")
        local replaced
        text, replaced = text:gsub("localhost:3001", "127.0.0.1:" .. w.port)
        assert.equal(3, replaced)
        shell.write(folder .. "/follow.sh", text)
        output = shell.must(("cd %s && timeout 200 sh -e follow.sh"):format(shell.quote(folder)))
    end)

    teardown(function()
        w:stop()
    end)

    it("needs at most 60 lines of a newcomer", function()
        local count = 0
        for text in table.concat(blocks()):gmatch("<<'EOF'\n(.-)EOF\n") do
            count = count + select(2, text:gsub("\n", ""))
        end
        assert.is_true(count > 30 and count <= LINES_MAX, count)
    end)

    it("ends with a spec that passes", function()
        assert.matches("1 success / 0 failures / 0 errors", output, 1, true)
    end)

    it("ends with routes that work, and are in the document", function()
        assert.matches('{"text":"good morning"}%s*%[{"text":"good morning"}%]', output)
        assert.equal("good morning", w:expect(200, "GET", PATH)[1].text)
        w:expect(401, "POST", PATH, nil, { text = "who am I" })
        local operation = w:expect(200, "GET", "/api/openapi.json").paths[PATH].get
        assert.same({ "plugin guestbook" }, operation.tags)
    end)

    it("ends with a table of its own, owned by its own role", function()
        assert.equal("plugin_guestbook", w.db:value("select tableowner from pg_tables "
            .. "where schemaname = 'plugin_guestbook' and tablename = 'entries'"))
    end)

    it("ends with an event that is handled", function()
        local buyer = w:buyer()
        w:add(buyer, w:product(w:vendor()))
        assert.equal(200, w:pay(buyer, w:checkout(buyer)).status)
        shell.wait_until("the order's entry", 60, function()
            return w:expect(200, "GET", PATH)[1].text == "something was bought"
        end)
    end)

    it("tells hooks' values as they are", function()
        local told = world.start({
            plugins = { "teller" }, set = { ["plugins.dir"] = plugin_folder.write({
                teller = { ["plugin.lua"] = plugin_folder.manifest("teller", TELLER)
                    :gsub("local db[^\n]*\n", "") },
            }) },
        })
        local buyer = told:buyer()
        told:add(buyer, told:product(told:vendor()))
        told:expect(201, "POST", "/api/checkout", buyer,
            { shippingAddress = world.ADDRESS, couponCode = "ANY" })
        local log = told.server:log()
        told:stop()
        local function had(point)
            local line = log:match('[^\n]*"point":"' .. point .. '"[^\n]*')
                or log:match('[^\n]*' .. point .. '[^\n]*"value"[^\n]*')
            return names_in(line:match('"value":(.*)$'), '"(%a+)":')
        end
        local function said(point)
            return names_in(README:match("| `" .. point .. "` | `(.-)`"), "%a+")
        end
        assert.equal(said("checkout.price"), had("checkout.price"))
        assert.equal(said("order.created"), had("order.created"))
        assert.equal(said("checkout.price"):gsub("discounts ", ""), (had("checkout.check")))
    end)

    it("tells of every event there is", function()
        for name, path in pairs(emitted()) do
            local group, rest = name:match("^([%l_]+%.)([%l_]*)$")
            assert.is_truthy(README:find("`" .. group .. rest, 1, true)
                or README:find("`" .. group .. ".-`%." .. rest), path .. ": " .. name)
        end
    end)

    it("tells of every point of hooks, and which are asked", function()
        local code = {}
        for _, path in ipairs(tree.files("%.lua$", "lua/flows lua/routes")) do
            code[#code + 1] = shell.read(path)
        end
        code = table.concat(code)
        for _, point in ipairs(manifest.point_names()) do
            local line = README:match("\n(| [^\n]*`" .. point:gsub("%.", "%%.") .. "`[^\n]*)\n")
            assert.is_truthy(line, point)
            assert.equal(code:find('"' .. point .. '"', 1, true) ~= nil,
                not line:find("nothing yet", 1, true), point)
        end
    end)
end)
