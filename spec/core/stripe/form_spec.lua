local json = require("core.json")
local stripe = require("core.stripe")

local function read(path)
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    return text
end

-- What the official SDK was asked to send in each wire vector, in the order it was given.
local asked = {
    ["pi.create"] = {
        { "amount", 10000 },
        { "currency", "usd" },
        { "automatic_payment_methods", { enabled = true } },
        { "transfer_group", "order_7" },
        { "description", 'A&B=1 + 50% "q" é ₹' },
        { "metadata", { { "order_id", "7" }, { "empty", "" } } },
        { "expand", { "latest_charge.balance_transaction" } },
    },
    ["pi.confirm"] = {
        { "payment_method", "pm_card_visa" },
        { "return_url", "https://shop.example/r?o=7&x=y" },
    },
    ["pi.capture"] = { amount_to_capture = 5000 },
    ["pi.cancel"] = { cancellation_reason = "abandoned" },
    ["pi.update_unset_metadata"] = { metadata = json.null },
    ["transfer.create"] = {
        { "amount", 5400 },
        { "currency", "usd" },
        { "destination", "acct_A" },
        { "source_transaction", "ch_1" },
        { "transfer_group", "order_7" },
        { "metadata", { vendor_order_id = "11" } },
    },
    ["transfer.reverse"] = { { "amount", 5400 }, { "metadata", { refund_id = "3" } } },
    ["refund.create"] = {
        { "payment_intent", "pi_1" },
        { "amount", 6000 },
        { "reason", "requested_by_customer" },
        { "metadata", { refund_id = "3" } },
    },
    ["account.create"] = {
        { "type", "express" },
        { "country", "US" },
        { "email", "v@example.com" },
        {
            "capabilities",
            { card_payments = { requested = true }, transfers = { requested = true } },
        },
        { "metadata", { vendor_id = "5" } },
    },
    ["account.create_controller"] = {
        controller = {
            fees = { payer = "application" },
            losses = { payments = "application" },
            stripe_dashboard = { type = "express" },
        },
    },
    ["account_link.create"] = {
        { "account", "acct_A" },
        { "type", "account_onboarding" },
        { "refresh_url", "https://m.example/r" },
        { "return_url", "https://m.example/d" },
    },
    ["disputes.close"] = {},
    ["wh.create"] = {
        { "url", "https://m.example/h" },
        { "enabled_events", { "payment_intent.succeeded", "account.updated" } },
        { "connect", true },
    },
}
-- The queries of the GET requests are the same form.
local asked_in_query = {
    ["pi.retrieve"] = { expand = { "latest_charge" } },
    ["transfer.list"] = { { "transfer_group", "order_7" }, { "limit", 100 } },
    ["events.list"] = {
        { "types", { "payment_intent.succeeded", "charge.refunded" } },
        { "created", { gte = 1760000000 } },
        { "delivery_success", false },
        { "limit", 100 },
        { "starting_after", "evt_1" },
    },
    ["payouts.list"] = { limit = 10 },
    ["bt.list"] = { { "payout", "po_1" }, { "limit", 100 } },
}

