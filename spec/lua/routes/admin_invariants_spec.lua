--- Each invariant is broken by hand, past every constraint, and must be named by the report.
local money = require("spec.lua.payout_story")
local story = require("spec.lua.story")
local world = require("spec.support.world")

--- Sabotage and its repair; %s is the order.
local ORDER = "(select id from orders where confirmed_at is not null limit 1)"
local BREAKS = {
    reserved_is_explained = "update product_stock set reserved = reserved + 1 where stock > 0",
    sales_are_stock_movements = "delete from inventory_movements where order_id = " .. ORDER,
    ledger_sums_to_zero = "update ledger_postings set amount_minor = amount_minor + 1 "
        .. "where account = 'platform_fee'",
    order_total_is_its_parts = "update orders set total_minor = total_minor + 1, "
        .. "subtotal_minor = subtotal_minor + 1",
    vendor_order_is_its_items = "update order_items set unit_price_minor = unit_price_minor + 1, "
        .. "line_total_minor = line_total_minor + quantity",
    payment_is_order_total = "update payments set amount_minor = amount_minor + 1",
    fee_and_earnings_are_subtotal = "update fee_lines set amount_minor = amount_minor + 1",
    refunded_within_paid = "update payments set refunded_minor = 1, status = 'PARTIALLY_REFUNDED'",
    refunded_is_its_parts = "update vendor_orders set refunded_minor = 1 "
        .. "where refunded_minor = 0",
    paid_orders_are_posted_once = "update orders set status = 'PENDING', confirmed_at = null",
    paid_posting_is_the_order = "update ledger_postings set amount_minor = amount_minor * 3",
    earnings_are_in_payouts_once = "delete from payout_items",
    order_status_follows_its_parts = "update vendor_orders set status = 'PENDING'",
    rating_is_its_reviews = "update products set rating_sum = 5, rating_count = 1",
    payout_is_its_items = "update payouts set amount_minor = amount_minor + 1",
    vendor_balance_is_open_items = "update payout_items set amount_minor = amount_minor + 1 "
        .. "where kind = 'EARNING'",
    paid_payouts_are_transferred = "update transfers set status = 'PENDING'",
    manual_payouts_are_posted_once = "update payouts set provider = 'manual'",
    transfers_are_posted_once = "update transfers set status = 'FAILED'",
    transferred_within_share = "update transfers set amount_minor = amount_minor * 3",
    reversals_are_posted_once = "update transfer_reversals set reversed_minor = 1",
    reversed_within_transferred = "update transfers set reversed_minor = 0",
    refunds_are_posted_once = "update refunds set status = 'FAILED'",
    disputes_are_posted_once = "insert into disputes (order_id, payment_id, provider_dispute_id, "
        .. "charge_id, state, provider_status, amount_minor, currency, opened_at) "
        .. "select order_id, id, 'dp_x', 'ch_x', 'OPEN', 'x', 1, 'USD', now() from payments",
    bank_payouts_are_posted_once = "insert into bank_payouts (provider_payout_id, amount_minor, "
        .. "currency, status, occurred_at) values ('po_x', 1, 'USD', 'PAID', now())",
    fees_are_posted_once = "update payments set fee_minor = fee_minor + 1",
    adjustments_are_posted_once = "insert into adjustments (status, currency, postings, reason, "
        .. "proposed_by, decided_by) select 'POSTED', 'USD', '[{\"account\": \"loss\", "
        .. "\"amount\": 1}, {\"account\": \"stripe\", \"amount\": -1}]', 'x', min(id::text)::uuid, "
        .. "max(id::text)::uuid from users",
    order_money_adds_up = "update payments set refunded_minor = refunded_minor + 1 "
        .. "where status = 'PARTIALLY_REFUNDED'",
    rounding_is_zero = "insert into ledger_postings (transaction_id, account, currency, "
        .. "amount_minor) select id, 'rounding', 'USD', 1 from ledger_transactions limit 1",
}

describe("GET /api/admin/invariants", function()
    local w

    setup(function()
        w = world.start({ set = { ["stripe.resend_after_s"] = 1 } })
        local made = story.paid_by_two(w)
        w:onboard(made.b)
        money.deliver(w, made, made.b)
        money.paid_out(w, made.b)
        money.refund(w, made, { vendorOrderId = story.part(w, made, made.b).id })
        money.settled(w, made)
        money.wait_fee(w, made)
        story.ordered(w)
    end)

    teardown(function()
        w:stop()
    end)

    it("is all well, and says when it looked", function()
        local report = w:assert_invariants()
        assert.truthy(report.checkedAt:match("^%d+%-%d+%-%d+T"))
        local names = {}
        for _, row in ipairs(report.data) do
            names[row.name] = true
        end
        for name in pairs(BREAKS) do
            assert.is_true(names[name], name)
        end
        assert.is_true(names.fees_are_reproduced)
    end)

    for name, sabotage in pairs(BREAKS) do
        it("names " .. name .. " when it does not hold", function()
            local rows = w.db:query("begin; set local session_replication_role = replica; "
                .. sabotage .. "; select violations, sample from invariant_report() "
                .. "where name = '" .. name .. "'; rollback")
            assert.is_true(tonumber(rows[1][1]) > 0)
            assert.truthy(rows[1][2]:find("Id", 1, true) or rows[1][2]:find("id", 1, true))
        end)
    end

    it("leaves nothing of that behind", function()
        w:assert_invariants()
    end)
end)
