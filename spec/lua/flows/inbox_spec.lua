--- Events from Stripe: signed, kept, applied once, in any order.
local client = require("spec.support.client")
local core_stripe = require("core.stripe")
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local CONNECT_SECRET = "whsec_connect_specs"
local NEXT_SECRET = "whsec_next_specs"

local made_events = 0

local function event(kind, object)
    made_events = made_events + 1
    return {
        id = "evt_spec_" .. made_events, object = "event", type = kind, created = os.time(),
        livemode = false, api_version = "2023-08-16", data = { object = object },
    }
end

describe("POST /api/webhooks/stripe", function()
    local w, shop

    setup(function()
        w = world.start({
            is_without_webhooks = true,
            set = {
                ["stripe.connect_webhook_secrets"] = CONNECT_SECRET,
                ["stripe.webhook_secrets"] = NEXT_SECRET .. "," .. emulator.WEBHOOK_SECRET,
            },
        })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    --- options: secret, at_s, path, header, body.
    local function prepared(value, options)
        options = options or {}
        local body = options.body or client.json.encode(value)
        local header = options.header or core_stripe.sign(
            body, options.secret or emulator.WEBHOOK_SECRET, options.at_s or os.time())
        return w:prepared("POST", options.path or "/api/webhooks/stripe", nil, body,
            { ["Stripe-Signature"] = header })
    end

    local function send(value, options)
        return client.request(prepared(value, options))
    end

    local function kept(id)
        return w.db:value("select state from stripe_events where id = '" .. id .. "'")
    end

    --- A paid PaymentIntent that our server has not heard of yet, as an event.
    local function paid_event()
        local made = story.ordered(w, { shop = shop })
        local payment = w:payment(made.buyer, made.order)
        local answer = w:present(payment)
        assert(answer.status == 200, answer.body)
        local id = payment.clientSecret:match("^(pi_%w+)_secret")
        local intent = emulator.call(w.stripe, "GET", "/v1/payment_intents/" .. id).json
        return made, event("payment_intent.succeeded", intent)
    end

    it("confirms the order by the event alone, and answers after the commit", function()
        local made, paid = paid_event()
        assert.equal(200, send(paid).status)
        assert.equal("CONFIRMED", story.order(w, made).status)
        assert.equal("DONE", kept(paid.id))
    end)

    it("has one effect when the same event comes five times in a row (scenario 16)", function()
        local made, paid = paid_event()
        for _ = 1, 5 do
            assert.equal(200, send(paid).status)
        end
        assert.equal(1, story.count(w, "paid", made.order.id))
        assert.same({ 2, 0 }, story.shelf(w, made))
    end)

    it("has one effect when events and the buyer come all at once (scenario 16)", function()
        local made, paid = paid_event()
        local payment = story.order(w, made).payment
        local entries = {}
        for i = 1, 8 do
            entries[2 * i - 1] = prepared(paid)
            entries[2 * i] = w:prepared("POST",
                "/api/orders/" .. made.order.id .. "/confirm-payment", made.buyer,
                { paymentId = payment.id })
        end
        for _, answer in ipairs(client.parallel(entries)) do
            assert.equal(200, answer.status, answer.body)
        end
        assert.equal(1, story.count(w, "paid", made.order.id))
    end)

    it("changes nothing by old news after the payment has succeeded (scenario 17)", function()
        local made, paid = paid_event()
        send(paid)
        local old = event("payment_intent.payment_failed", paid.data.object)
        old.data.object.status = "requires_payment_method"
        assert.equal(200, send(old).status)
        assert.equal("CONFIRMED", story.order(w, made).status)
        assert.equal("SUCCEEDED", story.order(w, made).payment.status)
    end)

    it("takes news that is not final as a hint only, and asks Stripe", function()
        local made, paid = paid_event()
        local hint = event("payment_intent.processing", paid.data.object)
        hint.data.object.status = "processing"
        assert.equal(200, send(hint).status)
        assert.equal("CONFIRMED", story.order(w, made).status)
    end)

    it("keeps no client secret", function()
        local _, paid = paid_event()
        send(paid)
        assert.equal(0, w.db:value("select count(*) from stripe_events "
            .. "where payload::text like '%client_secret%'"))
    end)

    it("keeps a type it has no use for, and ignores it (scenario 37)", function()
        local odd = event("product.created", { id = "prod_1", object = "product" })
        assert.equal(200, send(odd).status)
        assert.equal("IGNORED", kept(odd.id))
    end)

    it("ignores a PaymentIntent that is not ours", function()
        local odd = event("payment_intent.succeeded", {
            id = "pi_elsewhere", status = "succeeded", amount = 1, amount_received = 1,
            currency = "usd", livemode = false, metadata = {},
        })
        assert.equal(200, send(odd).status)
        assert.equal("IGNORED", kept(odd.id))
    end)

    local function refused(name, scenario, make)
        it(("refuses %s and keeps nothing (scenario %d)"):format(name, scenario), function()
            local value = event("product.created", { id = "prod_2", object = "product" })
            local answer = send(value, make(client.json.encode(value)))
            assert.same({ 400, "bad_signature" }, { answer.status, answer.json.code })
            assert.is_nil(kept(value.id))
        end)
    end

    refused("another secret", 33, function()
        return { secret = "whsec_wrong" }
    end)
    refused("a signature of more than five minutes ago", 33, function()
        return { at_s = os.time() - 302 }
    end)
    refused("a signature from the future", 33, function()
        return { at_s = os.time() + 360 }
    end)
    refused("a body that was changed by one space", 33, function(body)
        return {
            header = core_stripe.sign(body, emulator.WEBHOOK_SECRET, os.time()), body = body .. " ",
        }
    end)
    refused("a v0 signature", 33, function(body)
        local header = core_stripe.sign(body, emulator.WEBHOOK_SECRET, os.time())
        return { header = header:gsub("v1=", "v0="), body = body }
    end)
    refused("an event signed for the connect endpoint", 36, function()
        return { secret = CONNECT_SECRET }
    end)
    refused("an event signed for the platform endpoint at the other one", 36, function()
        return { path = "/api/webhooks/stripe/connect" }
    end)

    it("takes both secrets while one replaces the other (scenario 34)", function()
        for _, secret in ipairs({ emulator.WEBHOOK_SECRET, NEXT_SECRET }) do
            local value = event("product.created", { id = "prod_3", object = "product" })
            assert.equal(200, send(value, { secret = secret }).status)
            assert.equal("IGNORED", kept(value.id))
        end
    end)

    it("ignores the id of an event that was handled, whatever comes with it (scenario 35)",
        function()
            local made, paid = paid_event()
            send(paid)
            local old = event("payment_intent.canceled", { id = paid.data.object.id,
                object = "payment_intent", status = "canceled", metadata = {} })
            old.id = paid.id
            assert.equal(200, send(old).status)
            assert.equal("CONFIRMED", story.order(w, made).status)
            assert.equal(1, w.db:value(
                "select tries from stripe_events where id = '" .. paid.id .. "'"))
        end)

    --- Events as the drain finds them: { id, object, occurred_s, due_s } each. They come in one
    -- statement, for the drain takes what it sees between two.
    local function left_over(events)
        local rows = {}
        for i, it in ipairs(events) do
            rows[i] = ("('%s', 'platform', 'product.updated', '%s', false, '%s', to_timestamp(%d), "
                .. "now() + interval '%d s')"):format(it[1], it[2], client.json.encode({
                id = it[1], type = "product.updated", created = it[3],
                data = { object = { id = it[2] } },
            }), it[3], it[4])
        end
        w.db:query("insert into stripe_events (id, endpoint, type, object_id, is_live, payload, "
            .. "occurred_at, next_at) values " .. table.concat(rows, ", "))
    end

    local function order_of(object_id)
        local ids = {}
        for _, row in ipairs(w.db:query("select id from stripe_events where object_id = '"
            .. object_id .. "' and state = 'IGNORED' order by processed_at")) do
            ids[#ids + 1] = row[1]:match("%d+$")
        end
        return table.concat(ids, " ")
    end

    it("handles what is left of one object in the order in which it happened", function()
        local events = {}
        for i, at in ipairs({ 5, 2, 4, 1, 3 }) do
            events[i] = { "evt_left_" .. at, "prod_left", 1700000000 + at, i % 2 }
        end
        left_over(events)
        shell.wait_until("the drain", 20, function()
            return order_of("prod_left") == "1 2 3 4 5"
        end)
    end)

    it("lets newer news of an object wait for older news that is not due", function()
        left_over({
            { "evt_held_1", "prod_held", 1700000001, 3600 },
            { "evt_held_2", "prod_held", 1700000002, 0 },
            { "evt_held_3", "prod_free", 1700000003, 0 },
        })
        shell.wait_until("the drain", 20, function()
            return order_of("prod_free") == "3"
        end)
        assert.equal("", order_of("prod_held"))
        w.db:query("update stripe_events set next_at = now() where id = 'evt_held_1'")
        shell.wait_until("the drain", 20, function()
            return order_of("prod_held") == "1 2"
        end)
    end)

    it("refuses what has no signature (scenario 33)", function()
        assert.equal(400, w:request("POST", "/api/webhooks/stripe", nil, { id = "evt_x" }).status)
    end)

    it("refuses a body above 1 MiB (scenario 33)", function()
        local answer = send(nil, { body = '{"x":"' .. ("a"):rep(2 * 1048576) .. '"}' })
        assert.equal(413, answer.status)
    end)

    local function remark_of(id)
        local row = w.db:query("select endpoint, state, problem from stripe_events where id = '"
            .. id .. "'")[1]
        return row
    end

    it("keeps an event of an account that no vendor has, and ignores it", function()
        local theirs = event("payout.paid", { id = "po_1", object = "payout" })
        theirs.account = "acct_nobody"
        local answer = send(theirs,
            { secret = CONNECT_SECRET, path = "/api/webhooks/stripe/connect" })
        assert.equal(200, answer.status)
        local row = remark_of(theirs.id)
        assert.same({ "connect", "IGNORED" }, { row[1], row[2] })
    end)

    it("ignores an event that came to the other endpoint", function()
        local theirs = event("payment_intent.succeeded", { id = "pi_1", object = "payment_intent" })
        theirs.account = "acct_1"
        assert.equal(200, send(theirs).status)
        assert.same({ "platform", "IGNORED", "belongs to the other endpoint" },
            remark_of(theirs.id))
        local ours = event("payment_intent.succeeded", { id = "pi_2", object = "payment_intent" })
        send(ours, { secret = CONNECT_SECRET, path = "/api/webhooks/stripe/connect" })
        assert.same({ "connect", "IGNORED", "belongs to the other endpoint" }, remark_of(ours.id))
    end)

    it("answers 5xx when it cannot ask Stripe, and does it when the event comes again", function()
        local made, paid = paid_event()
        local hint = event("payment_intent.processing", paid.data.object)
        hint.data.object.status = "processing"
        story.fault(w, { kind = "error_before", method = "GET", path = "/v1/payment_intents/*",
            times = 1000 })
        assert.equal(503, send(hint).status)
        assert.equal("NEW", kept(hint.id))
        story.emulator(w, "DELETE", "/faults")
        shell.wait_until("Stripe can be asked again", 20, function()
            return send(hint).status == 200
        end)
        assert.equal("CONFIRMED", story.order(w, made).status)
    end)
end)