describe("core.stripe.form", function()
    local vectors = assert(json.decode(read("spec/fixtures/wire-vectors.json")))
    local tried = 0

    for _, vector in ipairs(vectors) do
        local form = asked[vector.name]
        local query_form = asked_in_query[vector.name]
        if form then
            tried = tried + 1
            it("writes the body that the SDK writes for " .. vector.name, function()
                assert.equal(vector.body, stripe.form(form))
            end)
        elseif query_form then
            tried = tried + 1
            it("writes the query that the SDK writes for " .. vector.name, function()
                assert.equal(vector.url:match("%?(.*)"), stripe.form(query_form))
            end)
        end
    end

    it("is tried on all vectors that carry parameters", function()
        assert.equal(#vectors - 2, tried) -- account.retrieve and balance have none
    end)

    it("sorts the members of a plain table, so that a key always means the same bytes", function()
        local form = { zulu = 1, alpha = { y = 2, x = 3 }, mike = "m" }
        assert.equal("alpha[x]=3&alpha[y]=2&mike=m&zulu=1", stripe.form(form))
    end)

    it("numbers objects in lists", function()
        local form = { items = { { price = "a" }, { price = "b" } } }
        assert.equal("items[0][price]=a&items[1][price]=b", stripe.form(form))
    end)

    it("escapes names as it escapes values", function()
        assert.equal("metadata[a%26b%20c]=1", stripe.form({ metadata = { ["a&b c"] = 1 } }))
    end)

    it("writes all digits of large amounts", function()
        assert.equal("amount=9007199254740991", stripe.form({ amount = 9007199254740991 }))
        assert.equal("amount=-5", stripe.form({ amount = -5 }))
    end)

    it("leaves an empty table out", function()
        assert.equal("a=1", stripe.form({ a = 1, b = {} }))
    end)

    local refused = {
        ["a fraction"] = { amount = 10.5 },
        ["what is beyond 2^53"] = { amount = 2 ^ 53 },
        ["infinity"] = { amount = math.huge },
        ["a function"] = { amount = print },
        ["a list at the top"] = { "a", "b" },
        ["nine levels"] = { a = { b = { c = { d = { e = { f = { g = { h = { i = 1 } } } } } } } } },
        ["a pair without a name"] = { { "a", 1 }, { 2, 3 } },
        ["a number for a name"] = { a = { [7] = 1, b = 2 } },
    }
    for name, form in pairs(refused) do
        it("raises for " .. name, function()
            assert.has_error(function()
                stripe.form(form)
            end)
        end)
    end
end)

describe("core.stripe.form_decode", function()
    it("reads back what form wrote", function()
        local form = {
            amount = "10000",
            metadata = { order_id = "7", odd = 'A&B=1 + 50% "q" é ₹' },
            expand = { "one", "two" },
            items = { { price = "a" }, { price = "b", deep = { er = "c" } } },
        }
        assert.same(form, stripe.form_decode(stripe.form(form)))
    end)

    local cases = {
        { "takes an empty body", "", {} },
        { "takes [] for the next place", "a[]=x&a[]=y", { a = { "x", "y" } } },
        { "takes encoded brackets", "a%5Bb%5D=1", { a = { b = "1" } } },
        { "reads + as a space and %2B as +", "a=b+c%2Bd", { a = "b c+d" } },
        { "takes a name without a value", "a&b=", { a = "", b = "" } },
        { "lets the last of two win", "a=1&a=2", { a = "2" } },
        { "keeps = inside a value", "a=b=c", { a = "b=c" } },
        { "skips empty pairs", "&&a=1&", { a = "1" } },
        { "takes a number that does not count on for a name", "m[7]=x", { m = { ["7"] = "x" } } },
        { "takes a number at the top for a name", "0=x", { ["0"] = "x" } },
        { "keeps bytes as they are", "a=%00%ff", { a = "\0\255" } },
        { "takes upper and lower hex", "a=%c3%A9", { a = "é" } },
    }
    for _, case in ipairs(cases) do
        local name, text, expected = unpack(case)
        it(name, function()
            assert.same(expected, stripe.form_decode(text))
        end)
    end

    local refused = {
        "=1",
        "[a]=1",
        "a[b=1",
        "a]b[=1&a[",
        "a[b]c=1",
        "a=%",
        "a=%4",
        "a=%zz",
        "a=1&a[b]=2",
        "a[b]=2&a=1",
        "a[b][c][d][e][f][g][h][i]=1",
        ("a=1&"):rep(1001),
    }
    for _, text in ipairs(refused) do
        it("refuses " .. text:sub(1, 30), function()
            local decoded, message = stripe.form_decode(text)
            assert.is_nil(decoded)
            assert.is_string(message)
        end)
    end

    it("survives any text", function()
        math.randomseed(7)
        local letters = "ab[]=&%+019\0\255"
        for _ = 1, 20000 do
            local text = {}
            for i = 1, math.random(0, 24) do
                local at = math.random(#letters)
                text[i] = letters:sub(at, at)
            end
            local decoded, message = stripe.form_decode(table.concat(text))
            assert.is_true(type(decoded) == "table" or type(message) == "string")
        end
    end)
end)
