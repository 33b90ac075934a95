--- Stripe away, silent or late: the order stays open, nobody pays twice.
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

describe("while Stripe is away", function()
    local w, shop

    local function ordered()
        local buyer, lamp = w:buyer(), w:product(shop, { price = 2500, stock = 2 })
        w:add(buyer, lamp)
        return { buyer = buyer, lamp = lamp, order = w:checkout(buyer) }
    end

    local function ask_for_payment(story)
        return w:request("POST", "/api/orders/" .. story.order.id .. "/payment", story.buyer,
            { method = "CARD" })
    end

    local function status_of(story)
        return w:expect(200, "GET", "/api/orders/" .. story.order.id, story.buyer).status
    end

    local function intents()
        local answer = emulator.call(w.stripe, "GET", "/v1/payment_intents?limit=100")
        return #answer.json.data
    end

    setup(function()
        w = world.start({ set = { ["stripe.timeout_ms"] = 1000 } })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    it("answers 503, keeps the order PENDING, and can be paid when it is back", function()
        local story = ordered()
        w.stripe:stop()
        local refused = ask_for_payment(story)
        assert.equal(503, refused.status, refused.body)
        assert.is_truthy(refused.headers["retry-after"])
        assert.equal("PENDING", status_of(story))
        w.stripe:restart()
        shell.wait_until("a payment", 20, function()
            return ask_for_payment(story).status == 201
        end)
        assert.equal(200, w:pay(story.buyer, story.order).status)
        assert.equal("CONFIRMED", status_of(story))
    end)

    it("makes one PaymentIntent of tries that were not answered", function()
        local story = ordered()
        local before = intents()
        w.stripe:signal("STOP")
        local unanswered = ask_for_payment(story)
        assert.equal(503, unanswered.status, unanswered.body)
        w.stripe:signal("CONT")
        shell.wait_until("a payment", 20, function()
            return ask_for_payment(story).status == 201
        end)
        assert.equal(200, w:pay(story.buyer, story.order).status)
        assert.equal(before + 1, intents())
    end)

    it("takes a confirmation that came while nobody could ask", function()
        local story = ordered()
        local payment = w:payment(story.buyer, story.order)
        w:present(payment)
        w.stripe:signal("STOP")
        local asked = w:confirm(story.buyer, story.order, payment)
        assert.is_true(asked.status == 200 or asked.status == 503, asked.body)
        w.stripe:signal("CONT")
        shell.wait_until("the confirmation", 20, function()
            return w:confirm(story.buyer, story.order, payment).status == 200
        end)
        local stock, reserved = w:stock(shop, story.lamp)
        assert.same({ 1, 0 }, { stock, reserved })
    end)
end)
