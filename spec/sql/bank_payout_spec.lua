--- Payouts to banks in SQL: news in any order, as often as it comes, gives one row and the same
--- books.
local fixture = require("spec.sql.fixture")

local VENDOR = "00000000-0000-4000-8001-000000000001"

--- Every order of a list.
local function orders_of(list)
    if #list <= 1 then
        return { list }
    end
    local all = {}
    for i, first in ipairs(list) do
        local rest = {}
        for j, item in ipairs(list) do
            if j ~= i then
                rest[#rest + 1] = item
            end
        end
        for _, tail in ipairs(orders_of(rest)) do
            all[#all + 1] = { first, unpack(tail) }
        end
    end
    return all
end

describe("bank_payout_apply", function()
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

    local function text_of(status, vendor)
        return ([[select bank_payout_apply(%s, jsonb_build_object('id', 'po_1', 'amount', 9000,
            'currency', 'usd', 'status', '%s', 'createdAt', 1760000000))]]):format(
            vendor and "'" .. vendor .. "'" or "null", status)
    end
    local function news(status, vendor)
        return f.db:value(text_of(status, vendor)) == "t"
    end
    local function status()
        return f.db:value("select status from bank_payouts")
    end
    --- {bank, stripe, transactions}
    local function books()
        local row = f.db:query([[select
            coalesce(sum(amount_minor) filter (where account = 'bank'), 0),
            coalesce(sum(amount_minor) filter (where account = 'stripe'), 0),
            count(distinct transaction_id) from ledger_postings]])[1]
        return { tonumber(row[1]), tonumber(row[2]), tonumber(row[3]) }
    end

    local cases = {
        { "PAID", { "PENDING", "IN_TRANSIT", "PAID" }, { 9000, -9000, 1 } },
        { "FAILED", { "PENDING", "PAID", "FAILED" }, { 0, 0, 2 } },
        { "CANCELLED", { "PENDING", "IN_TRANSIT", "CANCELLED" }, { 0, 0, 2 } },
    }
    for _, case in ipairs(cases) do
        local ending, list, expected = unpack(case)
        for _, order in ipairs(orders_of(list)) do
            it(("ends %s after %s"):format(ending, table.concat(order, ", ")), function()
                for _, one in ipairs(order) do
                    news(one)
                    news(one)
                end
                assert.equal(ending, status())
                assert.same(expected, books())
            end)
        end
    end

    it("debits the balance at the first news, whatever it says", function()
        assert.is_true(news("IN_TRANSIT"))
        assert.same({ 9000, -9000, 1 }, books())
        assert.is_false(news("PENDING"))
    end)

    it("posts once when the same news comes many times at once", function()
        local texts = {}
        for i = 1, 12 do
            texts[i] = text_of(i % 2 == 0 and "FAILED" or "PAID") .. ";"
        end
        assert.equal(12, (f:together(texts, 6)))
        assert.equal("FAILED", status())
        assert.same({ 0, 0, 2 }, books())
    end)

    it("tells of a vendor's, and moves no money of ours (scenario 52)", function()
        news("PENDING", VENDOR)
        news("FAILED", VENDOR)
        assert.equal("FAILED", status())
        assert.same({ 0, 0, 0 }, books())
    end)

    it("does not let one's news change another's", function()
        news("PENDING", VENDOR)
        assert.is_false(news("PAID"))
        assert.equal("PENDING", status())
        assert.same({ 0, 0, 0 }, books())
    end)
end)
