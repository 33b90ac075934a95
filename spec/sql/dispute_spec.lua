--- Disputes move the books once, in whatever order their news comes.
local fixture = require("spec.sql.fixture")

describe("dispute_apply", function()
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
        assert.same({}, f.db:query(
            "select name, sample from invariant_report() where violations > 0"))
        assert.equal(0, f.db:value("select coalesce(sum(amount_minor), 0) from ledger_postings"))
    end)

    --- News of a dispute of 100.00; changes: fields that differ. Returns the outcome.
    local function news(state, changes)
        local is_taken = state == "OPEN" or state == "LOST" or state == "WON"
        local fields = {
            id = "'dp_1'", chargeId = "'ch_1'", state = "'" .. state .. "'", status = "'x'",
            reason = "'fraudulent'", amount = "10000", fee = is_taken and "1500" or "0",
            feeReturned = "0", currency = "'USD'", isRefundable = "false", isSubmitted = "false",
            openedAt = "1760000000",
        }
        local terms = "{}"
        for name, value in pairs(changes or {}) do
            if name == "terms" then
                terms = value
            else
                fields[name] = value
            end
        end
        local list = {}
        for name, value in pairs(fields) do
            list[#list + 1] = ("'%s', %s"):format(name, value)
        end
        return f.db:value(("select outcome from dispute_apply('%s', jsonb_build_object(%s), '%s')")
            :format(id, table.concat(list, ", "), terms))
    end

    local function liable(...)
        local list = {}
        for _, number in ipairs({ ... }) do
            list[#list + 1] = ('"%s": {"liable": "VENDOR"}'):format(f:part(id, number))
        end
        return "{" .. table.concat(list, ", ") .. "}"
    end

    local function postings(kind)
        local found = {}
        for _, row in ipairs(f.db:query(([[
            select regexp_replace(p.account, 'vendor:.*', 'vendor:') || coalesce(right(
                substring(p.account from 'vendor:(.*)'), 1), ''), p.amount_minor
            from ledger_transactions t join ledger_postings p on p.transaction_id = t.id
            where t.kind = '%s']]):format(kind))) do
            found[row[1]] = tonumber(row[2])
        end
        return found
    end

    local function state()
        return f.db:value("select state from disputes")
    end

    local function is_disputed()
        return f.db:value("select is_disputed from payments")
    end

    local function parts()
        local found = {}
        for i, row in ipairs(f.db:query("select p.amount_minor from dispute_parts p "
            .. "join vendor_orders v on v.id = p.vendor_order_id order by v.vendor_id")) do
            found[i] = tonumber(row[1])
        end
        return found
    end

    local function items()
        local found = {}
        for i, row in ipairs(f.db:query("select i.kind, i.amount_minor from payout_items i "
            .. "join vendor_orders v on v.id = i.vendor_order_id where i.kind like 'DISPUTE%' "
            .. "order by i.kind, v.vendor_id")) do
            found[i] = { row[1], tonumber(row[2]) }
        end
        return found
    end

    it("holds what was withdrawn, once, and marks the payment", function()
        assert.equal("OPEN", news("OPEN"))
        assert.equal("SAME", news("OPEN"))
        assert.same({ dispute_hold = 10000, dispute_fee = 1500, stripe = -11500 },
            postings("dispute_opened"))
        assert.same({ 6000, 4000 }, parts())
        assert.equal("t", tostring(is_disputed()):sub(1, 1))
    end)

    it("gives back what was reinstated, and keeps the fee", function()
        news("OPEN")
        assert.equal("WON", news("WON"))
        assert.equal("SAME", news("WON"))
        assert.same({ stripe = 10000, dispute_hold = -10000 }, postings("dispute_won"))
        assert.equal("f", tostring(is_disputed()):sub(1, 1))
    end)

    it("is borne by the platform unless the policy says otherwise", function()
        news("OPEN")
        assert.equal("LOST", news("LOST"))
        assert.same({ loss = 10000, dispute_hold = -10000 }, postings("dispute_lost"))
        assert.same({}, items())
    end)

    it("is borne by the vendors that the policy names, by their parts", function()
        news("OPEN", { terms = liable(1) })
        news("LOST", { terms = liable(1) })
        assert.same({ ["vendor:1"] = 6000, loss = 4000, dispute_hold = -10000 },
            postings("dispute_lost"))
        assert.same({ { "DISPUTE", -6000 } }, items())
    end)

    it("is decided by the terms that held when it opened", function()
        news("OPEN", { terms = liable(1, 2) })
        news("LOST")
        assert.same({ ["vendor:1"] = 6000, ["vendor:2"] = 4000, dispute_hold = -10000 },
            postings("dispute_lost"))
    end)

    it("may be won after it was lost: everyone gets back what was taken", function()
        news("OPEN", { terms = liable(1) })
        news("LOST")
        assert.equal("WON", news("WON"))
        assert.same({ stripe = 10000, ["vendor:1"] = -6000, loss = -4000 },
            postings("dispute_won"))
        assert.same({ { "DISPUTE", -6000 }, { "DISPUTE_WON", 6000 } }, items())
        assert.equal("SAME", news("LOST"))
        assert.equal("WON", state())
    end)

    it("gives the fee back when the bank does", function()
        news("OPEN")
        news("WON", { feeReturned = "1500" })
        assert.same({ stripe = 11500, dispute_fee = -1500, dispute_hold = -10000 },
            postings("dispute_won"))
    end)

    it("moves nothing while it is an inquiry, nor when that ends (scenario 51)", function()
        assert.equal("INQUIRY", news("INQUIRY"))
        assert.equal("t", tostring(is_disputed()):sub(1, 1))
        assert.equal("CLOSED", news("CLOSED"))
        assert.equal("SAME", news("INQUIRY"))
        assert.equal("CLOSED", state())
        assert.equal("f", tostring(is_disputed()):sub(1, 1))
        assert.equal(0, f.db:value(
            "select count(*) from ledger_transactions where kind like 'dispute%'"))
    end)

    it("opens when an inquiry becomes one, also after it was closed", function()
        news("INQUIRY", { terms = liable(1) })
        news("CLOSED")
        assert.equal("OPEN", news("OPEN"))
        assert.equal(10000, postings("dispute_opened").dispute_hold)
    end)

    it("ends alike in whatever order its news comes", function()
        for _, order in ipairs({
            { "OPEN", "INQUIRY", "LOST" }, { "LOST", "OPEN", "INQUIRY" },
            { "INQUIRY", "LOST", "OPEN" }, { "LOST", "CLOSED", "LOST" },
        }) do
            f:reset()
            id = f:paid()
            for _, one in ipairs(order) do
                news(one, { terms = liable(2) })
            end
            assert.equal("LOST", state())
            assert.same({ ["vendor:2"] = 4000, loss = 6000, dispute_hold = -10000 },
                postings("dispute_lost"))
            assert.same({ dispute_hold = 10000, dispute_fee = 1500, stripe = -11500 },
                postings("dispute_opened"))
        end
    end)

    it("falls by what is left after partial refunds", function()
        f.db:query(("select refund_open('%s', 'ADMIN', 'spec', array['%s']::uuid[], "
            .. "array[3000]::bigint[], null)"):format(id, f:part(id, 1)))
        news("OPEN", { amount = "7000", terms = liable(1, 2) })
        assert.same({ 3000, 4000 }, parts())
        news("LOST", { amount = "7000" })
        assert.same({ { "DISPUTE", -3000 }, { "DISPUTE", -4000 } }, items())
    end)

    it("may be one of several of a charge, each of what the others leave", function()
        news("OPEN", { amount = "5000" })
        assert.same({ 3000, 2000 }, parts())
        news("OPEN", { id = "'dp_2'", amount = "5000" })
        news("LOST", { amount = "5000" })
        assert.equal("t", tostring(is_disputed()):sub(1, 1))
        news("WON", { id = "'dp_2'", amount = "5000" })
        assert.equal("f", tostring(is_disputed()):sub(1, 1))
        assert.equal(10000, f.db:value("select sum(amount_minor) from dispute_parts"))
    end)

    it("lets nothing be refunded while it is open, nor what was lost (scenario 43)", function()
        local function refund(amount)
            return f.db:try(("select refund_ask('%s', null, %s, null, false, 'ADMIN', 'x', null)")
                :format(id, amount))
        end
        news("OPEN", { amount = "2000" })
        local ok, message = refund("1")
        assert.is_false(ok)
        assert.truthy(message:find("disputed", 1, true))
        news("LOST", { amount = "2000", isRefundable = "true" })
        assert.is_false(refund("8001"))
        assert.is_true(refund("8000"))
    end)

    it("blocks no refund while it is an inquiry that allows one", function()
        news("INQUIRY", { isRefundable = "true" })
        assert.is_true(f.db:try(
            ("select refund_ask('%s', null, 5, null, false, 'ADMIN', 'x', null)"):format(id)))
    end)

    it("of money that came for nothing is the platform's", function()
        local other = f:order()
        f.db:query("select payment_abandon('" .. other .. "', 'CANCELLED', 'spec')")
        f.db:query("select order_release('" .. other .. "', 'CANCELLED', 'spec')")
        f.db:query("update product_stock set stock = 0")
        assert.equal("REFUNDED", f:news(other, other, "SUCCEEDED"))
        id = other
        assert.equal("OPEN", news("OPEN"))
        news("LOST")
        assert.same({}, parts())
        assert.equal(10000, postings("dispute_lost").loss)
    end)
end)
