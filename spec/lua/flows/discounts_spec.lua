local plugin_folder = require("spec.support.plugin_folder")
local world = require("spec.support.world")

local function list(amount, bearer, more)
    return ("return { discounts = { { name = 'd', amount = %s, bearer = '%s' %s } } }")
        :format(amount, bearer, more or "")
end

--- What plugins answer that cannot be right, by the code that makes them.
local NONSENSE = {
    ["a fraction"] = list(1.5, "VENDOR"), ["less than nothing"] = list(-1, "VENDOR"),
    ["no bearer"] = list(1, "NOBODY"), ["no number"] = list("0/0", "VENDOR"),
    ["an error"] = "error('oops')", ["a text"] = "return { discounts = 'much' }",
}

--- A plugin that does what the code of a cart asks for: {[code] = body}.
local function giver(name, bodies, rest)
    local branches = {}
    for code, body in pairs(bodies) do
        branches[#branches + 1] = ("if cart.code == %q then %s end"):format(code, body)
    end
    return { ["plugin.lua"] = plugin_folder.manifest(name, ([[
        needs = { "db", "hook:checkout.price", "hook:checkout.check" },
        hooks = { ["checkout.price"] = { %s run = function(cart)
            %s
            return {}
        end } },
    ]]):format(rest or "", table.concat(branches, "\n"))) }
end

--- Bodies under codes of their own.
local function under(prefix, bodies)
    local found = {}
    for name, body in pairs(bodies) do
        found[prefix .. name] = body
    end
    return found
end

describe("Discounts", function()
    local w, shop

    setup(function()
        local one = under("needed: ", NONSENSE)
        one.BOTH, one.CUT = list(4000, "VENDOR"), list(1000, "VENDOR")
        one.SUNDAY = "return nil, 'not on Sundays'"
        w = world.start({
            set = { ["plugins.dir"] = plugin_folder.write({
                one = giver("one", one), two = giver("two", { BOTH = list(9000, "VENDOR") }),
                three = giver("three", under("optional: ", NONSENSE), "optional = true,"),
            }) },
            plugins = { "one", "two", "three" },
        })
        -- Failures count since then: so many of one plugin do not switch it off.
        w.db:query("update plugins set updated_at = now() + interval '1 hour'")
        shop = w:vendor()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function place(status, code, ...)
        local buyer = w:buyer()
        for _, price in ipairs({ ... }) do
            w:add(buyer, w:product(shop, { price = price }))
        end
        return w:expect(status, "POST", "/api/checkout", buyer,
            { shippingAddress = world.ADDRESS, couponCode = code })
    end

    it("of several plugins add up, and never take more than a line costs", function()
        local order = place(201, "BOTH", 6000)
        assert.same({ 6000, 6000, 0 },
            { order.subtotal.amount, order.discount.amount, order.total.amount })
        assert.same({ { name = "d", bearer = "VENDOR",
            amount = { amount = 6000, currency = "USD" } } }, order.discounts)
    end)

    it("are cut over the lines by their worth", function()
        local by_price = {}
        for _, item in ipairs(place(201, "CUT", 6000, 4000).items) do
            by_price[item.unitPrice.amount] = item.discount.amount
        end
        assert.same({ [6000] = 600, [4000] = 400 }, by_price)
    end)

    for what in pairs(NONSENSE) do
        it("of a plugin that answers " .. what .. " stop the checkout, but not of an optional one",
            function()
                local refused = place(503, "needed: " .. what, 6000)
                assert.same({ "plugin_failed", "one" },
                    { refused.code, refused.details[1].message })
                assert.equal(0, place(201, "optional: " .. what, 6000).discount.amount)
            end)
    end

    it("are refused with a plugin's own words", function()
        local refused = place(409, "SUNDAY", 6000)
        assert.same({ "plugin_refused", "not on Sundays" }, { refused.code, refused.message })
    end)
end)

describe("A marketplace without plugins", function()
    it("takes no codes", function()
        local w = world.start()
        local buyer = w:buyer()
        w:add(buyer, w:product(w:vendor()), 1)
        local refused = w:expect(409, "POST", "/api/checkout", buyer,
            { shippingAddress = world.ADDRESS, couponCode = "SPRING" })
        assert.equal("plugin_refused", refused.code)
        w:assert_invariants()
        w:stop()
    end)
end)
