local support = require("spec.plugins.stripe_emulator.support")

local DAY = 24 * 3600

describe("A balance transaction", function()
    local world
    before_each(function()
        world = support.world()
    end)

    local function of(intent)
        return world:get("/v1/balance_transactions?source=" .. intent.latest_charge).body.data[1]
    end

    it("is pending for two days, then available", function()
        local intent = world:paid()
        assert.same({ "pending", support.NOW_S + 2 * DAY }, { of(intent).status,
            of(intent).available_on })
        world:control("clock", { advance = 2 * DAY - 1 })
        assert.equal("pending", of(intent).status)
        world:control("clock", { advance = 1 })
        assert.equal("available", of(intent).status)
    end)

    it("is available at once with the card that says so", function()
        assert.equal("available", of(world:paid("pm_card_bypassPending")).status)
    end)

    it("is listed by type", function()
        local intent = world:paid()
        world:post("/v1/refunds", "payment_intent=" .. intent.id)
        assert.equal(1, #world:get("/v1/balance_transactions?type=refund").body.data)
        assert.equal(2, #world:get("/v1/balance_transactions").body.data)
    end)

    it("takes its fee from the settings", function()
        world = support.world({ fee_bps = 100, fee_fixed_minor = 5 })
        assert.equal(105, of(world:paid()).fee)
    end)

    it("shows the charge it came from when expanded", function()
        local intent = world:paid()
        local path = "/v1/balance_transactions/" .. of(intent).id .. "?expand[]=source"
        assert.equal("charge", world:get(path).body.source.object)
    end)
end)
