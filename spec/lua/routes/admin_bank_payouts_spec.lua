--- Administrators see all payouts to banks, and whose they are.
local client = require("spec.support.client")
local world = require("spec.support.world")

local PATH = "/api/admin/bank-payouts"

describe("GET " .. PATH, function()
    local w, one, other

    setup(function()
        w = world.start()
        one, other = w:vendor(), w:vendor()
        local function insert(id, owner, status, age)
            w.db:query(([[insert into bank_payouts (provider_payout_id, vendor_id, amount_minor,
                currency, status, occurred_at, created_at) values ('%s', %s, 100, 'USD', '%s',
                now(), now() - interval '%d minutes')]]):format(id,
                owner and "'" .. owner.vendor_id .. "'" or "null", status, age))
        end
        insert("po_1", one, "PAID", 1)
        insert("po_2", nil, "PAID", 2)
        insert("po_3", other, "FAILED", 3)
        insert("po_4", nil, "FAILED", 4)
    end)
    teardown(function()
        w:stop()
    end)

    local function ids(query)
        local list = {}
        for i, row in ipairs(w:expect(200, "GET", PATH .. query, w:admin()).data) do
            list[i] = row.providerPayoutId
        end
        return list
    end

    local cases = {
        { "", { "po_1", "po_2", "po_3", "po_4" } },
        { "?owner=PLATFORM", { "po_2", "po_4" } },
        { "?owner=VENDOR", { "po_1", "po_3" } },
        { "?status=FAILED", { "po_3", "po_4" } },
        { "?status=FAILED&owner=PLATFORM", { "po_4" } },
    }
    for _, case in ipairs(cases) do
        local query, expected = unpack(case)
        it("lists those of " .. (query ~= "" and query or "all"), function()
            assert.same(expected, ids(query))
        end)
    end

    it("lists one vendor's, and counts them", function()
        local list = w:expect(200, "GET", PATH .. "?vendorId=" .. other.vendor_id, w:admin())
        assert.same({ 1, "po_3", other.vendor_id },
            { list.page.total, list.data[1].providerPayoutId, list.data[1].vendorId })
    end)
    it("says that the platform's have no vendor", function()
        assert.equal(client.null,
            w:expect(200, "GET", PATH .. "?owner=PLATFORM", w:admin()).data[1].vendorId)
    end)
    it("is for administrators", function()
        assert.equal(403, w:request("GET", PATH, one).status)
    end)
end)
