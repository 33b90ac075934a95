local sender = require("stripe_emulator.webhooks.sender")
local support = require("spec.plugins.stripe_emulator.support")

describe("A dispute", function()
    local world
    before_each(function()
        world = support.world()
    end)

    --- The dispute of a payment of 100.00 by a token, and the payment.
    local function disputed(token)
        local intent = world:paid(token or "pm_card_createDispute")
        local list = world:get("/v1/disputes?payment_intent=" .. intent.id).body.data
        assert.equal(1, #list)
        return list[1], intent
    end

    local function read(object)
        return world:get("/v1/disputes/" .. object.id).body
    end

    local function types_after(count)
        local types = world:event_types()
        local out = {}
        for position = count + 1, #types do
            out[#out + 1] = types[position]:gsub("^charge%.dispute%.", "")
        end
        return out
    end

    local function acts(object, act, body)
        return world:control("dispute/" .. object.id .. act, body or {})
    end

    local function net(object)
        local sum = 0
        for _, line in ipairs(object.balance_transactions) do
            sum = sum + line.net
        end
        return sum
    end

    it("follows the payment of its test card, with the money and a fee", function()
        local object, intent = disputed()
        assert.same({ "needs_response", "fraudulent", 10000, false, intent.latest_charge },
            { object.status, object.reason, object.amount, object.is_charge_refundable,
                object.charge })
        assert.same({ "created", "funds_withdrawn" }, types_after(3))
        local line = object.balance_transactions[1]
        assert.same({ "adjustment", "dispute", -10000, 1500, -11500, "available", object.id },
            { line.type, line.reporting_category, line.amount, line.fee, line.net, line.status,
                line.source })
        assert.is_true(world:get("/v1/charges/" .. object.charge).body.disputed)
    end)

    it("is an inquiry with the other test card, and no money moves", function()
        local object = disputed("pm_card_createDisputeInquiry")
        assert.same({ "warning_needs_response", true, {} },
            { object.status, object.is_charge_refundable, object.balance_transactions })
        assert.same({ "created" }, types_after(3))
    end)

    it("is opened by a control, of a part and for a reason", function()
        local intent = world:paid()
        local opened = world:control("dispute/" .. intent.latest_charge,
            { amount = 400, reason = "product_not_received" })
        assert.equal(200, opened.status, opened.text)
        assert.same({ 400, "product_not_received", -1900 },
            { opened.body.amount, opened.body.reason, net(opened.body) })
        assert.equal(400, world:control("dispute/" .. intent.id).status)
    end)

    local refusals = {
        { "an unknown charge", "ch_x", {}, 404 },
        { "an unknown reason", nil, { reason = "spite" }, 400 },
        { "more than was paid", nil, { amount = 10001 }, 400 },
        { "nothing", nil, { amount = 0 }, 400 },
    }
    for _, case in ipairs(refusals) do
        it("is not opened for " .. case[1], function()
            local intent = world:paid()
            local answer = world:control("dispute/" .. (case[2] or intent.id), case[3])
            assert.equal(case[4], answer.status)
            assert.same({}, world:get("/v1/disputes").body.data)
        end)
    end

    it("is not opened for what was refunded or not captured", function()
        local refunded = world:paid()
        world:post("/v1/refunds", "payment_intent=" .. refunded.id)
        assert.equal(400, world:control("dispute/" .. refunded.id).status)
        local held = world:paid(nil, "capture_method=manual")
        assert.equal(400, world:control("dispute/" .. held.id).status)
    end)

    it("follows a capture, when the card asks for it", function()
        local held = world:paid("pm_card_createDispute", "capture_method=manual")
        assert.same({}, world:get("/v1/disputes").body.data)
        world:post("/v1/payment_intents/" .. held.id .. "/capture", "amount_to_capture=600")
        assert.equal(600, world:get("/v1/disputes").body.data[1].amount)
    end)

    it("gives the money back when it is won, but not its fee", function()
        local object = disputed()
        local before = #world:event_types()
        assert.equal("won", acts(object, "/close", { won = true }).body.status)
        assert.same({ "closed", "funds_reinstated" }, types_after(before))
        local won = read(object)
        assert.same({ "won", 2, -1500 }, { won.status, #won.balance_transactions, net(won) })
        assert.equal("dispute_reversal", won.balance_transactions[2].reporting_category)
        assert.equal(400, acts(object, "/close", { won = false }).status)
    end)

    it("keeps the money when it is lost", function()
        local object = disputed()
        local before = #world:event_types()
        acts(object, "/close", { won = false })
        assert.same({ "closed" }, types_after(before))
        local lost = read(object)
        assert.same({ "lost", -11500 }, { lost.status, net(lost) })
    end)

    it("ends as a closed warning when it was an inquiry, whoever won", function()
        for _, is_won in ipairs({ true, false }) do
            local object = disputed("pm_card_createDisputeInquiry")
            assert.equal("warning_closed", acts(object, "/close", { won = is_won }).body.status)
            assert.equal(0, net(read(object)))
        end
    end)

    it("withdraws the money when an inquiry is escalated, once", function()
        local object = disputed("pm_card_createDisputeInquiry")
        local before = #world:event_types()
        assert.equal("needs_response", acts(object, "/escalate").body.status)
        assert.same({ "updated", "funds_withdrawn" }, types_after(before))
        assert.same({ -11500, false }, { net(read(object)), read(object).is_charge_refundable })
        assert.equal(400, acts(object, "/escalate").status)
    end)

    it("is accepted as lost by the platform", function()
        local object = disputed()
        local path = "/v1/disputes/" .. object.id .. "/close"
        assert.equal("lost", world:post(path).body.status)
        local again = world:post(path)
        assert.same({ 400, "This dispute is already closed." },
            { again.status, again.error.message })
    end)

    it("forbids a refund while the money is gone", function()
        local object, intent = disputed()
        local function refund()
            return world:post("/v1/refunds", "amount=1&payment_intent=" .. intent.id)
        end
        assert.equal("charge_disputed", refund().error.code)
        acts(object, "/close", { won = false })
        assert.equal("charge_disputed", refund().error.code)
        object, intent = disputed()
        acts(object, "/close", { won = true })
        assert.equal(200, refund().status)
        object, intent = disputed("pm_card_createDisputeInquiry")
        assert.equal(200, refund().status)
        acts(object, "/escalate")
        assert.equal("charge_disputed", refund().error.code)
    end)

    it("keeps evidence that is not submitted yet", function()
        local object = disputed()
        local path = "/v1/disputes/" .. object.id
        local staged = world:post(path,
            "evidence[customer_name]=Bela&evidence[uncategorized_text]=Paid&submit=false").body
        assert.same({ "needs_response", "Bela", true, 0 }, { staged.status,
            staged.evidence.customer_name, staged.evidence_details.has_evidence,
            staged.evidence_details.submission_count })
        local cleared = world:post(path,
            "evidence[customer_name]=&evidence[uncategorized_text]=&submit=false").body
        assert.is_false(cleared.evidence_details.has_evidence)
        local before = #world:event_types()
        local sent = world:post(path, "evidence[customer_name]=Bela").body
        assert.same({ "under_review", 1 }, { sent.status, sent.evidence_details.submission_count })
        assert.same({ "updated" }, types_after(before))
        assert.equal(400, world:post(path, "evidence[customer_name]=Late").status)
        assert.equal("Bela", read(object).evidence.customer_name)
    end)

    local texts = {
        { "winning_evidence", "won", "lost" },
        { "losing_evidence", "lost", "lost" },
        { "escalate_inquiry_evidence", "under_review", "needs_response" },
    }
    for _, case in ipairs(texts) do
        it("obeys the text " .. case[1], function()
            local object = disputed()
            local body = "evidence[uncategorized_text]=" .. case[1]
            assert.equal(case[2], world:post("/v1/disputes/" .. object.id, body).body.status)
        end)
    end

    it("of an inquiry is reviewed, and escalated by that text", function()
        local object = disputed("pm_card_createDisputeInquiry")
        local path = "/v1/disputes/" .. object.id
        assert.equal("needs_response",
            world:post(path, "evidence[uncategorized_text]=escalate_inquiry_evidence").body.status)
        local other = disputed("pm_card_createDisputeInquiry")
        assert.equal("warning_under_review", world:post("/v1/disputes/" .. other.id,
            "evidence[uncategorized_text]=Paid").body.status)
    end)

    it("takes metadata at any time", function()
        local object = disputed()
        acts(object, "/close")
        local changed = world:post("/v1/disputes/" .. object.id, "metadata[dispute_id]=7")
        assert.same({ dispute_id = "7" }, changed.body.metadata)
    end)

    it("is past due when nobody answered", function()
        local object = disputed()
        assert.is_false(object.evidence_details.past_due)
        world:control("clock", { advance = 7 * 86400 + 1 })
        assert.is_true(read(object).evidence_details.past_due)
    end)

    it("refuses evidence that Stripe does not know", function()
        local object = disputed()
        local refused = world:post("/v1/disputes/" .. object.id, "evidence[lies]=x")
        assert.equal("parameter_unknown", refused.error.code)
        local long = world:post("/v1/disputes/" .. object.id,
            "evidence[uncategorized_text]=" .. ("x"):rep(20001))
        assert.equal(400, long.status)
        assert.equal(404, world:get("/v1/disputes/dp_x").status)
    end)

    it("is listed by charge, and expanded", function()
        local object = disputed()
        disputed()
        local list = world:get("/v1/disputes?expand[]=data.charge&charge=" .. object.charge)
        assert.equal(1, #list.body.data)
        assert.equal("charge", list.body.data[1].charge.object)
    end)

    it("tells its whole self in its events", function()
        local object = disputed()
        sender.run(world.emulator)
        local told = world.sent[5].event.data.object
        assert.same({ object.id, -11500 }, { told.id, net(told) })
    end)
end)
