local json = require("core.json")
local sender = require("stripe_emulator.webhooks.sender")
local store = require("stripe_emulator.state.store")
local support = require("spec.plugins.stripe_emulator.support")
local vendors = require("spec.plugins.stripe_emulator.vendors")

--- Everything the emulator knows, as one text a part.
local function dump(world)
    local emulator = world.emulator
    local out = { shift_s = emulator.clock.shift_s, faults = emulator.faults.rules }
    for kind, collection in pairs(emulator.store.kinds) do
        for position, object in ipairs(collection.ordered) do
            local hidden = emulator.store.hidden_by_id[object.id]
            out[("%s %d"):format(kind, position)] = { object, hidden }
        end
    end
    for key, record in pairs(emulator.idempotency.records) do
        out["key " .. key] = record
    end
    for _, timer in ipairs(emulator.clock.timers.items) do
        out["timer " .. timer.number] = timer
    end
    for number, delivery in pairs(emulator.webhooks.deliveries) do
        out["delivery " .. number] = delivery
    end
    for number = emulator.journal.first, emulator.journal.last do
        out["journal " .. number] = emulator.journal.entries[number]
    end
    out.switches = emulator.webhooks.switches
    for name, value in pairs(out) do
        out[name] = json.encode(value)
    end
    return out
end

local TOKENS = { "pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired",
    "pm_usBankAccount_success", "pm_card_pendingRefund", "pm_card_refundFail" }

