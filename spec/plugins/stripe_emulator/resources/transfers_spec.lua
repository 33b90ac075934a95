local support = require("spec.plugins.stripe_emulator.support")
local vendors = require("spec.plugins.stripe_emulator.vendors")
local json = require("core.json")

local DAY = 24 * 3600

describe("A transfer", function()
    local world, vendor
    before_each(function()
        world = support.world()
        vendor = vendors.new(world)
    end)

    local function transfer(more)
        return world:post("/v1/transfers", "amount=5400&currency=usd&destination=" .. vendor.id
            .. "&" .. (more or ""))
    end

    local function from(intent, more)
        return transfer("source_transaction=" .. intent.latest_charge .. "&" .. (more or ""))
    end

    it("moves money of a charge that is still on its way", function()
        local intent = world:paid("pm_card_visa", "transfer_group=order_7")
        assert.same({ 0, 9680 }, vendors.sums(world))
        local answer = from(intent, "metadata[transfer_id]=9&description=parts")
        assert.equal(200, answer.status, answer.text)
        local made = answer.body
        assert.matches("^tr_%w+$", made.id)
        assert.same({ 5400, 0, false, vendor.id, intent.latest_charge, "order_7", "parts" },
            { made.amount, made.amount_reversed, made.reversed, made.destination,
                made.source_transaction, made.transfer_group, made.description })
        assert.same({ object = "list", data = {}, has_more = false,
            url = "/v1/transfers/" .. made.id .. "/reversals" }, made.reversals)
        assert.same({ 0, 4280 }, vendors.sums(world))
        assert.same({ 0, 5400 }, vendors.sums(world, vendor))
        world:control("clock", { advance = 2 * DAY })
        assert.same({ 4280, 0 }, vendors.sums(world))
        assert.same({ 5400, 0 }, vendors.sums(world, vendor))
    end)

    it("is a balance transaction on both sides", function()
        local made = from(world:paid(), "expand[]=balance_transaction").body
        assert.same({ "transfer", -5400, made.id }, { made.balance_transaction.type,
            made.balance_transaction.net, made.balance_transaction.source })
        local lines = world:get("/v1/balance_transactions",
            vendors.header(vendor)).body.data
        assert.equal(1, #lines)
        assert.same({ "payment", 5400, made.destination_payment },
            { lines[1].type, lines[1].net, lines[1].source })
        assert.equal(404, world:get("/v1/balance_transactions/" .. lines[1].id).status)
    end)

    it("takes no more of a charge than it was, over all transfers", function()
        local intent = world:paid()
        assert.equal(200, from(intent).status)
        local over = from(intent, "transfer_group=x")
        assert.same({ 400, "amount" }, { over.status, over.error.param })
        assert.equal("Transfers using this transaction as a source must not exceed the source "
            .. "amount of $100.00. (There is already a transfer using this source, amounting to "
            .. "$54.00.)", over.error.message)
        assert.equal(200, world:post("/v1/transfers", ("amount=4600&currency=usd&destination=%s"
            .. "&source_transaction=%s"):format(vendor.id, intent.latest_charge)).status)
        assert.equal(400, world:post("/v1/transfers", ("amount=1&currency=usd&destination=%s"
            .. "&source_transaction=%s"):format(vendor.id, intent.latest_charge)).status)
    end)

    it("without a charge needs what is available", function()
        world:paid()
        local answer = transfer()
        assert.same({ 400, "balance_insufficient" }, { answer.status, answer.error.code })
        world:paid("pm_card_bypassPending")
        assert.equal(200, transfer().status)
        assert.same({ 4280, 9680 }, vendors.sums(world))
        assert.same({ 5400, 0 }, vendors.sums(world, vendor))
        assert.equal("balance_insufficient", transfer().error.code)
    end)

    it("has the currency and the success of its charge", function()
        local intent = world:paid()
        local other = world:post("/v1/transfers", ("amount=1&currency=eur&destination=%s"
            .. "&source_transaction=%s"):format(vendor.id, intent.latest_charge))
        assert.same({ 400, "currency" }, { other.status, other.error.param })
        assert.equal("source_transaction", from({ latest_charge = "ch_x" }).error.param)
        local held = world:paid("pm_card_visa", "capture_method=manual")
        assert.equal(400, from(held).status)
    end)

    it("goes to an account that is there and may take it", function()
        local intent = world:paid()
        world:control("onboard/" .. vendor.id, { transfers = "inactive" })
        assert.same({ 400, "insufficient_capabilities_for_transfer" },
            { from(intent).status, from(intent).error.code })
        world:control("onboard/" .. vendor.id)
        assert.equal(200, from(intent).status)
        world:control("deauthorize/" .. vendor.id)
        assert.same({ "resource_missing", "destination" }, { from(intent).error.code,
            from(intent).error.param })
        vendor = { id = "acct_x" }
        assert.equal("resource_missing", from(intent).error.code)
    end)

    it("is of its charge's group unless it says another", function()
        local made = from(world:paid()).body
        assert.equal("group_" .. made.source_transaction, made.transfer_group)
        local intent = world:paid("pm_card_visa", "transfer_group=order_7")
        assert.equal("mine", from(intent, "transfer_group=mine").body.transfer_group)
        world:paid("pm_card_bypassPending")
        assert.equal(json.null, transfer().body.transfer_group)
    end)

    it("says what is missing, wrong or unknown", function()
        assert.equal("parameter_missing", world:post("/v1/transfers",
            "currency=usd&destination=" .. vendor.id).error.code)
        assert.equal("parameter_unknown", transfer("foo=1").error.code)
        assert.equal("amount", world:post("/v1/transfers",
            "amount=0&currency=usd&destination=" .. vendor.id).error.param)
    end)

    it("is listed by group and by destination, newest first", function()
        local other = vendors.new(world)
        local first = from(world:paid(), "transfer_group=a").body
        local second = from(world:paid(), "transfer_group=a").body
        vendor = other
        local third = from(world:paid(), "transfer_group=b").body
        local group = world:get("/v1/transfers?transfer_group=a").body.data
        assert.same({ second.id, first.id }, { group[1].id, group[2].id })
        local his = world:get("/v1/transfers?destination=" .. other.id).body.data
        assert.same({ third.id, 1 }, { his[1].id, #his })
        assert.equal(0, #world:get("/v1/transfers?created[lt]=1").body.data)
    end)

    it("is told to the platform when it is made and when it is changed", function()
        local made = from(world:paid()).body
        local changed = world:post("/v1/transfers/" .. made.id, "metadata[a]=1&description=x").body
        assert.same({ { a = "1" }, "x" }, { changed.metadata, changed.description })
        local told = world:get("/v1/events?types[]=transfer.created&types[]=transfer.updated").body
        assert.same({ "transfer.updated", "transfer.created" }, { told.data[1].type,
            told.data[2].type })
        assert.is_nil(told.data[1].account)
        assert.equal("resource_missing", world:get("/v1/transfers/tr_x").error.code)
    end)

    it("made twice with one key is one transfer", function()
        local intent = world:paid()
        local body = ("amount=100&currency=usd&destination=%s&source_transaction=%s")
            :format(vendor.id, intent.latest_charge)
        local first = world:post("/v1/transfers", body, { ["Idempotency-Key"] = "tr:1:1" })
        local second = world:post("/v1/transfers", body, { ["Idempotency-Key"] = "tr:1:1" })
        assert.equal(first.body.id, second.body.id)
        assert.same({ 0, 100 }, vendors.sums(world, vendor))
    end)
end)
