--- The worked example from charge to payout: the ledger, and Stripe's balance to the unit.
local books = require("spec.lua.books")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("the books", function()
    local w

    after_each(function()
        w:stop()
    end)

    --- Postings of one kind, with vendors by their letter.
    local function posted(made, kind)
        local found = story.postings(w, made.order.id, kind)
        found.a, found[made.a.vendor_id] = found[made.a.vendor_id], nil
        found.b, found[made.b.vendor_id] = found[made.b.vendor_id], nil
        return found
    end

    local function assert_settled(currency)
        assert.equal(books.stripe_balance(w, currency), books.balance(w, "stripe"))
        w:assert_invariants()
        local seen = books.reconcile(w)
        assert.same({ "DONE", {} }, { seen.status, seen.data })
    end

    it("follow a sale by two vendors to their transfers (scenario 1)", function()
        w = world.start({ set = { ["reconcile.grace_s"] = 0 } })
        local made = story.paid_by_two(w)
        w:onboard(made.a)
        w:onboard(made.b)
        books.wait_for_fees(w)
        assert.same({ stripe = 10000, a = -5400, b = -3600, platform_fee = -1000 },
            posted(made, "paid"))
        assert.same({ stripe_fee = 320, stripe = -320 }, posted(made, "stripe_fee"))
        assert.equal(9680, books.balance(w, "stripe"))
        assert.equal(9680, books.stripe_balance(w, "usd"))
        books.pay_out(w, made, made.a)
        assert.same({ a = 5400, stripe = -5400 }, posted(made, "transfer"))
        books.pay_out(w, made, made.b)
        assert.same({ a = 5400, b = 3600, stripe = -9000 }, posted(made, "transfer"))
        assert.equal(680, books.balance(w, "stripe"))
        assert.same({ 0, 0 }, { books.balance(w, "vendor:" .. made.a.vendor_id),
            books.balance(w, "vendor:" .. made.b.vendor_id) })
        assert_settled("usd")
    end)

    it("follow a sale by one vendor (scenario 2)", function()
        w = world.start({ set = { ["reconcile.grace_s"] = 0 } })
        local made = story.paid(w, { price = 6000 })
        w:onboard(made.shop)
        books.wait_for_fees(w)
        local paid = story.postings(w, made.order.id, "paid")
        assert.same({ 6000, -5400, -600 },
            { paid.stripe, paid[made.shop.vendor_id], paid.platform_fee })
        books.pay_out(w, made, made.shop)
        assert.equal(0, books.balance(w, "vendor:" .. made.shop.vendor_id))
        assert_settled("usd")
    end)

    it("hold in a currency without minor units (scenario 4)", function()
        shell.keep_off_midnight(60)
        w = world.start({ set = { currency = "JPY", ["reconcile.grace_s"] = 0 } })
        local function thing_of(shop, price)
            local product = w:expect(201, "POST", "/api/products", shop, {
                name = "Thing for " .. price, stock = 2,
                price = { amount = price, currency = "JPY" },
            })
            return w:expect(200, "POST", "/api/products/" .. product.id .. "/publish", shop)
        end
        local made = { a = w:vendor(), b = w:vendor(), buyer = w:buyer() }
        w:add(made.buyer, thing_of(made.a, 1505))
        w:add(made.buyer, thing_of(made.b, 99))
        local answer, payment = w:pay(made.buyer, w:checkout(made.buyer))
        assert.equal(200, answer.status, answer.body)
        made.order, made.payment = answer.json, payment
        assert.same({ amount = 1604, currency = "JPY" }, made.order.total)
        w:onboard(made.a)
        w:onboard(made.b)
        books.wait_for_fees(w)
        -- A fee rounds down, the rest is the vendor's: 150 of 1505, 9 of 99.
        assert.same({ stripe = 1604, a = -1355, b = -90, platform_fee = -159 },
            posted(made, "paid"))
        assert.same({ stripe_fee = 77, stripe = -77 }, posted(made, "stripe_fee"))
        books.pay_out(w, made, made.a)
        books.pay_out(w, made, made.b)
        assert.equal(1604 - 77 - 1355 - 90, books.balance(w, "stripe"))
        assert_settled("jpy")
        local month = os.date("!%Y-%m")
        local csv = w:request("GET", "/api/vendor/statements/" .. month .. "?format=csv",
            made.a).body
        local line = ",SALE," .. made.order.number .. ",,1505,1505,JPY\r\n"
        assert.truthy(csv:find(line, 1, true), csv)
    end)
end)
