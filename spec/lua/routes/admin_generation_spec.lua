local shell = require("spec.support.shell")
local world = require("spec.support.world")

describe("administration", function()
    local w, admin

    setup(function()
        w = world.start()
        admin = w:admin()
    end)
    teardown(function()
        w:stop()
    end)

    local function act(kind, id, action, body, who)
        return w:request("POST", ("/api/admin/%s/%s/%s"):format(kind, id, action), who or admin,
            body)
    end

    it("is for admins", function()
        local vendor, buyer = w:vendor(), w:buyer()
        for _, path in ipairs({ "users", "vendors", "audit-log", "routes", "plugins",
            "generation" }) do
            assert.equal(403, w:request("GET", "/api/admin/" .. path, vendor).status, path)
            assert.equal(403, w:request("GET", "/api/admin/" .. path, buyer).status, path)
            assert.equal(401, w:request("GET", "/api/admin/" .. path).status, path)
            assert.equal(200, w:request("GET", "/api/admin/" .. path, admin).status, path)
        end
        assert.equal(403, act("vendors", vendor.vendor_id, "suspend", {}, vendor).status)
        assert.equal(403, w:request("POST", "/api/admin/reload", vendor).status)
    end)

    describe("POST /api/admin/reload", function()
        it("serves a new generation", function()
            local before = w:expect(200, "GET", "/api/admin/generation", admin).generation
            local now = w:expect(200, "POST", "/api/admin/reload", admin).generation
            assert.is_true(now > before)
            assert.equal(now, w:expect(200, "GET", "/api/admin/generation", admin).generation)
        end)
    end)
end)

describe("POST /api/admin/reload of changed files", function()
    local w, folder

    setup(function()
        folder = shell.must("mktemp -d " .. shell.quote(os.getenv("SOUK_HOME") .. "/lua.XXXXXX"))
        folder = folder:gsub("%s+$", "")
        shell.must("cp -r lua/. " .. shell.quote(folder))
        w = world.start({ set = { ["lua.dir"] = folder } })
    end)
    teardown(function()
        w:stop()
    end)

    local function reload()
        return w:request("POST", "/api/admin/reload", w:admin())
    end
    local function add_to_users(text)
        shell.must(("printf '%%s' %s >> %s"):format(
            shell.quote(text), shell.quote(folder .. "/routes/users.lua")))
    end

    it("refuses what does not load, says where, and the old generation keeps serving", function()
        local before = w:expect(200, "GET", "/api/admin/generation", w:admin()).generation
        add_to_users("\nlocal broken = = 1\n")
        local answer = reload()
        assert.equal(409, answer.status)
        assert.equal("reload_refused", answer.json.code)
        local detail = answer.json.details[1]
        assert.matches("routes/users.lua", detail.file, 1, true)
        assert.is_number(detail.line)
        assert.is_string(detail.message)
        assert.equal(before, w:expect(200, "GET", "/api/admin/generation", w:admin()).generation)
    end)
    it("refuses a route that says no roles", function()
        shell.must("cp lua/routes/users.lua " .. shell.quote(folder .. "/routes/users.lua"))
        add_to_users('\nweb.get("/api/x", { id = "x", summary = "x", tags = { "x" }, '
            .. "answers = { [200] = true } }, function() return {} end)\n")
        local answer = reload()
        assert.equal(409, answer.status)
        assert.matches("roles", answer.json.details[1].message, 1, true)
    end)
    it("serves what was added", function()
        shell.must("cp lua/routes/users.lua " .. shell.quote(folder .. "/routes/users.lua"))
        add_to_users('\nweb.get("/api/x", { id = "x", summary = "x", tags = { "x" }, '
            .. "roles = false, answers = { [200] = true } }, function() return { x = 1 } end)\n")
        assert.equal(404, w:request("GET", "/api/x").status)
        assert.equal(200, reload().status)
        for _ = 1, 6 do
            assert.equal(1, w:expect(200, "GET", "/api/x").x)
        end
    end)
end)
