--- The one function that brings a PaymentIntent's state to an order.
local fixture = require("spec.sql.fixture")

local THING_1 = "(select id from products where slug = 'thing-1')"

describe("payment_apply", function()
    local f

    setup(function()
        f = fixture.new()
    end)

    teardown(function()
        f:done()
    end)

    before_each(function()
        f:reset()
    end)

    after_each(function()
        assert.equal(0, f:violations())
    end)

    local function status(table_name, id)
        return f.db:value(("select status from %s where id = '%s'"):format(table_name, id))
    end

    --- An order that was given up while a call to Stripe was out that we thought had never left.
    local function given_up(as)
        local id = f:order()
        f.db:query("select payment_abandon('" .. id .. "', 'CANCELLED', 'spec')")
        f.db:query(("select order_release('%s', '%s', 'spec')"):format(id, as))
        return id
    end

    for _, news in ipairs({ "CREATED", "REQUIRES_ACTION", "PROCESSING" }) do
        it("keeps the order waiting on " .. news, function()
            local id = f:order()
            f:news(id, id, news)
            assert.same({ news, "PENDING" }, { status("payments", id), status("orders", id) })
        end)
    end

    it("leaves the order open when the PaymentIntent was cancelled", function()
        local id = f:order()
        assert.equal("CHANGED", f:news(id, id, "CANCELLED"))
        assert.same({ "CANCELLED", "PENDING" }, { status("payments", id), status("orders", id) })
    end)

    it("confirms once, and then nothing changes any more", function()
        local id = f:paid()
        for _, news in ipairs({ "SUCCEEDED", "PROCESSING", "CREATED", "CANCELLED" }) do
            assert.equal("SAME", f:news(id, id, news))
        end
        assert.same({ "SUCCEEDED", "CONFIRMED" }, { status("payments", id), status("orders", id) })
        assert.equal(1, f.db:value("select count(*) from ledger_transactions"))
    end)

    it("confirms once when 24 sessions bring the news together", function()
        local id, texts = f:order(), {}
        for i = 1, 24 do
            texts[i] = ("select payment_apply('%s', jsonb_build_object('id', 'pi_1', 'status', "
                .. "'SUCCEEDED', 'amount', 10000, 'received', 10000, 'currency', 'usd', "
                .. "'orderId', '%s', 'isLive', false));"):format(id, id)
        end
        assert.equal(24, (f:together(texts, 12)))
        assert.same({ 9, 0 }, f:shelf(1))
        assert.equal(2, f.db:value("select count(*) from payout_items"))
    end)

    for name, change in pairs({
        amount = { amount = "9999" }, ["amount received"] = { received = "9999" },
        currency = { currency = "'eur'" }, order = { orderId = "'x'" }, mode = { isLive = "true" },
    }) do
        it("sets a payment of another " .. name .. " apart, tells of it once, and changes nothing",
            function()
                local id = f:order()
                for _ = 1, 2 do
                    assert.equal("QUARANTINED", f:news(id, id, "SUCCEEDED", change))
                end
                assert.same({ "CREATED", "PENDING" },
                    { status("payments", id), status("orders", id) })
                assert.equal(1, f.db:value(
                    "select count(*) from outbox_events where type = 'payment.quarantined'"))
            end)
    end

    it("does not take another PaymentIntent for the one it knows", function()
        local id = f:order()
        f:news(id, id, "PROCESSING")
        assert.equal("QUARANTINED", f:news(id, id, "SUCCEEDED", { id = "'pi_other'" }))
    end)

    for _, as in ipairs({ "EXPIRED", "CANCELLED" }) do
        it("makes a sale of a late payment of what is " .. as .. ", if the goods are there",
            function()
                local id = given_up(as)
                assert.equal("CONFIRMED", f:news(id, id, "SUCCEEDED"))
                assert.equal("CONFIRMED", status("orders", id))
                assert.same({ 9, 0 }, f:shelf(1))
            end)
    end

    it("refunds a late payment whole when the goods are gone, in and out of the books", function()
        local id = given_up("EXPIRED")
        f.db:query("update product_stock set stock = 0 where product_id = " .. THING_1)
        assert.equal("REFUNDED", f:news(id, id, "SUCCEEDED"))
        assert.same({ "REFUNDED", "EXPIRED" }, { status("payments", id), status("orders", id) })
        assert.same({ 10, 0 }, f:shelf(2))
        assert.equal(10000, f.db:value(
            "select amount_minor from refunds where cause = 'LATE_PAYMENT'"))
        assert.equal(0, f.db:value("select count(*) from (select account from ledger_postings "
            .. "group by account having sum(amount_minor) <> 0) as open"))
        f.db:query("update product_stock set stock = 10 where product_id = " .. THING_1)
    end)

    it("refunds a second payment of a paid order by itself", function()
        local id = f:order()
        local second = "30000000-0000-4000-8000-000000000001"
        f.db:query("select payment_abandon('" .. id .. "', 'CANCELLED', 'spec')")
        f.db:query(("insert into payments (id, order_id, number, method, amount_minor, currency, "
            .. "is_live) values ('%s', '%s', 2, 'CARD', 10000, 'USD', false)"):format(second, id))
        assert.equal("CONFIRMED", f:news(second, id, "SUCCEEDED"))
        assert.equal("REFUNDED", f:news(id, id, "SUCCEEDED", { id = "'pi_late'" }))
        assert.equal("SURPLUS_PAYMENT", f.db:value("select cause from refunds"))
        assert.same({ 9, 0 }, f:shelf(1))
    end)

    it("allows one live payment of an order", function()
        local id = f:order()
        local ok, message = f.db:try(("insert into payments (order_id, number, method, "
            .. "amount_minor, currency, is_live) values ('%s', 2, 'CARD', 10000, 'USD', false)")
            :format(id))
        assert.is_false(ok)
        assert.truthy(message:find("payments_live_order_id_key", 1, true))
    end)

    it("does not release an order whose payment is alive", function()
        local id = f:order()
        local ok, message = f.db:try("select order_release('" .. id .. "', 'EXPIRED', 'spec')")
        assert.is_false(ok)
        assert.truthy(message:find("still open", 1, true))
        assert.same({ 10, 1 }, f:shelf(1))
    end)
end)
