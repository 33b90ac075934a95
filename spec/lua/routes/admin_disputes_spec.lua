local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("routes of disputes", function()
    local w, made, row

    local function get(path, who)
        return w:expect(200, "GET", "/api" .. path, who or w:admin())
    end

    local function dispute(which, options)
        story.emulator(w, "POST",
            "/dispute/" .. which.payment.clientSecret:match("^(pi_%w+)_secret"), options)
        shell.wait_until("the dispute", 30, function()
            return get("/admin/disputes?orderId=" .. which.order.id).page.total == 1
        end)
    end

    setup(function()
        w = world.start()
        made = story.paid_by_two(w)
        dispute(made, { amount = 5000, reason = "product_not_received" })
        row = get("/admin/disputes").data[1]
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    it("shows a dispute with how it falls on the vendors, and until when to answer", function()
        assert.same({ "OPEN", "needs_response", "product_not_received", 5000, 1500, "NONE" }, {
            row.state, row.providerStatus, row.reason, row.amount.amount, row.fee.amount,
            row.evidenceState,
        })
        local amounts = {}
        for _, part in ipairs(row.vendorOrders) do
            amounts[part.vendorId] = part.amount.amount
        end
        assert.same({ [made.a.vendor_id] = 3000, [made.b.vendor_id] = 2000 }, amounts)
        assert.equal("string", type(row.evidenceDueAt))
        local shown = get("/admin/disputes/" .. row.id)
        shown.updatedAt = row.updatedAt
        assert.same(row, shown)
    end)

    it("filters by state and order", function()
        local other = story.paid(w)
        dispute(other, { inquiry = true })
        assert.equal(2, get("/admin/disputes").page.total)
        assert.equal(1, get("/admin/disputes?state=OPEN").page.total)
        assert.equal(other.order.id, get("/admin/disputes?state=INQUIRY").data[1].orderId)
        assert.equal(0, get("/admin/disputes?state=LOST").page.total)
        local first = get("/admin/disputes?limit=1")
        assert.equal(row.id,
            get("/admin/disputes?limit=1&cursor=" .. first.page.nextCursor).data[1].id)
    end)

    it("does not know others", function()
        assert.equal(404, w:request("GET",
            "/api/admin/disputes/0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6", w:admin()).status)
        assert.equal(422, w:request("GET", "/api/admin/disputes?state=GONE", w:admin()).status)
    end)

    it("shows the list and a dispute to administrators only", function()
        for _, path in ipairs({ "/admin/disputes", "/admin/disputes/" .. row.id }) do
            assert.equal(401, w:request("GET", "/api" .. path).status)
            for _, who in ipairs({ made.a, made.buyer }) do
                assert.equal(403, w:request("GET", "/api" .. path, who).status)
            end
        end
    end)
end)
