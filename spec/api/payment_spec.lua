--- Ways a payment goes: every one ends with one confirmation and one posting, or with none.
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

--- Starts an order of one lamp; what a test needs to follow it.
local function ordered(w, shop)
    local lamp = w:product(shop, { price = 6000, stock = 3 })
    local buyer = w:buyer()
    w:add(buyer, lamp)
    return { buyer = buyer, lamp = lamp, order = w:checkout(buyer) }
end

local function status_of(w, story)
    return w:expect(200, "GET", "/api/orders/" .. story.order.id, story.buyer).status
end

local function wait_for_status(w, story, status)
    shell.wait_until("order " .. status, 20, function()
        return status_of(w, story) == status
    end)
end

local function postings(w, story)
    return w.db:value(([[select count(*) from ledger_transactions
        where kind = 'paid' and ref like '%%%s%%']]):format(story.order.id))
end

describe("paying an order", function()
    local w, shop

    local function assert_sold(story)
        assert.equal("CONFIRMED", status_of(w, story))
        local stock, reserved = w:stock(shop, story.lamp)
        assert.same({ 2, 0 }, { stock, reserved })
        assert.equal(1, postings(w, story))
    end

    setup(function()
        w = world.start()
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    it("confirms it when the client asks to", function()
        local story = ordered(w, shop)
        local answer = w:pay(story.buyer, story.order)
        assert.equal(200, answer.status)
        assert.equal("CONFIRMED", answer.json.status)
        assert_sold(story)
    end)

    it("confirms it by the webhook alone", function()
        local story = ordered(w, shop)
        w:present(w:payment(story.buyer, story.order))
        wait_for_status(w, story, "CONFIRMED")
        assert_sold(story)
    end)

    it("confirms it once when client and webhook come together", function()
        local story = ordered(w, shop)
        local payment = w:payment(story.buyer, story.order)
        w:present(payment)
        local path = "/api/orders/" .. story.order.id .. "/confirm-payment"
        local entries = {}
        for i = 1, 8 do
            entries[i] = w:prepared("POST", path, story.buyer, { paymentId = payment.paymentId })
        end
        for _, answer in ipairs(client.parallel(entries)) do
            assert.equal(200, answer.status, answer.body)
        end
        wait_for_status(w, story, "CONFIRMED")
        assert_sold(story)
    end)

    it("answers 402 for a declined card, and takes another", function()
        local story = ordered(w, shop)
        local declined, payment = w:pay(story.buyer, story.order, "pm_card_chargeDeclined")
        assert.equal(402, declined.status)
        assert.equal("payment_declined", declined.json.code)
        assert.equal("PENDING", status_of(w, story))
        assert.equal(payment.paymentId, w:payment(story.buyer, story.order).paymentId)
        assert.equal(200, w:pay(story.buyer, story.order).status)
        assert_sold(story)
    end)

    it("waits for 3-D Secure, and confirms when it is done (scenario 8)", function()
        local story = ordered(w, shop)
        local waiting, payment =
            w:pay(story.buyer, story.order, "pm_card_authenticationRequired")
        assert.equal(202, waiting.status)
        assert.equal("PENDING", status_of(w, story))
        w:authenticate(payment)
        assert.equal(200, w:confirm(story.buyer, story.order, payment).status)
        assert_sold(story)
    end)

    it("stays PENDING when nobody has paid", function()
        local story = ordered(w, shop)
        local payment = w:payment(story.buyer, story.order)
        assert.is_true(w:confirm(story.buyer, story.order, payment).status ~= 200)
        assert.equal("PENDING", status_of(w, story))
        assert.equal(0, postings(w, story))
    end)

    it("is not another buyer's business", function()
        local story = ordered(w, shop)
        local payment = w:payment(story.buyer, story.order)
        w:present(payment)
        assert.equal(404, w:confirm(w:buyer(), story.order, payment).status)
    end)
end)

describe("an abandoned order", function()
    it("expires, and its stock comes back", function()
        local w = world.start({ set = { ["order.expires_after_s"] = 1 } })
        local shop = w:vendor()
        local without, with = ordered(w, shop), ordered(w, shop)
        pcall(w.payment, w, with.buyer, with.order)
        for _, story in ipairs({ without, with }) do
            wait_for_status(w, story, "EXPIRED")
            local stock, reserved = w:stock(shop, story.lamp)
            assert.same({ 3, 0 }, { stock, reserved })
        end
        local late = w:request("POST", "/api/orders/" .. with.order.id .. "/payment", with.buyer,
            { method = "CARD" })
        assert.equal(410, late.status)
        w:assert_invariants()
        w:stop()
    end)
end)
