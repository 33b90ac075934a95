local support = require("spec.plugins.stripe_emulator.support")
local vendors = require("spec.plugins.stripe_emulator.vendors")

local DAY = 24 * 3600
local STEPS = 300

--- A small generator of its own, so that a seed gives the same history everywhere.
local function dice(seed)
    local state = seed
    return function(sides)
        state = (state * 1103515245 + 12345) % 2147483648
        return math.floor(state / 65536) % sides + 1
    end
end

describe("The balances", function()
    local world, parties

    --- What goes from one balance to another: over all parties it comes to nothing.
    local BETWEEN = { payment = true, payment_refund = true, transfer = true,
        transfer_refund = true }

    local function lines_of(owner)
        local sums, between, cursor = {}, 0, ""
        repeat
            local page = world:get("/v1/balance_transactions?limit=100" .. cursor,
                vendors.header(owner)).body
            for _, line in ipairs(page.data) do
                local sum = sums[line.currency] or { available = 0, pending = 0 }
                sums[line.currency] = sum
                sum[line.status] = sum[line.status] + line.net
                assert.equal(line.net, line.amount - line.fee)
                between = between + (BETWEEN[line.type] and line.net or 0)
                cursor = "&starting_after=" .. line.id
            end
        until not page.has_more
        return sums, between
    end

    local function shown_of(owner)
        local sums = {}
        local balance = world:get("/v1/balance", vendors.header(owner)).body
        for _, name in ipairs({ "available", "pending" }) do
            for _, entry in ipairs(balance[name]) do
                local sum = sums[entry.currency] or {}
                sums[entry.currency] = sum
                sum[name] = entry.amount
            end
        end
        return sums
    end

    --- All balances and what they are made of agree, and no vendor owes.
    local function check(seed, step)
        local where = ("seed %d, step %d"):format(seed, step)
        local total = 0
        for position = 0, #parties do
            local owner = parties[position]
            local lines, between = lines_of(owner)
            total = total + between
            lines.usd = lines.usd or { available = 0, pending = 0 }
            local shown = shown_of(owner)
            assert.same(lines, shown, where)
            if owner then
                assert.is_true(shown.usd.available + shown.usd.pending >= 0, where)
            end
        end
        assert.equal(0, total, where)
    end

    local function made(answer, list)
        if answer.status == 200 then
            list[#list + 1] = answer.body
        end
    end

    local function pick(list, roll)
        return list[roll(#list)]
    end

    --- One random thing that a platform, its buyers, a bank or the time may do.
    local function act(roll, kept)
        local which, amount = roll(9), roll(12000)
        local vendor = pick(parties, roll)
        if which <= 2 then
            local card = roll(2) == 1 and "pm_card_visa" or "pm_card_bypassPending"
            kept.intents[#kept.intents + 1] = world:paid(card)
        elseif which == 3 or which == 4 then
            local intent = pick(kept.intents, roll)
            local source = roll(4) > 1 and "&source_transaction=" .. intent.latest_charge or ""
            made(world:post("/v1/transfers", ("amount=%d&currency=usd&destination=%s%s")
                :format(amount, vendor.id, source)), kept.transfers)
        elseif which == 5 and #kept.transfers > 0 then
            world:post(("/v1/transfers/%s/reversals"):format(pick(kept.transfers, roll).id),
                "amount=" .. amount)
        elseif which == 6 then
            world:post("/v1/refunds", ("payment_intent=%s&amount=%d")
                :format(pick(kept.intents, roll).id, amount))
        elseif which == 7 then
            local owner = roll(3) > 1 and vendor or nil
            made(world:post("/v1/payouts", "currency=usd&amount=" .. amount,
                vendors.header(owner)), kept.payouts)
        elseif which == 8 and #kept.payouts > 0 then
            world:control("payout_fail/" .. pick(kept.payouts, roll).id)
        else
            world:control("clock", { advance = roll(DAY) })
        end
    end

    for seed = 1, 3 do
        it("are what their transactions say, whatever happens (seed " .. seed .. ")", function()
            world = support.world()
            parties = { vendors.new(world), vendors.new(world), vendors.new(world) }
            world:control("payouts", { account = parties[1].id, schedule = "daily" })
            local roll = dice(seed)
            local kept = { intents = { world:paid() }, transfers = {}, payouts = {} }
            for step = 1, STEPS do
                act(roll, kept)
                if step % 25 == 0 then
                    check(seed, step)
                end
            end
            assert.is_true(#kept.transfers > 20)
            assert.is_true(#kept.payouts > 5)
        end)
    end

    it("are the same after a kill, and so is what is still to come", function()
        world = support.world(nil, { text = "" })
        local vendor = vendors.new(world)
        parties = { vendor }
        world:control("payouts", { account = vendor.id, schedule = "daily" })
        local transfer = vendors.transfer(world, vendor, world:paid(), 5400)
        world:paid("pm_card_bypassPending")
        local payout = vendors.payout(world, nil, 700)
        world:post("/v1/transfers/" .. transfer.id .. "/reversals", "amount=400")
        local before = { shown_of(), shown_of(vendor) }
        local shown = world:get("/v1/transfers/" .. transfer.id).text
        world = world:killed()
        assert.same(before, { shown_of(), shown_of(vendor) })
        assert.equal(shown, world:get("/v1/transfers/" .. transfer.id).text)
        check(0, 0)
        world:control("clock", { advance = 4 * DAY })
        assert.equal("paid", world:get("/v1/payouts/" .. payout.id).body.status)
        assert.same({ 0, 0 }, vendors.sums(world, vendor))
        assert.equal(5000, world:get("/v1/payouts", vendors.header(vendor)).body.data[1].amount)
        check(0, 1)
    end)

    it("show nothing in the default currency before anything moved", function()
        world = support.world()
        assert.same({ usd = { available = 0, pending = 0 } }, shown_of())
    end)

    it("are kept apart by currency", function()
        world = support.world()
        local intent = world:post("/v1/payment_intents", "amount=5000&currency=eur").body
        world:confirm(intent, "pm_card_visa")
        assert.same({ usd = { available = 0, pending = 0 }, eur = { available = 0,
            pending = 4825 } }, shown_of())
    end)

    it("become negative when more is refunded than there is", function()
        world = support.world()
        local intent = world:paid("pm_card_bypassPending")
        vendors.transfer(world, vendors.new(world), intent, 9000)
        assert.equal(200, world:post("/v1/refunds", "payment_intent=" .. intent.id).status)
        assert.same({ -9320, 0 }, vendors.sums(world))
    end)
end)
