local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("GET /api/admin/orders", function()
    local w, made

    setup(function()
        w = world.start()
        story.ordered(w)
        made = story.paid(w)
    end)

    teardown(function()
        w:stop()
    end)

    local function ids(query)
        local found = {}
        local page = w:expect(200, "GET", "/api/admin/orders" .. query, w:admin())
        for i, order in ipairs(page.data) do
            found[i] = order.id
        end
        return found
    end

    it("shows everybody's orders", function()
        assert.equal(2, #ids(""))
    end)

    it("filters by status, buyer and vendor", function()
        assert.same({ made.order.id }, ids("?status=CONFIRMED"))
        assert.same({ made.order.id }, ids("?buyerId=" .. made.buyer.buyer_id))
        assert.same({ made.order.id }, ids("?vendorId=" .. made.shop.vendor_id))
        assert.same({}, ids("?status=EXPIRED"))
    end)

    it("is for admins", function()
        assert.equal(403, w:request("GET", "/api/admin/orders", made.buyer).status)
        assert.equal(403, w:request("GET", "/api/admin/orders", made.shop).status)
    end)
end)
