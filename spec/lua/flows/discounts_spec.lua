local plugin_folder = require("spec.support.plugin_folder")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local function giver(name, hook, rest)
    return { ["plugin.lua"] = plugin_folder.manifest(name, ([[
        needs = { "db", "hook:checkout.price", "hook:checkout.check" },
        hooks = { ["checkout.price"] = { %s run = function(cart) %s end } },
    ]]):format(rest or "", hook)) }
end

local function list(amount, bearer, more)
    return ("return { discounts = { { name = 'd', amount = %s, bearer = '%s' %s } } }")
        :format(amount, bearer, more or "")
end

describe("Discounts", function()
    local w

    local function start(plugins)
        local names = {}
        for name in pairs(plugins) do
            names[#names + 1] = name
        end
        w = world.start({
            set = { ["plugins.dir"] = plugin_folder.write(plugins) }, plugins = names,
        })
    end

    after_each(function()
        assert.is_true(w:expect(200, "GET", "/api/admin/invariants", w:admin()).ok)
        w:stop()
    end)

    it("of several plugins add up, and never take more than a line costs", function()
        start({
            one = giver("one", list(4000, "VENDOR")), two = giver("two", list(9000, "VENDOR")),
        })
        local order = story.ordered(w, { price = 6000 }).order
        assert.same({ 6000, 6000, 0 },
            { order.subtotal.amount, order.discount.amount, order.total.amount })
        assert.same({ { name = "d", bearer = "VENDOR",
            amount = { amount = 6000, currency = "USD" } } }, order.discounts)
    end)

    it("are cut over the lines by their worth", function()
        start({ one = giver("one", list(1000, "VENDOR")) })
        local order = story.paid_by_two(w).order
        local by_price = {}
        for _, item in ipairs(order.items) do
            by_price[item.unitPrice.amount] = item.discount.amount
        end
        assert.same({ [6000] = 600, [4000] = 400 }, by_price)
    end)

    for what, answer in pairs({
        ["a fraction"] = list(1.5, "VENDOR"), ["less than nothing"] = list(-1, "VENDOR"),
        ["no bearer"] = list(1, "NOBODY"), ["no number"] = list("0/0", "VENDOR"),
        ["an error"] = "error('oops')", ["a text"] = "return { discounts = 'much' }",
    }) do
        it("of a plugin that answers " .. what .. " stop the checkout, but not of an optional one",
            function()
                start({ one = giver("one", answer) })
                local buyer = w:buyer()
                w:add(buyer, w:product(w:vendor()), 1)
                local refused = w:expect(503, "POST", "/api/checkout", buyer,
                    { shippingAddress = world.ADDRESS })
                assert.same({ "plugin_failed", "one" },
                    { refused.code, refused.details[1].message })
                w:stop()
                start({ one = giver("one", answer, "optional = true,") })
                assert.equal(0, story.ordered(w).order.discount.amount)
            end)
    end

    it("are refused with a plugin's own words", function()
        start({ one = giver("one", "return nil, 'not on Sundays'") })
        local buyer = w:buyer()
        w:add(buyer, w:product(w:vendor()), 1)
        local refused = w:expect(409, "POST", "/api/checkout", buyer,
            { shippingAddress = world.ADDRESS })
        assert.same({ "plugin_refused", "not on Sundays" }, { refused.code, refused.message })
    end)

    it("are asked for by a code only where somebody takes codes", function()
        start({})
        local buyer = w:buyer()
        w:add(buyer, w:product(w:vendor()), 1)
        local refused = w:expect(409, "POST", "/api/checkout", buyer,
            { shippingAddress = world.ADDRESS, couponCode = "SPRING" })
        assert.equal("plugin_refused", refused.code)
    end)
end)
