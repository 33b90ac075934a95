--- What the bank is told, once the operator has submitted it.
local client = require("spec.support.client")
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("POST /api/admin/disputes/{id}/evidence", function()
    local w, shop

    setup(function()
        w = world.start({ set = { ["stripe.resend_after_s"] = 1 } })
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function row_of(made)
        return w:expect(200, "GET", "/api/admin/disputes?orderId=" .. made.order.id,
            w:admin()).data[1]
    end

    --- A disputed order whose goods were shipped, and its dispute as we show it.
    local function disputed(options)
        local made = story.paid(w, { shop = shop })
        local part = story.part(w, made)
        story.ship(w, shop, part.id, "PROCESSING")
        w:expect(200, "PATCH", "/api/vendor/orders/" .. part.id .. "/status", shop,
            { status = "SHIPPED", carrier = "DHL", trackingNumber = "JD0146" })
        story.emulator(w, "POST",
            "/dispute/" .. made.payment.clientSecret:match("^(pi_%w+)_secret"), options or {})
        shell.wait_until("the dispute", 30, function()
            return row_of(made) ~= nil
        end)
        story.all_told(w)
        return made, row_of(made)
    end

    local function send(row, body, who, headers)
        return w:request("POST", "/api/admin/disputes/" .. row.id .. "/evidence",
            who or w:admin(), body, headers)
    end

    local function at_stripe(row)
        return emulator.call(w.stripe, "GET", "/v1/disputes/" .. row.providerDisputeId).json
    end

    local function wait_for(made, state)
        shell.wait_until("evidence " .. state, 30, function()
            return row_of(made).evidenceState == state
        end)
    end

    it("tells what is given, and what the order knows", function()
        local earliest = os.date("!%Y-%m-%d")
        local made, row = disputed()
        local latest = os.date("!%Y-%m-%d")
        assert.equal("NONE", row.evidenceState)
        local answer = send(row, { uncategorized_text = "Signed for.", submit = true })
        assert.same({ 202, "SENDING" }, { answer.status, answer.json.evidenceState })
        wait_for(made, "SENT")
        local object = at_stripe(row)
        assert.same({
            "under_review", "Signed for.", "DHL", "JD0146", "Ada Buyer",
            "1 x " .. made.order.items[1].name,
            "1 Market Lane, 1100-148, Lisbon, PT",
        }, {
            object.status, object.evidence.uncategorized_text, object.evidence.shipping_carrier,
            object.evidence.shipping_tracking_number, object.evidence.customer_name,
            object.evidence.product_description, object.evidence.shipping_address,
        })
        local shipped = object.evidence.shipping_date
        assert.is_true(shipped == earliest or shipped == latest, shipped)
        local shown = row_of(made)
        assert.equal("Signed for.", shown.evidence.uncategorized_text)
        assert.equal("string", type(shown.evidenceSubmittedAt))
        assert.equal("under_review", shown.providerStatus)
        assert.same({ "dispute.evidence", "true" }, w.db:query(("select action, after ->> 'submit' "
            .. "from audit_log where object = 'dispute:%s'"):format(row.id))[1])
    end)

    it("can be sent again until it is submitted", function()
        local made, row = disputed()
        assert.equal(202, send(row, { shipping_carrier = "UPS", submit = false }).status)
        wait_for(made, "SENT")
        assert.same({ "needs_response", "UPS" },
            { at_stripe(row).status, at_stripe(row).evidence.shipping_carrier })
        assert.equal(202, send(row, { submit = true }).status)
        shell.wait_until("it is submitted", 30, function()
            return at_stripe(row).status == "under_review"
        end)
        shell.wait_until("we know", 30, function()
            return row_of(made).providerStatus == "under_review"
        end)
        assert.same({ 409, "conflict" },
            { send(row, { submit = true }).status, send(row, { submit = true }).json.code })
    end)

    it("may win the dispute, or lose it", function()
        for text, state in pairs({ winning_evidence = "WON", losing_evidence = "LOST" }) do
            local made, row = disputed()
            assert.equal(202, send(row, { uncategorized_text = text, submit = true }).status)
            shell.wait_until("dispute " .. state, 30, function()
                return row_of(made).state == state
            end)
            assert.equal(409, send(row, { submit = true }).status)
        end
    end)

    it("is refused when its date has passed", function()
        local _, row = disputed()
        w.db:query("update disputes set evidence_due_at = now() - interval '1 second' "
            .. "where id = '" .. row.id .. "'")
        assert.equal(409, send(row, { submit = true }).status)
    end)

    it("is sent again with the same key until its outcome is known", function()
        story.fault(w, { kind = "drop_after", method = "POST", path = "/v1/disputes", times = 2 })
        local made, row = disputed()
        assert.equal(202, send(row, { submit = true }).status)
        wait_for(made, "SENT")
        assert.equal(1, at_stripe(row).evidence_details.submission_count)
        story.emulator(w, "DELETE", "/faults")
    end)

    it("says when Stripe has refused it", function()
        local made, row = disputed()
        emulator.call(w.stripe, "POST", "/v1/disputes/" .. row.providerDisputeId .. "/close", "")
        shell.wait_until("it is lost", 30, function()
            return row_of(made).state == "LOST"
        end)
        story.all_told(w)
        w.db:query("update disputes set provider_status = 'needs_response' where id = '"
            .. row.id .. "'")
        assert.equal(202, send(row, { submit = true }).status)
        wait_for(made, "REFUSED")
    end)

    it("takes texts that Stripe knows, and an answer is given once a key", function()
        local _, row = disputed()
        for _, body in ipairs({
            { submit = true, text = "x" }, { uncategorized_text = "x" },
            { submit = true, customer_name = "" },
            { submit = true, customer_name = ("x"):rep(5001) },
        }) do
            assert.equal(422, send(row, body).status)
        end
        local headers = { ["Idempotency-Key"] = "evidence-1" }
        assert.equal(202, send(row, { submit = true }, nil, headers).status)
        local again = send(row, { submit = true }, nil, headers)
        assert.same({ 202, "true" }, { again.status, again.headers["idempotent-replayed"] })
        assert.equal(1, w.db:value("select count(*) from stripe_ops where kind = "
            .. "'dispute_evidence' and ref_id = '" .. row.id .. "'"))
    end)

    it("is for administrators, of disputes that are there", function()
        local made, row = disputed()
        for _, who in ipairs({ shop, made.buyer }) do
            assert.equal(403, send(row, { submit = true }, who).status)
        end
        local unknown = { id = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" }
        assert.equal(404, send(unknown, { submit = true }).status)
        assert.equal(401, client.request({
            port = w.port, method = "POST", path = "/api/admin/disputes/" .. row.id .. "/evidence",
            body = { submit = true },
        }).status)
    end)
end)
