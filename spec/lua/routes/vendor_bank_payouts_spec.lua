--- A vendor sees its own payouts to its bank, and nobody else's.
local client = require("spec.support.client")
local world = require("spec.support.world")

local PATH = "/api/vendor/bank-payouts"

describe("GET " .. PATH, function()
    local w, one, other

    setup(function()
        w = world.start()
        one, other = w:vendor(), w:vendor()
        for i = 1, 5 do
            w.db:query(([[insert into bank_payouts (provider_payout_id, vendor_id, amount_minor,
                currency, status, occurred_at, created_at)
                values ('po_%d', '%s', %d, 'USD', '%s', now(), now() - interval '%d minutes')]])
                :format(i, i == 5 and other.vendor_id or one.vendor_id, i * 100,
                    i == 2 and "FAILED" or "PAID", i))
        end
        w.db:query([[insert into bank_payouts (provider_payout_id, amount_minor, currency, status,
            occurred_at) values ('po_platform', 1, 'USD', 'PAID', now())]])
    end)
    teardown(function()
        w:stop()
    end)

    local function ids(query, who)
        local list = {}
        for i, row in ipairs(w:expect(200, "GET", PATH .. query, who or one).data) do
            list[i] = row.providerPayoutId
        end
        return list
    end

    it("lists one's own, newest first", function()
        assert.same({ "po_1", "po_2", "po_3", "po_4" }, ids(""))
        assert.same({ "po_5" }, ids("", other))
        assert.same({ "po_2" }, ids("?status=FAILED"))
    end)
    it("goes on after a cursor", function()
        local first = w:expect(200, "GET", PATH .. "?limit=3", one)
        assert.equal(4, first.page.total)
        assert.same({ "po_4" }, ids("?limit=3&cursor=" .. first.page.nextCursor))
    end)
    it("says what is not known as null", function()
        local row = w:expect(200, "GET", PATH, one).data[1]
        assert.same({ client.null, client.null }, { row.arrivesAt, row.failureMessage })
        assert.equal(one.vendor_id, row.vendorId)
    end)
    it("is for vendors", function()
        assert.equal(403, w:request("GET", PATH, w:buyer()).status)
        assert.equal(401, w:request("GET", PATH).status)
    end)
end)
