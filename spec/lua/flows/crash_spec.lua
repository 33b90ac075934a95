--- Dies at every labelled instant of a purchase and a refund, and finishes them after the restart:
--- each thing was done once at Stripe, and has one effect here.
local crash = require("spec.support.crash")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local tree = require("spec.support.tree")
local world = require("spec.support.world")

local PI = "/v1/payment_intents"

describe("crash points", function()
    it("have labels that the list knows", function()
        local known, problems = {}, {}
        for _, label in ipairs(crash.labels()) do
            known[label] = true
        end
        assert.truthy(known["op.added"])
        for _, path in ipairs(tree.files("%.lua$", "lua plugins")) do
            for label in (shell.read(path) or ""):gmatch('crash%("([%w_.]+)"%)') do
                if not known[label] then
                    problems[#problems + 1] = path .. ": " .. label
                end
            end
        end
        assert.same({}, problems)
    end)
end)

describe("a server that dies", function()
    local w, shop

    setup(function()
        w = world.start({ set = {
            ["stripe.resend_after_s"] = 1, ["order.expires_after_s"] = 600,
        } })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    before_each(function()
        story.emulator(w, "POST", "/webhooks", { hold = true })
    end)

    local function died(label)
        shell.wait_until("the death at " .. label, 40, function()
            return w.server:exit_code()
        end)
        assert.equal(label, crash.fired(w.server))
        w.server:restart()
        w.db:query("update stripe_ops set next_at = now() where state = 'SENT'")
        w.db:query("update stripe_events set next_at = now() where state = 'NEW'")
    end

    --- What was done at Stripe for an order by calls on a path.
    local function executed(made, path)
        local count = 0
        for _, entry in ipairs(story.asked(w, "POST", path)) do
            if entry.path == path and entry.executed and entry.body
                and entry.body:find(made.order.id, 1, true) then
                count = count + 1
            end
        end
        return count
    end

    local function start(made)
        return w:request("POST", "/api/orders/" .. made.order.id .. "/payment", made.buyer,
            { method = "CARD" })
    end

    local function opened(made)
        return shell.wait_until("the payment is open", 20, function()
            local answer = start(made)
            return answer.status == 201 and answer.json
        end)
    end

    for _, label in ipairs({ "op.added", "op.sent", "op.answered", "payment.applied",
        "op.finished" }) do
        it("at " .. label .. " has made one PaymentIntent and sells once (scenarios 21 and 23)",
            function()
                local made = story.ordered(w, { shop = shop })
                crash.arm(w.server, label)
                start(made)
                died(label)
                local payment = opened(made)
                assert.equal(1, executed(made, PI))
                w:present(payment)
                assert.equal("CONFIRMED", w:confirm(made.buyer, made.order, payment).json.status)
                assert.equal(1, story.count(w, "paid", made.order.id))
            end)
    end

    for _, label in ipairs({ "event.kept", "payment.applied", "event.handled",
        "event.finished" }) do
        it("at " .. label .. " takes the event when it comes again, once (scenarios 22 and 23)",
            function()
                local made = story.ordered(w, { shop = shop })
                w:present(opened(made))
                crash.arm(w.server, label)
                story.emulator(w, "POST", "/webhooks", { release = true })
                died(label)
                story.wait_for(w, made, "CONFIRMED")
                assert.equal(1, story.count(w, "paid", made.order.id))
                assert.same({ made.thing.stock - 1, 0 }, story.shelf(w, made))
            end)
    end

    for _, label in ipairs({ "refund.opened", "op.added", "op.sent", "op.answered",
        "op.finished" }) do
        it("at " .. label .. " of a refund gives the money back once (scenario 23)", function()
            local made = story.ordered(w, { shop = shop })
            w:pay(made.buyer, made.order)
            local path = "/api/orders/" .. made.order.id .. "/cancel"
            crash.arm(w.server, label)
            w:request("POST", path, made.buyer, { reason = "spec" })
            died(label)
            local answer = w:request("POST", path, made.buyer, { reason = "spec" })
            assert.truthy(answer.status == 200 or answer.status == 409, answer.body)
            shell.wait_until("the refund", 20, function()
                return w.db:value("select count(*) from refunds where status = 'SUCCEEDED' "
                    .. "and order_id = '" .. made.order.id .. "'") == 1
            end)
            assert.equal(1, executed(made, "/v1/refunds"))
            assert.equal(1, story.count(w, "refund", made.order.id))
        end)
    end

    it("at answer.stored makes the order of an Idempotency-Key once", function()
        local buyer = w:buyer()
        w:add(buyer, w:product(shop), 1)
        local headers = { ["Idempotency-Key"] = "spec-1" }
        crash.arm(w.server, "answer.stored")
        w:request("POST", "/api/checkout", buyer, { shippingAddress = world.ADDRESS }, headers)
        died("answer.stored")
        local order = w:checkout(buyer, headers)
        assert.equal(order.id, w:checkout(buyer, headers).id)
        assert.equal(1, w.db:value(
            "select count(*) from orders where buyer_id = '" .. buyer.buyer_id .. "'"))
    end)

    it("loses one worker only, when that is asked, and passes as often as it is told", function()
        local first, second = story.ordered(w, { shop = shop }), story.ordered(w, { shop = shop })
        local pid = w.server.pid
        crash.arm(w.server, "op.sent", 1, "worker")
        assert.equal(201, start(first).status)
        assert.not_equal(201, start(second).status)
        assert.equal("op.sent", crash.fired(w.server))
        assert.is_nil(w.server:exit_code())
        assert.equal(pid, w.server.pid)
        w.db:query("update stripe_ops set next_at = now() where state = 'SENT'")
        opened(second)
        assert.equal(1, executed(second, PI))
    end)
end)
