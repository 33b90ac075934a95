--- What specs of vendors' money have in common: goods that arrive, runs, and what becomes of them.
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")

local payout_story = {}

local WAIT_S = 30

--- The vendor's part of the order reaches the buyer.
function payout_story.deliver(w, made, shop)
    shop = shop or made.shop
    story.ship(w, shop, story.part(w, made, shop).id, "PROCESSING", "SHIPPED", "DELIVERED")
end

--- A paid and delivered order of one thing.
function payout_story.delivered(w, options)
    local made = story.paid(w, options)
    payout_story.deliver(w, made)
    return made
end

--- Runs payouts of a shop, or of all; the outcomes.
function payout_story.run(w, shop, is_forced)
    local answer = w:expect(200, "POST", "/api/admin/payouts/run", w:admin(), {
        vendorId = shop and shop.vendor_id, force = is_forced or false,
    })
    assert(answer.isComplete)
    return answer.data
end

--- A shop's payouts, newest first.
function payout_story.of(w, shop)
    return w:expect(200, "GET", "/api/vendor/payouts", shop).data
end

--- Waits until the payout that was taken last is so.
function payout_story.wait(w, shop, status)
    local last
    shell.wait_until("payout " .. status, WAIT_S, function()
        last = w.db:query(("select id, status from payouts where vendor_id = '%s' "
            .. "and taken_at is not null order by taken_at desc limit 1"):format(shop.vendor_id))[1]
        return last and last[2] == status
    end)
    return w:expect(200, "GET", "/api/vendor/payouts/" .. last[1], shop)
end

--- Runs a shop's payouts and waits until it is paid.
function payout_story.paid_out(w, shop)
    local outcome = payout_story.run(w, shop)[1]
    assert(outcome and outcome.outcome == "TAKEN", outcome and outcome.outcome)
    return payout_story.wait(w, shop, "PAID")
end

--- An administrator's refund; body: {amount = minor units, or items, vendorOrderId}.
function payout_story.refund(w, made, body)
    if type(body.amount) == "number" then
        body.amount = { amount = body.amount, currency = "USD" }
    end
    body.reason = "spec"
    return w:expect(202, "POST", "/api/admin/orders/" .. made.order.id .. "/refunds", w:admin(),
        body)
end

--- The reversals of an order, oldest first: {status, wanted, reversed}.
function payout_story.reversals(w, made)
    local found = {}
    for i, row in ipairs(w.db:query(([[select r.status, r.wanted_minor, r.reversed_minor
        from transfer_reversals r join vendor_orders v on v.id = r.vendor_order_id
        where v.order_id = '%s' order by r.id]]):format(made.order.id))) do
        found[i] = { row[1], tonumber(row[2]), tonumber(row[3]) }
    end
    return found
end

--- Waits until none of an order's reversals is underway, and gives them.
function payout_story.settled(w, made)
    local found
    shell.wait_until("the reversals are settled", WAIT_S, function()
        found = payout_story.reversals(w, made)
        for _, row in ipairs(found) do
            if row[1] == "PENDING" or row[1] == "SHORT" then
                return false
            end
        end
        return #found > 0
    end)
    return found
end

--- Waits until what Stripe kept of the order's payment is posted.
function payout_story.wait_fee(w, made)
    shell.wait_until("Stripe's fee is known", WAIT_S, function()
        return story.count(w, "stripe_fee", made.order.id) == 1
    end)
end

--- The vendor's balance: {pending, payable, paid, owed}.
function payout_story.balance(w, shop)
    local row = w:expect(200, "GET", "/api/vendor/balance", shop).data[1]
    return { row.pending, row.payable, row.paid, row.owed }
end

--- What the ledger says of an account.
function payout_story.ledger(w, account)
    return w.db:value(("select coalesce(sum(amount_minor), 0) from ledger_postings "
        .. "where account = '%s'"):format(account))
end

--- What Stripe has of the platform, available and on its way.
function payout_story.stripe_balance(w)
    local emulator = require("spec.support.emulator")
    local object = client.json.decode(emulator.call(w.stripe, "GET", "/v1/balance").body)
    return object.available[1].amount + object.pending[1].amount
end

return payout_story
