--- Reloads under load, every fifth with a broken file: no request fails, and the broken ones are
--- refused with file and line. SOUK_RELOADS is how many.
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local RELOADS = tonumber(os.getenv("SOUK_RELOADS") or 15)
local LOADERS = 2

--- Broken in turn: not Lua, an error that is raised, an error that happens.
local BROKEN = {
    "local x = = 1\n",
    "error('no such setting')\n",
    "local settings\nreturn settings.missing\n",
}

describe(RELOADS .. " reloads under load", function()
    local w, lua_dir, extra

    setup(function()
        lua_dir = os.getenv("SOUK_HOME") .. "/lua"
        shell.must("cp -r lua " .. shell.quote(lua_dir))
        extra = lua_dir .. "/flows/extra.lua"
        shell.write(extra, "return {}\n")
        shell.write(lua_dir .. "/boot.lua",
            shell.read("lua/boot.lua"):gsub("local web = ", "require(\"flows.extra\")\n%0", 1))
        w = world.start({ set = { ["lua.dir"] = lua_dir } })
        w:product(w:vendor())
    end)

    teardown(function()
        w:stop()
    end)

    local function reload(i)
        local is_broken = i % 5 == 0
        shell.write(extra, is_broken and BROKEN[i / 5 % #BROKEN + 1]
            or ("return { number = %d }\n"):format(i))
        local answer = w:request("POST", "/api/admin/reload", w:admin())
        if not is_broken then
            assert.equal(200, answer.status, answer.body)
            return
        end
        assert.equal(409, answer.status, answer.body)
        assert.equal("reload_refused", answer.json.code)
        assert.equal("lua/flows/extra.lua", answer.json.details[1].file)
        assert.is_true(answer.json.details[1].line >= 1)
    end

    it("fail no request", function()
        w:admin()
        local is_done, sent, failed = false, 0, {}
        local entries = {}
        for i = 1, LOADERS do
            entries[i] = function()
                while not is_done do
                    local answer = w:request("GET", "/api/products")
                    sent = sent + 1
                    if answer.status ~= 200 then
                        failed[#failed + 1] = answer.status .. (answer.problem or answer.body)
                    end
                end
            end
        end
        entries[#entries + 1] = function()
            local ok, problem = pcall(function()
                for i = 1, RELOADS do
                    reload(i)
                end
            end)
            is_done = true
            assert(ok, problem)
        end
        client.parallel(entries)
        assert.same({}, failed)
        assert.is_true(sent > RELOADS)
        assert.equal(1, #w:expect(200, "GET", "/api/products").data)
    end)

    it("leave the generation that serves to a new worker, however many were refused", function()
        for i = 1, 5 do
            shell.write(extra, BROKEN[i % #BROKEN + 1])
            w:expect(409, "POST", "/api/admin/reload", w:admin())
        end
        local before = w.server:workers()
        shell.run("kill -KILL " .. table.concat(before, " "))
        shell.wait_until("new workers", 20, function()
            local now = w.server:workers()
            return #now == #before and now[1] ~= before[1]
                and w:request("GET", "/ready").status == 200
        end)
        for _ = 1, 4 do
            assert.equal(1, #w:expect(200, "GET", "/api/products").data)
        end
    end)

    it("leave what SIGHUP and souk reload do the same", function()
        shell.write(extra, "return {}\n")
        local line = ("SOUK_HOME=%s %s reload --conf conf/test.conf"):format(
            shell.quote(w.server.home), w.server.binary)
        assert.matches("^generation %d+ serves", shell.must(line))
        shell.write(extra, BROKEN[1])
        local output, code = shell.run(line)
        assert.equal(1, code)
        assert.matches("flows/extra%.lua:1", output)
        assert.equal(200, w:request("GET", "/api/products").status)
    end)
end)
