local support = require("spec.plugins.stripe_emulator.support")
local json = require("core.json")

local DAY = 24 * 3600
local OPEN = { "requires_payment_method", "requires_confirmation", "requires_action" }

describe("A PaymentIntent", function()
    local world
    before_each(function()
        world = support.world()
    end)

    local function retrieve(intent)
        return world:get("/v1/payment_intents/" .. intent.id
            .. "?expand[]=latest_charge.balance_transaction").body
    end

    local function act(intent, verb, body)
        return world:post("/v1/payment_intents/" .. intent.id .. "/" .. verb, body or "")
    end

    --- An intent in each status.
    local in_status = {
        requires_payment_method = function()
            return world:intent()
        end,
        requires_confirmation = function()
            return world:intent("payment_method=pm_card_visa")
        end,
        requires_action = function()
            local intent = world:intent()
            return world:confirm(intent, "pm_card_threeDSecure2Required").body
        end,
        processing = function()
            return world:paid("pm_usBankAccount_processing")
        end,
        requires_capture = function()
            return world:paid("pm_card_visa", "capture_method=manual")
        end,
        succeeded = function()
            return world:paid()
        end,
        canceled = function()
            return act(world:intent(), "cancel").body
        end,
    }

    it("is made waiting for a payment method, with a secret of its own", function()
        local intent = world:intent()
        assert.equal("requires_payment_method", intent.status)
        assert.matches("^pi_%w+$", intent.id)
        assert.equal(27, #intent.id)
        assert.equal(intent.id, intent.client_secret:match("^(.*)_secret_%w+$"))
        assert.same({ "payment_intent.created" }, world:event_types())
    end)

    it("waits for confirmation when it is made with a payment method", function()
        local intent = in_status.requires_confirmation()
        assert.equal("requires_confirmation", intent.status)
        assert.equal("succeeded", act(intent, "confirm").body.status)
    end)

    it("is made and confirmed in one request", function()
        local intent = world:intent("confirm=true&payment_method=pm_card_visa")
        assert.equal("succeeded", intent.status)
    end)

    it("is not confirmed without a payment method", function()
        local answer = act(world:intent(), "confirm")
        assert.equal(400, answer.status)
        assert.equal("payment_intent_unexpected_state", answer.error.code)
        assert.matches("missing a payment method", answer.error.message)
    end)

    it("is not confirmed with a payment method that is none", function()
        local answer = world:confirm(world:intent(), "pm_card_none")
        assert.equal(400, answer.status)
        assert.equal("resource_missing", answer.error.code)
        assert.equal("payment_method", answer.error.param)
    end)

    for _, token in ipairs({ "pm_card_visa", "pm_card_mastercard" }) do
        it("succeeds with " .. token, function()
            local intent = retrieve(world:paid(token))
            assert.equal("succeeded", intent.status)
            assert.equal(10000, intent.amount_received)
            local charge = intent.latest_charge
            assert.same({ true, true, 10000, 0 },
                { charge.paid, charge.captured, charge.amount_captured, charge.amount_refunded })
            assert.equal("authorized", charge.outcome.type)
            assert.equal(intent.id, charge.payment_intent)
            assert.same({ "payment_intent.created", "charge.succeeded",
                "payment_intent.succeeded" },
                world:event_types())
        end)
    end

    it("costs 2.9 % and 30, rounded half up", function()
        for _, case in ipairs({ { 10000, 320 }, { 50, 31 }, { 500, 45 }, { 1050, 60 }, { 99999999,
            2900030 } }) do
            local made = world:post("/v1/payment_intents",
                ("amount=%d&currency=usd&confirm=true&payment_method="
                .. "pm_card_visa&expand[]=latest_charge.balance_transaction"):format(case[1]))
            local transaction = made.body.latest_charge.balance_transaction
            assert.equal(case[2], transaction.fee)
            assert.equal(case[1] - case[2], transaction.net)
            assert.equal(case[2], transaction.fee_details[1].amount)
        end
    end)

    local declines = {
        { "pm_card_chargeDeclined", "card_declined", "generic_decline" },
        { "pm_card_visa_chargeDeclined", "card_declined", "generic_decline" },
        { "pm_card_chargeCustomerFail", "card_declined", "generic_decline" },
        { "pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds" },
        { "pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds" },
        { "pm_card_chargeDeclinedLostCard", "card_declined", "lost_card" },
        { "pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card" },
        { "pm_card_chargeDeclinedStolenCard", "card_declined", "stolen_card" },
        { "pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card" },
        { "pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card" },
        { "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc" },
        { "pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error" },
    }
    for _, case in ipairs(declines) do
        it("is declined with 402 by " .. case[1], function()
            local made = world:intent()
            local answer = world:confirm(made, case[1])
            assert.equal(402, answer.status)
            assert.equal("card_error", answer.error.type)
            assert.equal(case[2], answer.error.code)
            assert.equal(case[3], answer.error.decline_code)
            assert.equal("requires_payment_method", answer.error.payment_intent.status)
            assert.equal("card", answer.error.payment_method.type)
            local intent = retrieve(made)
            assert.equal(case[3], intent.last_payment_error.decline_code)
            assert.equal(json.null, intent.payment_method)
            assert.equal("failed", intent.latest_charge.status)
            assert.equal(answer.error.charge, intent.latest_charge.id)
            assert.same({ "payment_intent.created", "charge.failed",
                "payment_intent.payment_failed" },
                world:event_types())
        end)
    end

    it("succeeds with another card after a decline, its error gone", function()
        local intent = world:intent()
        world:confirm(intent, "pm_card_chargeDeclined")
        local paid = world:confirm(intent, "pm_card_visa").body
        assert.equal("succeeded", paid.status)
        assert.equal(json.null, paid.last_payment_error)
        assert.equal(2, #world:get("/v1/charges?payment_intent=" .. intent.id).body.data)
    end)

    it("is canceled by too many refused attempts", function()
        local intent = world:intent()
        for _ = 1, 24 do
            assert.equal("requires_payment_method",
                world:confirm(intent, "pm_card_chargeDeclined").error.payment_intent.status)
        end
        assert.equal("canceled", world:confirm(intent,
            "pm_card_chargeDeclined").error.payment_intent.status)
        assert.equal(400, world:confirm(intent, "pm_card_visa").status)
    end)

    for _, token in ipairs({ "pm_card_authenticationRequired", "pm_card_threeDSecure2Required" }) do
        it("asks for authentication with " .. token .. " and succeeds when it is completed",
            function()
            local asked = world:confirm(world:intent(), token,
                "return_url=http://localhost:3001/done").body
            assert.equal("requires_action", asked.status)
            assert.equal("redirect_to_url", asked.next_action.type)
            assert.equal("http://localhost:3002/pay/" .. asked.client_secret .. "/3ds",
                asked.next_action.redirect_to_url.url)
            assert.equal("http://localhost:3001/done", asked.next_action.redirect_to_url.return_url)
            assert.equal(json.null, asked.latest_charge)
            local completed = world:visit("POST", "/_emu/complete_action/" .. asked.id .. "?ok=1")
            assert.equal("succeeded", completed.body.status)
            assert.equal(json.null, completed.body.next_action)
            assert.equal("authenticated",
                retrieve(asked).latest_charge.payment_method_details.card.three_d_secure.result)
        end)
    end

    it("wants another card after a failed authentication, and has no charge", function()
        local asked = in_status.requires_action()
        local failed = world:visit("POST", "/_emu/complete_action/" .. asked.id .. "?ok=0").body
        assert.equal("requires_payment_method", failed.status)
        assert.equal("payment_intent_authentication_failure", failed.last_payment_error.code)
        assert.equal(json.null, failed.latest_charge)
        assert.equal("succeeded", world:confirm(asked, "pm_card_visa").body.status)
    end)

    it("is declined instead of asking when the customer is away", function()
        local intent = world:intent()
        local answer = world:confirm(intent, "pm_card_authenticationRequired", "off_session=true")
        assert.equal(402, answer.status)
        assert.equal("authentication_required", answer.error.code)
    end)

    it("goes back to confirmation after authentication when confirmed by hand", function()
        local intent = world:intent("confirmation_method=manual")
        local asked = world:confirm(intent, "pm_card_authenticationRequired").body
        local back = world:visit("POST", "/_emu/complete_action/" .. asked.id .. "?ok=1").body
        assert.equal("requires_confirmation", back.status)
        assert.equal("succeeded", act(intent, "confirm").body.status)
    end)

    it("of a bank debit is processing until the clock settles it", function()
        local intent = world:paid("pm_usBankAccount_success")
        assert.equal("processing", intent.status)
        world:control("clock", { advance = 4 * DAY - 1 })
        assert.equal("processing", retrieve(intent).status)
        world:control("clock", { advance = 1 })
        assert.equal("succeeded", retrieve(intent).status)
        assert.equal("payment", retrieve(intent).latest_charge.balance_transaction.type)
    end)

    it("of a refused bank debit wants another payment method", function()
        local intent = world:paid("pm_usBankAccount_insufficientFunds")
        world:control("clock", { advance = 4 * DAY })
        local failed = retrieve(intent)
        assert.equal("requires_payment_method", failed.status)
        assert.equal("failed", failed.latest_charge.status)
        assert.equal(json.null, failed.latest_charge.balance_transaction)
    end)

    it("of a bank debit settles at once when a test says so", function()
        local intent = in_status.processing()
        world:control("clock", { advance = 30 * DAY })
        assert.equal("processing", retrieve(intent).status)
        assert.equal("succeeded",
            world:visit("POST", "/_emu/complete_action/" .. intent.id .. "?ok=1").body.status)
    end)

    it("reserves the amount when capture is manual", function()
        local intent = in_status.requires_capture()
        assert.same({ "requires_capture", 10000, 0 },
            { intent.status, intent.amount_capturable, intent.amount_received })
        assert.is_false(retrieve(intent).latest_charge.captured)
        assert.equal(json.null, retrieve(intent).latest_charge.balance_transaction)
    end)

    it("releases what a partial capture leaves", function()
        local captured = act(in_status.requires_capture(), "capture", "amount_to_capture=4000").body
        assert.same({ "succeeded", 0, 4000 },
            { captured.status, captured.amount_capturable, captured.amount_received })
        local charge = retrieve(captured).latest_charge
        assert.same({ 4000, 6000, false }, { charge.amount_captured, charge.amount_refunded,
            charge.refunded })
        assert.equal(4000, charge.balance_transaction.amount)
    end)

    it("never captures more than it reserved", function()
        local answer = act(in_status.requires_capture(), "capture", "amount_to_capture=10001")
        assert.equal(400, answer.status)
        assert.equal("amount_too_large", answer.error.code)
    end)

    it("gives an authorization back after seven days", function()
        local intent = in_status.requires_capture()
        world:control("clock", { advance = 7 * DAY - 1 })
        assert.equal("requires_capture", retrieve(intent).status)
        world:control("clock", { advance = 1 })
        local expired = retrieve(intent)
        assert.same({ "canceled", "automatic", 0 },
            { expired.status, expired.cancellation_reason, expired.amount_capturable })
        assert.is_true(expired.latest_charge.refunded)
    end)

    it("gives the authorization back when it is canceled", function()
        local canceled = act(in_status.requires_capture(), "cancel",
            "cancellation_reason=abandoned").body
        assert.equal("canceled", canceled.status)
        assert.is_true(retrieve(canceled).latest_charge.refunded)
    end)

    local function is_in(list, status)
        for _, member in ipairs(list) do
            if member == status then
                return true
            end
        end
        return false
    end

    local allowed = {
        confirm = OPEN,
        capture = { "requires_capture" },
        cancel = { "requires_payment_method", "requires_confirmation", "requires_action",
            "requires_capture" },
    }
    for verb, statuses in pairs(allowed) do
        for status, make in pairs(in_status) do
            local is_allowed = is_in(statuses, status)
            it(("in %s %s %s"):format(status, is_allowed and "allows" or "refuses", verb),
                function()
                local intent = make()
                assert.equal(status, intent.status)
                local body = verb == "confirm" and "payment_method=pm_card_visa" or ""
                local answer = act(intent, verb, body)
                if is_allowed then
                    assert.equal(200, answer.status)
                    return
                end
                assert.equal(400, answer.status)
                assert.equal("payment_intent_unexpected_state", answer.error.code)
                assert.equal(status, answer.error.payment_intent.status)
                assert.equal(status, retrieve(intent).status)
            end)
        end
    end

    it("keeps why it was canceled", function()
        local canceled = act(world:intent(), "cancel", "cancellation_reason=duplicate").body
        assert.same({ "duplicate", support.NOW_S }, { canceled.cancellation_reason,
            canceled.canceled_at })
        assert.same({ "payment_intent.created", "payment_intent.canceled" }, world:event_types())
    end)
end)
