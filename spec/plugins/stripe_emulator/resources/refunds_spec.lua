local support = require("spec.plugins.stripe_emulator.support")
local json = require("core.json")

local DAY = 24 * 3600

describe("A refund", function()
    local world
    before_each(function()
        world = support.world()
    end)

    local function refund(intent, more)
        return world:post("/v1/refunds", "payment_intent=" .. intent.id .. "&" .. (more or ""))
    end

    local function charge_of(intent)
        return world:get("/v1/charges/" .. intent.latest_charge).body
    end

    it("gives the whole charge back when no amount is named", function()
        local intent = world:paid()
        local answer = refund(intent, "reason=requested_by_customer&metadata[refund_id]=3")
        assert.equal(200, answer.status)
        assert.same({ "succeeded", 10000, "requested_by_customer", "3" },
            { answer.body.status, answer.body.amount, answer.body.reason,
                answer.body.metadata.refund_id })
        assert.same({ true, 10000 }, { charge_of(intent).refunded,
            charge_of(intent).amount_refunded })
    end)

    it("moves the balance by its amount and keeps Stripe's fee", function()
        local made = refund(world:paid(), "amount=6000&expand[]=balance_transaction").body
        local moved = made.balance_transaction
        assert.same({ -6000, 0, -6000, "refund" }, { moved.amount, moved.fee, moved.net,
            moved.type })
    end)

    it("may be made in parts that never exceed the charge", function()
        local intent = world:paid()
        for _, amount in ipairs({ 3333, 3333, 3333 }) do
            assert.equal(200, refund(intent, "amount=" .. amount).status)
        end
        local over = refund(intent, "amount=2")
        assert.equal(400, over.status)
        assert.equal("amount", over.error.param)
        assert.equal("Refund amount ($0.02) is greater than unrefunded amount on charge ($0.01)",
            over.error.message)
        assert.equal(200, refund(intent, "amount=1").status)
        assert.equal("charge_already_refunded", refund(intent).error.code)
        assert.equal(10000, charge_of(intent).amount_refunded)
        assert.is_true(charge_of(intent).refunded)
    end)

    it("of a part leaves the charge unrefunded", function()
        local intent = world:paid()
        refund(intent, "amount=1")
        assert.is_false(charge_of(intent).refunded)
    end)

    it("is told in events of its own and of the charge", function()
        refund(world:paid())
        local types = world:event_types()
        assert.same({ "refund.created", "charge.refunded" }, { types[#types - 1], types[#types] })
    end)

    it("may name the charge in place of the intent, and not both", function()
        local intent = world:paid()
        assert.equal(400, refund(intent, "charge=" .. intent.latest_charge).status)
        assert.equal(200, world:post("/v1/refunds", "charge=" .. intent.latest_charge).status)
        assert.equal("parameter_missing", world:post("/v1/refunds", "amount=1").error.code)
    end)

    it("is refused for what is nobody's, with the parameter named", function()
        local answer = world:post("/v1/refunds", "payment_intent=pi_x")
        assert.same({ 400, "resource_missing", "payment_intent" },
            { answer.status, answer.error.code, answer.error.param })
        assert.equal("charge", world:post("/v1/refunds", "charge=ch_x").error.param)
    end)

    it("is refused for an intent that was not paid", function()
        assert.equal(400, refund(world:intent()).status)
        assert.equal(400, refund(world:paid("pm_card_visa", "capture_method=manual")).status)
        assert.equal(400, refund(world:paid("pm_usBankAccount_processing")).status)
    end)

    it("of a partial capture gives back what was captured and no more", function()
        local intent = world:paid("pm_card_visa", "capture_method=manual")
        intent = world:post("/v1/payment_intents/" .. intent.id .. "/capture",
            "amount_to_capture=4000").body
        assert.equal(400, refund(intent, "amount=4001").status)
        assert.equal(4000, refund(intent).body.amount)
    end)

    it("with the pending test card settles a day later", function()
        local made = refund(world:paid("pm_card_pendingRefund")).body
        assert.equal("pending", made.status)
        world:control("clock", { advance = DAY })
        assert.equal("succeeded", world:get("/v1/refunds/" .. made.id).body.status)
    end)

    it("with the failing test card fails after it had succeeded, and the money is back", function()
        local intent = world:paid("pm_card_refundFail")
        local made = refund(intent).body
        assert.equal("succeeded", made.status)
        world:control("clock", { advance = DAY })
        local failed = world:get("/v1/refunds/" .. made.id .. "?expand[]=charge").body
        assert.equal("failed", failed.status)
        assert.same({ false, 0 }, { failed.charge.refunded, failed.charge.amount_refunded })
        assert.matches("^txn_", failed.failure_balance_transaction)
        assert.equal(200, refund(intent).status)
    end)

    it("is listed by intent and by charge, newest first", function()
        local intent, other = world:paid(), world:paid()
        local first, second = refund(intent, "amount=1").body, refund(intent, "amount=2").body
        refund(other)
        local by_intent = world:get("/v1/refunds?payment_intent=" .. intent.id).body.data
        assert.same({ second.id, first.id }, { by_intent[1].id, by_intent[2].id })
        assert.equal(2, #by_intent)
        assert.equal(1, #world:get("/v1/refunds?charge=" .. other.latest_charge).body.data)
    end)

    it("merges metadata when it is updated, and clears it when unset", function()
        local made = refund(world:paid(), "metadata[a]=1&metadata[b]=2").body
        local path = "/v1/refunds/" .. made.id
        assert.same({ b = "2", c = "3" }, world:post(path,
            "metadata[a]=&metadata[c]=3").body.metadata)
        assert.same({}, world:post(path, "metadata=").body.metadata)
        assert.equal(json.null, made.receipt_number)
    end)

    it("cannot be canceled, whatever its status", function()
        local intent = world:paid("pm_card_pendingRefund")
        local pending = world:post("/v1/refunds", "payment_intent=" .. intent.id).body
        local answer = world:post("/v1/refunds/" .. pending.id .. "/cancel")
        assert.equal(400, answer.status)
        assert.matches("status of pending", answer.error.message)
        assert.equal(404, world:post("/v1/refunds/re_x/cancel").status)
    end)
end)
