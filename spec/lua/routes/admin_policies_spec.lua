local policy = require("core.policy")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local function text_of(bps, more)
    return ([[
return {
    kind = "fee",
    note = "%d",
    evaluate = function(o)
        %s
        return { fee = money.bps(o.subtotal, %d), reason = "bps:%d" }
    end,
    examples = { { given = { subtotal = 10000, currency = "USD" }, expect = { fee = %d } } },
}
]]):format(bps, more or "", bps, bps, bps)
end

describe("admin policies", function()
    local w, admin

    setup(function()
        w = world.start()
        admin = w:admin()
    end)

    teardown(function()
        w:stop()
    end)

    local function add(source, note)
        return w:expect(201, "POST", "/api/admin/policies/fee/versions", admin,
            { source = source, note = note })
    end

    local function activate(version, body)
        return w:expect(200, "POST", ("/api/admin/policies/fee/versions/%d/activate")
            :format(version), admin, body or { force = true })
    end

    local function version_of(order)
        return order.vendorOrders[1].feePolicyVersion
    end

    local function simulate(version, body)
        local wish = w:expect(202, "POST", ("/api/admin/policies/fee/versions/%d/simulate")
            :format(version), admin, body or {})
        local seen
        shell.wait_until("the simulation to end", 60, function()
            seen = w:expect(200, "GET", "/api/admin/simulations/" .. wish.id, admin)
            return seen.status == "DONE"
        end)
        return seen
    end

    it("list the text on disk as what decides", function()
        local list = w:expect(200, "GET", "/api/admin/policies", admin).data
        local fee
        for _, row in ipairs(list) do
            fee = row.name == "fee" and row or fee
        end
        assert.same({ "ACTIVE", policy.version("fee"), 1 }, { fee.state, fee.hash, fee.version })
    end)

    it("refuse a text whose example fails, with file, line and reason", function()
        local refused = w:expect(422, "POST", "/api/admin/policies/fee/versions", admin, {
            source = "return {\n  evaluate = function(o)\n    b = 1\n  end,\n"
                .. "  examples = { { given = {}, expect = {} } } }",
        })
        local fault = refused.details[1]
        assert.same({ "source", "lua/policies/fee.lua", 3 },
            { fault.field, fault.file, fault.line })
        assert.matches("writes global 'b'", fault.message, 1, true)
    end)

    it("price orders by the version that was active when they were made, until it is rolled back",
        function()
            local before = story.ordered(w).order
            local new = add(text_of(700), "7 %")
            assert.equal("VALIDATED", new.state)
            assert.equal("ACTIVE", activate(new.version).state)
            local after = story.ordered(w).order
            assert.are_not.equal(new.hash, version_of(before))
            assert.equal(new.hash, version_of(after))
            local part = after.vendorOrders[1]
            assert.equal(math.floor(part.subtotal.amount * 700 / 10000), part.platformFee.amount)
            local back = w:expect(200, "POST", "/api/admin/policies/fee/rollback", admin, {})
            assert.equal(version_of(before), back.hash)
            assert.equal(version_of(before), version_of(story.ordered(w).order))
            assert.is_true(w:expect(200, "GET", "/api/admin/invariants", admin).ok)
        end)

    it("simulate the past: old fee, new fee, by vendor and category", function()
        local order = story.ordered(w).order
        local seen = simulate(add(text_of(1100), "11 %").version)
        assert.is_true(seen.orders >= #order.vendorOrders)
        assert.equal(seen.orders, seen.changed)
        assert.equal(seen.newFee.amount - seen.oldFee.amount, seen.difference.amount)
        local by_vendor, by_category = 0, 0
        for _, entry in ipairs(seen.byVendor) do
            by_vendor = by_vendor + entry.difference.amount
        end
        for _, entry in ipairs(seen.byCategory) do
            by_category = by_category + entry.difference.amount
        end
        assert.same({ seen.difference.amount, seen.difference.amount }, { by_vendor, by_category })
    end)

    it("name the orders that a version fails on, and call it a draft", function()
        local bad = add(text_of(1000, "if o.items then error('no') end"))
        local seen = simulate(bad.version)
        assert.equal(seen.orders, seen.errors)
        assert.matches("lua/policies/fee.lua", seen.errorSample[1].message, 1, true)
        assert.equal("DRAFT", w:expect(200, "GET", "/api/admin/policies/fee/versions/"
            .. bad.version, admin).state)
    end)

    it("refuse to activate what moves too many orders, unless forced", function()
        story.ordered(w)
        local steep = add(text_of(5000))
        local refused = w:expect(409, "POST", ("/api/admin/policies/fee/versions/%d/activate")
            :format(steep.version), admin, {})
        assert.equal("policy_moves_too_much", refused.code)
        activate(steep.version)
        w:expect(200, "POST", "/api/admin/policies/fee/rollback", admin, {})
    end)

    it("let the last good version price the order when the active one fails", function()
        local bad = add(text_of(900, "if o.items then error('no') end"))
        local good = version_of(story.ordered(w).order)
        activate(bad.version)
        assert.equal(good, version_of(story.ordered(w).order))
        assert.matches("policy.failed", w.server:log(), 1, true)
        w:expect(200, "POST", "/api/admin/policies/fee/rollback", admin, {})
    end)

    it("begin at a time, and for a share of the buyers", function()
        local later = add(text_of(600))
        activate(later.version, { at = "2099-01-01T00:00:00.000Z", force = true })
        assert.are_not.equal(later.hash, version_of(story.ordered(w).order))
        activate(later.version, { percent = 1, force = true })
        local count = 0
        for _ = 1, 10 do
            count = count + (version_of(story.ordered(w).order) == later.hash and 1 or 0)
        end
        assert.is_true(count <= 3)
        activate(later.version, { percent = 100, force = true })
        assert.equal(later.hash, version_of(story.ordered(w).order))
    end)

    it("are explained: the very version, the stored input, the lines that ran", function()
        local order = story.ordered(w).order
        local answer = w:expect(200, "GET", ("/api/admin/orders/%s/fee-explain"):format(order.id),
            admin)
        assert.is_true(answer.isReproduced)
        local part = answer.vendorOrders[1]
        assert.equal(part.stored.fee.amount, part.again.fee.amount)
        assert.equal(version_of(order), part.policy.hash)
        assert.is_true(#part.steps > 0)
        assert.matches("return { fee", part.steps[#part.steps].text, 1, true)
    end)
end)
