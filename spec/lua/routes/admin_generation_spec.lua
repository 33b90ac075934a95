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
