--- The outbox against a Stripe that fails in every way: same key, same bytes, one effect.
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local stripe_ops = require("flows.stripe_ops")
local crypto = require("core.crypto")
local json = require("core.json")
local world = require("spec.support.world")

local PI = "/v1/payment_intents"

describe("flows.stripe_ops", function()
    local w, shop

    setup(function()
        w = world.start({
            is_without_webhooks = true,
            set = { ["stripe.resend_after_s"] = 1 },
        })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    before_each(function()
        story.emulator(w, "DELETE", "/faults")
    end)

    local function start(made)
        return w:request("POST", "/api/orders/" .. made.order.id .. "/payment", made.buyer,
            { method = "CARD" })
    end

    local function calls(made)
        local found, executed = {}, 0
        for _, entry in ipairs(story.asked(w, "POST", PI)) do
            if entry.path == PI and entry.idempotency_key:find(made.order.id, 1, true) then
                found[#found + 1] = entry
                executed = executed + (entry.executed and 1 or 0)
            end
        end
        return found, executed
    end

    local function state_of(made)
        return w.db:value(("select state from stripe_ops where kind = 'payment_create' and "
            .. "idempotency_key like '%%%s%%'"):format(made.order.id))
    end

    for _, fault in ipairs({
        { kind = "drop_before" }, { kind = "drop_after", scenario = 18 }, { kind = "error_before" },
        { kind = "html_502" }, { kind = "truncate" }, { kind = "hang", scenario = 20, ms = 1500 },
        { kind = "lock_timeout", scenario = 27 }, { kind = "conflict", scenario = 28 },
    }) do
        local scenario = fault.scenario and (" (scenario %d)"):format(fault.scenario) or ""
        it("gets one PaymentIntent through " .. fault.kind .. scenario, function()
            local made = story.ordered(w, { shop = shop })
            story.fault(w, { kind = fault.kind, method = "POST", path = PI, ms = fault.ms })
            local answer = start(made)
            if answer.status ~= 201 then
                assert.equal(503, answer.status)
                answer = start(made)
            end
            assert.equal(201, answer.status, answer.body)
            local sent, executed = calls(made)
            assert.equal(1, executed)
            for _, entry in ipairs(sent) do
                assert.same({ sent[1].idempotency_key, sent[1].body },
                    { entry.idempotency_key, entry.body })
            end
            assert.equal("DONE", state_of(made))
        end)
    end

    it("adopts what a failed call made when Stripe answers with the failure (scenario 19)",
        function()
            local made = story.ordered(w, { shop = shop })
            story.fault(w, { kind = "error_after", method = "POST", path = PI })
            local payment
            shell.wait_until("the payment is open", 20, function()
                local answer = start(made)
                payment = answer.json
                return answer.status == 201
            end)
            local _, executed = calls(made)
            assert.equal(1, executed)
            assert.equal("DONE", state_of(made))
            w:present(payment)
            assert.equal("CONFIRMED", w:confirm(made.buyer, made.order, payment).json.status)
        end)

    it("adopts a refund that Stripe made and then failed to tell (scenario 19)", function()
        local made = story.paid(w, { shop = shop })
        story.fault(w, { kind = "error_after", method = "POST", path = "/v1/refunds" })
        w:expect(200, "POST", "/api/orders/" .. made.order.id .. "/cancel", made.buyer,
            { reason = "spec" })
        shell.wait_until("the refund", 20, function()
            return w.db:value("select status from refunds where order_id = '"
                .. made.order.id .. "'") == "SUCCEEDED"
        end)
        local executed = 0
        for _, entry in ipairs(story.asked(w, "POST", "/v1/refunds")) do
            executed = executed + (entry.executed and 1 or 0)
        end
        assert.equal(1, executed)
    end)

    it("is sent by the sweep when the process that meant to send it was killed", function()
        local made = story.ordered(w, { shop = shop })
        story.fault(w, { kind = "slow", method = "POST", path = PI, ms = 2000 })
        shell.run(("(curl -s -m 60 -o /dev/null -X POST -H 'Authorization: Bearer %s' "
            .. "-H 'Content-Type: application/json' -d '{\"method\":\"CARD\"}' "
            .. "http://127.0.0.1:%d/api/orders/%s/payment >/dev/null 2>&1 &)"):format(
            made.buyer.token, w.port, made.order.id))
        shell.wait_until("the call is under way", 20, function()
            return state_of(made) == "SENT"
        end)
        w.server:kill_all()
        assert.equal("SENT", state_of(made))
        w.db:query("update stripe_ops set next_at = now() where state = 'SENT'")
        w.server:restart()
        shell.wait_until("the sweep", 60, function()
            return state_of(made) == "DONE"
        end)
        local _, executed = calls(made)
        assert.equal(1, executed)
        assert.equal("CONFIRMED", w:pay(made.buyer, made.order).json.status)
    end)

    --- An order whose payment a call of a day ago began, of which is not known what came of it: it
    --- gets that old as it is written down, or it would be sent again meanwhile.
    local function of_yesterday(kind)
        local made = story.ordered(w, { shop = shop })
        w.db:query([[
            create or replace function spec_yesterday() returns trigger language plpgsql as $$
            begin
                new.first_sent_at := now() - interval '24 hours';
                new.next_at := now();
                return new;
            end;
            $$;
            create trigger spec_yesterday before update on stripe_ops
            for each row when (new.state = 'UNKNOWN') execute function spec_yesterday();
        ]])
        story.fault(w, { kind = kind, method = "POST", path = PI, times = 3 })
        start(made)
        shell.wait_until("a call of yesterday", 30, function()
            return w.db:value(("select count(*) from stripe_ops where first_sent_at < now() "
                .. "- interval '23 hours' and idempotency_key like '%%%s%%'"):format(
                made.order.id)) > 0
        end)
        w.db:query("drop trigger spec_yesterday on stripe_ops")
        return made
    end

    local function settled(made)
        shell.wait_until("the outbox has settled", 20, function()
            return w.db:value(("select bool_and(state in ('DONE', 'REJECTED')) from stripe_ops "
                .. "where idempotency_key like '%%%s%%'"):format(made.order.id)) == "t"
        end)
    end

    it("looks for what an operation older than a day has made, and adopts it (scenario 29)",
        function()
            local made = of_yesterday("truncate")
            local before = #calls(made)
            story.emulator(w, "POST", "/clock", { advance = 86400 + 60 })
            settled(made)
            assert.same({ before, "DONE" }, { #calls(made), state_of(made) })
            assert.equal("CONFIRMED", w:pay(made.buyer, made.order).json.status)
        end)

    it("sends under a new key what an operation older than a day has not made (scenario 29)",
        function()
            local made = of_yesterday("error_before")
            settled(made)
            local sent, executed = calls(made)
            assert.equal(1, executed)
            assert.equal(sent[1].idempotency_key .. "~2", sent[#sent].idempotency_key)
            assert.equal(sent[1].body, sent[#sent].body)
            assert.equal("CONFIRMED", w:pay(made.buyer, made.order).json.status)
        end)

    local function queue(lane, ref_id)
        w.db:query(([[
            insert into stripe_ops (kind, ref_id, idempotency_key, path, body, api_version, lane)
            values ('payment_cancel', '%s', 'lane:%s', '/v1/payment_intents/%s/cancel',
                'cancellation_reason=abandoned', '2023-08-16', '%s')]]):format(
            ref_id, ref_id, ref_id, lane))
    end

    it("sends only the oldest of what is open in a lane, in order", function()
        local ids = {}
        for i = 1, 3 do
            ids[i] = crypto.uuid7()
        end
        story.fault(w, { kind = "error_before", method = "POST", times = 3,
            path = PI .. "/" .. ids[1] .. "/cancel" })
        for i = 1, 3 do
            queue("lane-a", ids[i])
        end
        queue("lane-b", crypto.uuid7())
        shell.wait_until("the lanes are empty", 20, function()
            return w.db:value("select count(*) from stripe_ops where lane is not null "
                .. "and state in ('NEW', 'SENT', 'UNKNOWN')") == 0
        end)
        local order = {}
        for _, entry in ipairs(story.asked(w, "POST", PI)) do
            for i, id in ipairs(ids) do
                if entry.path:find(id, 1, true) then
                    order[#order + 1] = i
                end
            end
        end
        assert.same({ 1, 1, 1, 1, 2, 3 }, order)
    end)
end)

describe("stripe_ops.add", function()
    local function adding(metadata)
        return function()
            stripe_ops.add({
                kind = "payment_create", ref_id = crypto.uuid7(), key = "spec:1", path = PI,
                params = { amount = 1, metadata = metadata },
            })
        end
    end

    it("refuses metadata that Stripe would not take", function()
        local many = {}
        for i = 1, 51 do
            many["key" .. i] = "x"
        end
        assert.has_error(adding(many), "more metadata than Stripe takes")
        for _, metadata in ipairs({ { [("k"):rep(41)] = "x" }, { k = ("v"):rep(501) } }) do
            local _, message = pcall(adding(metadata))
            assert.matches("is longer than Stripe takes", message)
        end
    end)
end)

describe("stripe_ops.redact", function()
    it("drops the secret inside an address too, which 3DS steps have", function()
        local kept = stripe_ops.redact({ next_action = { redirect_to_url = {
            url = "http://x/pay/pi_1_secret_AbC9/3ds?pi=pi_1" } } })
        assert.equal("http://x/pay/pi_1_secret_/3ds?pi=pi_1",
            kept.next_action.redirect_to_url.url)
    end)

    it("drops client secrets at any depth, and nothing else", function()
        local kept = stripe_ops.redact({
            id = "pi_1", client_secret = "s", list = { { client_secret = "s", a = 1 } },
            error = { payment_intent = { client_secret = "s", status = "x" } },
        })
        assert.same({
            id = "pi_1", list = { { a = 1 } }, error = { payment_intent = { status = "x" } },
        }, json.decode(json.encode(kept)))
    end)
end)
