local support = require("spec.plugins.stripe_emulator.support")
local vendors = require("spec.plugins.stripe_emulator.vendors")

local DAY = 24 * 3600

describe("A reversal", function()
    local world, vendor, transfer
    before_each(function()
        world = support.world()
        vendor = vendors.new(world)
        transfer = vendors.transfer(world, vendor, world:paid(), 5400)
    end)

    local function reverse(more)
        return world:post("/v1/transfers/" .. transfer.id .. "/reversals", more or "")
    end

    local function read()
        return world:get("/v1/transfers/" .. transfer.id).body
    end

    it("takes the whole transfer back when no amount is named", function()
        local answer = reverse("metadata[refund_id]=3&description=why")
        assert.equal(200, answer.status, answer.text)
        assert.matches("^trr_%w+$", answer.body.id)
        assert.same({ 5400, transfer.id, { refund_id = "3" } },
            { answer.body.amount, answer.body.transfer, answer.body.metadata })
        assert.same({ true, 5400 }, { read().reversed, read().amount_reversed })
        assert.same({ 0, 9680 }, vendors.sums(world))
        assert.same({ 0, 0 }, vendors.sums(world, vendor))
        assert.equal(400, reverse().status)
    end)

    it("may be made in parts that never exceed the transfer", function()
        local first = reverse("amount=2000").body
        local second = reverse("amount=3000").body
        assert.same({ false, 5000 }, { read().reversed, read().amount_reversed })
        local over = reverse("amount=401")
        assert.same({ 400, "amount" }, { over.status, over.error.param })
        assert.equal("Reversal amount ($4.01) is greater than unreversed amount on transfer "
            .. "($4.00)", over.error.message)
        assert.equal(400, reverse().body.amount)
        local shown = read().reversals.data
        assert.same({ 400, second.id, first.id }, { shown[1].amount, shown[2].id, shown[3].id })
    end)

    it("needs a vendor who has it, available or on the way", function()
        world:control("clock", { advance = 2 * DAY })
        vendors.payout(world, vendor, 5000)
        local answer = reverse("amount=401")
        assert.same({ 400, "balance_insufficient" }, { answer.status, answer.error.code })
        assert.equal(200, reverse("amount=400").status)
        assert.same({ 0, 0 }, vendors.sums(world, vendor))
        vendors.transfer(world, vendor, world:paid(), 1000)
        assert.equal(200, reverse("amount=1000").status)
    end)

    it("gives the charge its room back", function()
        local intent = world:paid()
        transfer = vendors.transfer(world, vendor, intent, 10000)
        reverse("amount=4000")
        assert.equal(4000, vendors.transfer(world, vendor, intent, 4000).amount)
    end)

    it("is a balance transaction on both sides", function()
        local made = reverse("amount=400&expand[]=balance_transaction&expand[]=transfer").body
        assert.same({ "transfer_refund", 400, made.id, "transfer_reversal" },
            { made.balance_transaction.type, made.balance_transaction.net,
                made.balance_transaction.source, made.balance_transaction.reporting_category })
        assert.equal(400, made.transfer.amount_reversed)
        local line = world:get("/v1/balance_transactions?type=payment_refund",
            vendors.header(vendor)).body.data[1]
        assert.same({ -400, made.destination_payment_refund }, { line.net, line.source })
    end)

    it("is told by the transfer", function()
        reverse("amount=400")
        local told = world:get("/v1/events?type=transfer.reversed").body.data[1]
        assert.same({ transfer.id, 400, 1 }, { told.data.object.id,
            told.data.object.amount_reversed, #told.data.object.reversals.data })
    end)

    it("is read, listed and changed under its transfer", function()
        local made = reverse("amount=400").body
        local path = "/v1/transfers/" .. transfer.id .. "/reversals"
        assert.equal(made.id, world:get(path .. "/" .. made.id).body.id)
        assert.equal(made.id, world:get(path).body.data[1].id)
        assert.same({ a = "1" }, world:post(path .. "/" .. made.id, "metadata[a]=1").body.metadata)
        assert.same({ a = "1" }, read().reversals.data[1].metadata)
        local other = vendors.transfer(world, vendor, world:paid(), 1)
        assert.equal(404, world:get("/v1/transfers/" .. other.id .. "/reversals/" .. made.id)
            .status)
        assert.equal(0, #world:get("/v1/transfers/" .. other.id .. "/reversals").body.data)
        assert.equal(404, world:post("/v1/transfers/tr_x/reversals").status)
        assert.equal("parameter_unknown", reverse("foo=1").error.code)
    end)
end)
