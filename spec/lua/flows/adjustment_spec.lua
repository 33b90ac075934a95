local books = require("spec.lua.books")
local fixture = require("spec.sql.fixture")

--- SQL under flows.adjustment: what must hold whoever calls it.
describe("adjustment_decide", function()
    local f
    local ONE, TWO = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
    local VENDOR = "vendor:00000000-0000-4000-8001-000000000001"
    local ID = "40000000-0000-4000-8000-000000000001"

    setup(function()
        f = fixture.new()
    end)

    before_each(function()
        f:reset()
        f.db:query(([[insert into adjustments (id, currency, postings, reason, proposed_by)
            values ('%s', 'USD', '[{"account": "loss", "amount": 70},
                {"account": "%s", "amount": -70}]', 'spec', '%s')]]):format(ID, VENDOR, ONE))
    end)

    teardown(function()
        f:done()
    end)

    local function decide(status, actor)
        return f.db:try(("select adjustment_decide('%s', '%s', '%s')"):format(ID, status, actor))
    end

    it("refuses the one who proposed, in the database too", function()
        local is_ok, message = decide("POSTED", ONE)
        assert.is_false(is_ok)
        assert.truthy(message:find("another administrator", 1, true), message)
        assert.equal("PROPOSED", f.db:value("select status from adjustments"))
        local by_hand = f.db:try(("update adjustments set status = 'POSTED', decided_by = '%s'")
            :format(ONE))
        assert.is_false(by_hand)
    end)

    it("posts what sums to 0 only", function()
        f.db:query([[update adjustments set postings = '[{"account": "loss", "amount": 70},
            {"account": "bank", "amount": -69}]']])
        assert.is_false((decide("POSTED", TWO)))
        assert.equal(0, f.db:value("select count(*) from ledger_transactions"))
    end)

    it("gives one item to each vendor's open payout", function()
        assert.is_true((decide("POSTED", TWO)))
        assert.is_false((decide("POSTED", TWO)))
        assert.same({ { "ADJUSTMENT", "70", "70" } }, f.db:query("select kind, i.amount_minor, "
            .. "p.amount_minor from payout_items i join payouts p on p.id = i.payout_id"))
        assert.equal(-70, books.balance(f, VENDOR))
        assert.equal(0, f:violations())
    end)
end)
