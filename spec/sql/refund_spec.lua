--- Refunds add up to what was paid, exactly, and never beyond, whoever asks at once.
local fixture = require("spec.sql.fixture")

describe("refund_open", function()
    local f, id

    setup(function()
        f = fixture.new()
    end)

    teardown(function()
        f:done()
    end)

    before_each(function()
        f:reset()
        id = f:paid()
    end)

    after_each(function()
        assert.equal(0, f:violations())
    end)

    local function open(number, amount)
        return ("select refund_open('%s', 'ADMIN', 'spec', array['%s']::uuid[], "
            .. "array[%d]::bigint[], null)"):format(id, f:part(id, number), amount)
    end

    local function totals()
        local row = f.db:query("select sum(amount_minor), sum(fee_minor), sum(earnings_minor) "
            .. "from refund_parts")[1]
        return { tonumber(row[1]), tonumber(row[2]), tonumber(row[3]) }
    end

    it("gives fee and earnings back in the stored proportion", function()
        f.db:query(open(2, 4000))
        assert.same({ 4000, 400, 3600 }, totals())
        assert.equal("PARTIALLY_REFUNDED", f.db:value("select status from payments"))
    end)

    it("adds odd parts up to the whole, exactly", function()
        for _, amount in ipairs({ 1, 3, 333, 1666, 7, 3990 }) do
            f.db:query(open(1, amount))
        end
        assert.same({ 6000, 600, 5400 }, totals())
        assert.is_false(f.db:try(open(1, 1)))
        f.db:query(open(2, 4000))
        assert.equal("REFUNDED", f.db:value("select status from payments"))
        assert.equal(0, f.db:value("select coalesce(sum(amount_minor), 0) from payouts"))
    end)

    it("refuses more than a part has left, though the order has", function()
        local ok, message = f.db:try(open(2, 4001))
        assert.is_false(ok)
        assert.truthy(message:find("refunds cannot exceed", 1, true))
        assert.equal(0, f.db:value("select count(*) from refunds"))
    end)

    it("never exceeds what was paid when 32 sessions want a quarter each", function()
        local texts = {}
        for i = 1, 32 do
            texts[i] = open(1, 1500) .. ";"
        end
        local count, problems = f:together(texts, 16)
        assert.equal(4, count)
        assert.is_nil(problems:find("deadlock", 1, true))
        assert.same({ 6000, 600, 5400 }, totals())
    end)

    it("is taken back whole when it failed, once", function()
        f.db:query(open(1, 6000))
        local refund = f.db:value("select id from refunds")
        for _ = 1, 2 do
            f.db:query("select refund_fail('" .. refund .. "', 'spec')")
        end
        assert.equal("SUCCEEDED", f.db:value("select status from payments"))
        assert.equal(5400, f.db:value("select amount_minor from payouts where vendor_id = "
            .. "'00000000-0000-4000-8001-000000000001'"))
        assert.equal(1, f.db:value(
            "select count(*) from ledger_transactions where kind = 'refund_failed'"))
    end)
end)
