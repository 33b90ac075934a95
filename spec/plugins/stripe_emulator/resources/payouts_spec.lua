local support = require("spec.plugins.stripe_emulator.support")
local vendors = require("spec.plugins.stripe_emulator.vendors")
local json = require("core.json")

local DAY = 24 * 3600

describe("A payout", function()
    local world, vendor
    before_each(function()
        world = support.world()
        vendor = vendors.new(world)
        vendors.transfer(world, vendor, world:paid("pm_card_bypassPending"), 5400)
    end)

    local function read(made, owner)
        return world:get("/v1/payouts/" .. made.id, vendors.header(owner)).body
    end

    local function told(owner)
        local types = {}
        for _, event in ipairs(world:get("/v1/events?type=payout.*&limit=100",
            vendors.header(owner)).body.data) do
            table.insert(types, 1, event.type)
        end
        return types
    end

    it("of a vendor debits the vendor's balance when it is made", function()
        local answer = world:post("/v1/payouts", "amount=5000&currency=usd&metadata[a]=1",
            vendors.header(vendor))
        assert.equal(200, answer.status, answer.text)
        local made = answer.body
        assert.matches("^po_%w+$", made.id)
        assert.same({ "pending", false, 5000, { a = "1" }, "not_applicable" }, { made.status,
            made.automatic, made.amount, made.metadata, made.reconciliation_status })
        assert.same({ 400, 0 }, vendors.sums(world, vendor))
        assert.same({ 4280, 0 }, vendors.sums(world))
        local line = world:get("/v1/balance_transactions?type=payout",
            vendors.header(vendor)).body.data[1]
        assert.same({ -5000, made.id, made.balance_transaction }, { line.net, line.source,
            line.id })
    end)

    it("is on its way and then paid, as the clock goes, and the vendor's events say so", function()
        local made = vendors.payout(world, vendor, 5000)
        world:control("clock", { advance = 3600 })
        assert.equal("in_transit", read(made, vendor).status)
        world:control("clock", { advance = 2 * DAY })
        assert.equal("paid", read(made, vendor).status)
        assert.same({ "payout.created", "payout.updated", "payout.updated", "payout.paid" },
            told(vendor))
        assert.same({}, told())
        local event = world:get("/v1/events?type=payout.paid", vendors.header(vendor)).body.data[1]
        assert.equal(vendor.id, event.account)
    end)

    it("of the platform is the platform's, and no vendor sees it", function()
        local made = vendors.payout(world, nil, 4280)
        assert.same({ 0, 0 }, vendors.sums(world))
        assert.same({ "payout.created" }, told())
        assert.equal(404, world:get("/v1/payouts/" .. made.id, vendors.header(vendor)).status)
        assert.equal(0, #world:get("/v1/payouts", vendors.header(vendor)).body.data)
        assert.equal(1, #world:get("/v1/payouts").body.data)
    end)

    it("needs what is available, and an account that may", function()
        local function refused(body, owner)
            local answer = world:post("/v1/payouts", body, vendors.header(owner))
            assert.equal(400, answer.status)
            return answer.error.code or answer.error.param
        end
        vendors.transfer(world, vendor, world:paid(), 1000)
        assert.equal("balance_insufficient", refused("amount=5401&currency=usd", vendor))
        assert.equal("balance_insufficient", refused("amount=1&currency=eur"))
        assert.equal("parameter_missing", refused("currency=usd"))
        assert.equal("parameter_unknown", refused("amount=1&currency=usd&foo=1"))
        assert.equal("resource_missing", refused("amount=1&currency=usd&destination=ba_x"))
        assert.equal("instant_payouts_unsupported",
            refused("amount=1&currency=usd&method=instant"))
        world:control("onboard/" .. vendor.id, { payouts_enabled = false })
        assert.equal("payouts_not_allowed", refused("amount=1&currency=usd", vendor))
    end)

    it("may be canceled while it is pending", function()
        local made = vendors.payout(world, vendor, 5000)
        local path = "/v1/payouts/" .. made.id .. "/cancel"
        assert.equal("canceled", world:post(path, "", vendors.header(vendor)).body.status)
        assert.same({ 5400, 0 }, vendors.sums(world, vendor))
        assert.equal(400, world:post(path, "", vendors.header(vendor)).status)
        world:control("clock", { advance = 3 * DAY })
        assert.equal("canceled", read(made, vendor).status)
        made = vendors.payout(world, vendor, 5000)
        world:control("clock", { advance = 3600 })
        assert.equal(400, world:post("/v1/payouts/" .. made.id .. "/cancel", "",
            vendors.header(vendor)).status)
    end)

    it("may fail after it was paid, and then the money is back", function()
        local made = vendors.payout(world, vendor, 5000)
        world:control("clock", { advance = 3 * DAY })
        assert.equal(200, world:control("payout_fail/" .. made.id, { code = "no_account" }).status)
        made = read(made, vendor)
        assert.same({ "failed", "no_account" }, { made.status, made.failure_code })
        assert.matches("^txn_", made.failure_balance_transaction)
        assert.is_string(made.failure_message)
        assert.same({ 5400, 0 }, vendors.sums(world, vendor))
        local types = told(vendor)
        assert.equal("payout.failed", types[#types - 1])
        assert.equal(400, world:control("payout_fail/" .. made.id).status)
        assert.equal(404, world:control("payout_fail/po_x").status)
        assert.same({ 5400, 0 }, vendors.sums(world, vendor))
    end)

    it("is listed by state, arrival and time", function()
        local made = vendors.payout(world, vendor, 5000)
        local function count(query)
            return #world:get("/v1/payouts?" .. query, vendors.header(vendor)).body.data
        end
        assert.same({ 1, 0 }, { count("status=pending"), count("status=paid") })
        assert.same({ 1, 0 }, { count("arrival_date=" .. made.arrival_date),
            count("arrival_date[gt]=" .. made.arrival_date) })
        assert.same({ 1, 0 }, { count("created[gte]=" .. made.created), count("created[lt]=1") })
        assert.same({ 1, 0 }, { count("destination=" .. made.destination),
            count("destination=ba_x") })
        local changed = world:post("/v1/payouts/" .. made.id, "metadata[a]=1",
            vendors.header(vendor)).body
        assert.same({ a = "1" }, changed.metadata)
        assert.equal(json.null, changed.description)
    end)
end)

describe("An automatic payout", function()
    local world, vendor
    before_each(function()
        world = support.world()
        vendor = vendors.new(world)
    end)

    local function made_by(owner)
        return world:get("/v1/payouts?limit=100", vendors.header(owner)).body.data
    end

    local function net_of(payout, owner)
        local net, count = 0, 0
        for _, line in ipairs(world:get("/v1/balance_transactions?limit=100&payout=" .. payout.id,
            vendors.header(owner)).body.data) do
            net, count = net + line.net, count + 1
        end
        return net, count
    end

    it("is not made until the schedule says so", function()
        vendors.transfer(world, vendor, world:paid("pm_card_bypassPending"), 5400)
        world:control("clock", { advance = 3 * DAY })
        assert.same({}, made_by(vendor))
        assert.equal("daily", world:control("payouts", { account = vendor.id,
            schedule = "daily" }).body.schedule.interval)
        world:control("clock", { advance = DAY })
        assert.equal(1, #made_by(vendor))
        assert.same({ 5400, true }, { made_by(vendor)[1].amount, made_by(vendor)[1].automatic })
        assert.same({ 0, 0 }, vendors.sums(world, vendor))
    end)

    it("names the movements that it pays out, each once", function()
        world:control("payouts", { account = vendor.id, schedule = "daily" })
        local intent = world:paid("pm_card_bypassPending")
        local first = vendors.transfer(world, vendor, intent, 5400)
        world:post("/v1/transfers/" .. first.id .. "/reversals", "amount=400")
        vendors.transfer(world, vendor, world:paid(), 700)
        world:control("clock", { advance = DAY })
        local shown = world:get("/v1/balance_transactions?expand[]=data.source",
            vendors.header(vendor))
        assert.equal("payout", shown.body.data[1].source.object)
        local payout = made_by(vendor)[1]
        assert.equal(5000, payout.amount)
        assert.same({ 0, 3 }, { net_of(payout, vendor) })
        world:control("payout_fail/" .. payout.id)
        world:control("clock", { advance = 2 * DAY })
        local made = made_by(vendor)
        assert.same({ 3, 700, 5000 }, { #made, made[1].amount, made[2].amount })
        assert.same({ 0, 2 }, { net_of(made[1], vendor) })
        assert.same({ 0, 2 }, { net_of(made[2], vendor) })
    end)

    it("is reconciled when it is paid", function()
        vendors.transfer(world, vendor, world:paid("pm_card_bypassPending"), 5400)
        world:control("payouts", { account = vendor.id, run = true })
        world:control("clock", { advance = 2 * DAY })
        assert.equal("completed", made_by(vendor)[1].reconciliation_status)
        local events = world:get("/v1/events?type=payout.reconciliation_completed",
            vendors.header(vendor)).body.data
        assert.equal(1, #events)
    end)

    it("of the platform is made as well, by the platform's schedule", function()
        world:paid("pm_card_bypassPending")
        world:control("payouts", { schedule = "daily" })
        world:control("clock", { advance = DAY })
        assert.equal(9680, made_by()[1].amount)
    end)

    it("is made weekly or monthly on its day", function()
        -- the clock begins on Thursday, 9 October 2025
        vendors.transfer(world, vendor, world:paid("pm_card_bypassPending"), 5400)
        world:post("/v1/accounts/" .. vendor.id, "settings[payouts][schedule][interval]=weekly"
            .. "&settings[payouts][schedule][weekly_anchor]=monday")
        world:control("clock", { advance = 3 * DAY })
        assert.equal(0, #made_by(vendor))
        world:control("clock", { advance = DAY })
        assert.equal(1, #made_by(vendor))
        vendors.transfer(world, vendor, world:paid("pm_card_bypassPending"), 100)
        world:control("payouts", { account = vendor.id, schedule = "monthly:31" })
        world:control("clock", { advance = 17 * DAY })
        assert.equal(1, #made_by(vendor))
        world:control("clock", { advance = DAY })
        assert.equal(2, #made_by(vendor))
    end)

    it("stops when the schedule is manual again, and schedules are words that are known", function()
        world:control("payouts", { account = vendor.id, schedule = "daily" })
        world:control("payouts", { account = vendor.id, schedule = "manual" })
        vendors.transfer(world, vendor, world:paid("pm_card_bypassPending"), 5400)
        world:control("clock", { advance = 5 * DAY })
        assert.equal(0, #made_by(vendor))
        assert.equal(400, world:control("payouts", { schedule = "hourly" }).status)
        assert.equal(404, world:control("payouts", { account = "acct_x" }).status)
    end)
end)
