local world = require("spec.support.world")

describe("/api/users/me", function()
    local w

    setup(function()
        w = world.start()
    end)
    teardown(function()
        w:stop()
    end)

    it("GET says who one is", function()
        local vendor = w:register("VENDOR")
        local me = w:expect(200, "GET", "/api/users/me", vendor)
        assert.equal(vendor.id, me.id)
        assert.equal(vendor.vendor_id, me.vendorId)
        assert.equal("VENDOR", me.role)
        assert.is_nil(me.buyerId)
        assert.is_nil(me.passwordHash)
    end)
    it("PATCH changes the name, and every worker knows", function()
        local buyer = w:buyer()
        assert.equal("Ada King",
            w:expect(200, "PATCH", "/api/users/me", buyer, { name = "Ada King" }).name)
        for _ = 1, 6 do
            assert.equal("Ada King", w:expect(200, "GET", "/api/users/me", buyer).name)
        end
    end)
    it("PATCH smuggles nothing in", function()
        local buyer = w:buyer()
        for _, field in ipairs({ "role", "email", "status", "vendorId", "id", "password_hash" }) do
            assert.equal(422,
                w:request("PATCH", "/api/users/me", buyer, { [field] = "ADMIN" }).status, field)
        end
    end)
    it("is for those signed in", function()
        assert.equal(401, w:request("GET", "/api/users/me").status)
    end)
end)