--- Any object of a kind, or nil.
local function any(world, pick, kind)
    local all = store.all(world.emulator.store, kind)
    return all[1] and all[pick(#all)]
end

local function onboard(world, pick)
    local account = any(world, pick, "account")
    if not account or pick(3) == 1 then
        account = vendors.new(world)
    end
    world:control("onboard/" .. account.id, { transfers = pick(4) == 1 and "inactive" or nil })
    world:control("payouts", { account = account.id, schedule = "daily" })
    world:post("/v1/account_links", "type=account_onboarding&account=" .. account.id
        .. "&refresh_url=http%3A%2F%2Flocalhost%2Fa&return_url=http%3A%2F%2Flocalhost%2Fb")
end

local function transfer(world, pick)
    local charge, account = any(world, pick, "charge"), any(world, pick, "account")
    if charge and account then
        world:post("/v1/transfers", ("amount=%d&currency=usd&destination=%s&source_transaction=%s")
            :format(pick(5000), account.id, charge.id), { ["Idempotency-Key"] = "tr" .. pick(99) })
    end
    local sent = any(world, pick, "transfer")
    if sent then
        world:post("/v1/transfers/" .. sent.id .. "/reversals", "amount=" .. pick(2000))
    end
end

local function pay_out(world, pick)
    local account, payout = any(world, pick, "account"), any(world, pick, "payout")
    if account then
        world:control("payouts", { account = account.id, run = pick(2) == 1 })
        world:post("/v1/payouts", "currency=usd&amount=" .. pick(500),
            { ["Stripe-Account"] = account.id })
    end
    if payout then
        world:control("payout_fail/" .. payout.id)
    end
end

local function dispute(world, pick)
    local intent, object = any(world, pick, "payment_intent"), any(world, pick, "dispute")
    world:control("dispute/" .. intent.id, { amount = pick(900), inquiry = pick(2) == 1 })
    if object then
        world:post("/v1/disputes/" .. object.id, "evidence[customer_name]=B&submit="
            .. (pick(2) == 1 and "true" or "false"))
        local act = ({ "/close", "/escalate", "" })[pick(3)]
        world:control("dispute/" .. object.id .. act, { won = pick(2) == 1 })
    end
end

--- A step of a random story; pick(n) gives 1..n.
local STEPS = {
    function(world, pick)
        local intent = world:intent(pick(3) == 1 and "capture_method=manual" or nil)
        world.intents[#world.intents + 1] = intent
        world:confirm(intent, TOKENS[pick(#TOKENS)])
    end,
    function(world, pick)
        local intent = world.intents[pick(#world.intents)]
        world:post("/v1/refunds", "amount=100&payment_intent=" .. intent.id,
            { ["Idempotency-Key"] = "refund " .. pick(9) })
    end,
    function(world, pick)
        local intent = world.intents[pick(#world.intents)]
        world:control("complete_action/" .. intent.id .. "?ok=" .. pick(2) - 1)
        world:post("/v1/payment_intents/" .. intent.id .. "/capture", "")
    end,
    function(world, pick)
        local intent = world.intents[pick(#world.intents)]
        world:post("/v1/payment_intents/" .. intent.id .. "/cancel", "")
        world:post("/v1/payment_intents/" .. intent.id, "metadata[step]=" .. pick(100))
    end,
    function(world, pick)
        world:control("clock", { advance = pick(3) * 86400 })
    end,
    function(world, pick)
        world:control("faults", { kind = "error_after", path = "/v1/refunds", chance = 0.5,
            seed = pick(99), times = 3 })
        world:control("webhooks", { shuffle = true, duplicate = pick(2), drop = pick(3) - 1 })
    end,
    function(world, pick)
        world.answers[#world.sent + 1] = pick(2) == 1 and 500 or nil
        sender.run(world.emulator)
    end,
    function(world)
        world:get("/v1/events?limit=3")
        world:get("/v1/payment_intents?expand[]=data.latest_charge")
    end,
    onboard, transfer, pay_out, dispute, transfer,
}

local function tell(world, seed, count)
    local function pick(n)
        seed = (seed * 1103515245 + 12345) % 2147483648
        return math.floor(seed / 65536) % n + 1
    end
    world.intents = world.intents or {}
    STEPS[1](world, pick)
    for _ = 1, count do
        STEPS[pick(#STEPS)](world, pick)
    end
end

describe("An emulator that was killed", function()
    for seed = 1, 10 do
        it("knows all that it knew (history " .. seed .. ")", function()
            local world = support.world(nil, {})
            tell(world, seed, 80)
            local before = dump(world)
            local after = world:killed()
            after.now_ms = world.now_ms
            assert.same(before, dump(after))
            assert.same(before, dump(after:killed()))
        end)
    end

    it("goes on as if nothing had been", function()
        local world = support.world(nil, {})
        local charged = world:paid("pm_card_pendingRefund")
        world:post("/v1/refunds", "payment_intent=" .. charged.id, { ["Idempotency-Key"] = "k" })
        world = world:killed()
        local again = world:post("/v1/refunds", "payment_intent=" .. charged.id,
            { ["Idempotency-Key"] = "k" })
        assert.equal("true", again.headers["Idempotent-Replayed"])
        world:control("clock", { advance = 2 * 86400 })
        assert.equal("succeeded", world:get("/v1/refunds/" .. again.body.id).body.status)
        sender.run(world.emulator)
        assert.equal("refund.updated", world.sent[6].event.type)
    end)

    it("sends what it was sending once more, with the same bytes", function()
        local world = support.world(nil, {})
        world:intent()
        local first
        local post = world.emulator.post
        world.emulator.post = function(url, headers, body)
            first = body
            world = world:killed() -- in the middle of the delivery
            return post(url, headers, body)
        end
        sender.run(world.emulator)
        sender.run(world.emulator)
        assert.equal(first, world.sent[1].body)
        assert.same({}, world:visit("GET", "/_emu/webhooks").body.waiting)
    end)

    it("takes the endpoints that the settings name now", function()
        local world = support.world(nil, {})
        world:post("/v1/webhook_endpoints", "enabled_events[]=*&url=http%3A%2F%2Flocalhost%2F2")
        world.settings = { webhook_url = "http://localhost:9/new", webhook_secrets = { "a", "b" },
            connect_webhook_url = "" }
        world = world:killed()
        local urls = {}
        for position, endpoint in ipairs(world:get("/v1/webhook_endpoints").body.data) do
            urls[position] = endpoint.url
        end
        assert.same({ "http://localhost/2", "http://localhost:9/new" }, urls)
        world:intent()
        sender.run(world.emulator)
        local _, signatures = world.sent[1].headers["Stripe-Signature"]:gsub("v1=", "")
        assert.equal(2, signatures)
    end)

    it("has forgotten what it was told to forget", function()
        local world = support.world(nil, {})
        world:paid()
        world:control("reset")
        assert.same({}, world:killed():get("/v1/payment_intents").body.data)
    end)

    it("keeps what came after it had forgotten, whatever was underway then", function()
        local world = support.world(nil, {})
        world:intent()
        local post = world.emulator.post
        world.emulator.post = function()
            world.emulator.post = post
            world:control("reset")
            world:intent()
            return 200
        end
        sender.run(world.emulator)
        assert.equal(1, #world.sent)
        world:control("faults", { kind = "slow", method = "POST" })
        world.on_sleep = function()
            world:control("reset")
            world:control("webhooks", { hold = true })
        end
        local made = world:post("/v1/payment_intents", "amount=1000&currency=usd",
            { ["Idempotency-Key"] = "k" })
        assert.equal(200, made.status)
        local before = dump(world)
        assert.same(before, dump(world:killed()))
    end)

    it("has all of a request or nothing of it", function()
        local world = support.world(nil, {})
        world:intent()
        local whole = world.file.text
        world:paid()
        local text = world.file.text
        for length = #whole, #text, 397 do
            world.file.text = text:sub(1, length)
            local after = world:killed()
            local intents = after:get("/v1/payment_intents").body.data
            local entries = after:visit("GET", "/_emu/journal").body.data
            -- The journal of the request for the list itself is the last line.
            local status = #intents == 2 and intents[1].status or "none"
            assert.same(({ none = 1, requires_payment_method = 2, succeeded = 3 })[status],
                #entries - 1)
            world.file = after.file
        end
    end)

    it("answers nothing that it could not save", function()
        local world = support.world(nil, {})
        world.file.refusal = "no space left"
        assert.has_error(function()
            world:intent()
        end)
    end)
end)
