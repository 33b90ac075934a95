local order_terms = require("flows.order_terms")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local wrong_shipping = {
    { "nothing", nil }, { "a text", "free" }, { "a fraction", { amount = 1.5 } },
    { "less than nothing", { amount = -1 } }, { "no number", { amount = 0 / 0 } },
    { "too much", { amount = 1e10 } }, { "a refusal without words", { refuse = true } },
}

describe("order_terms", function()
    for _, case in ipairs(wrong_shipping) do
        it("takes no shipping policy at its word that answers " .. case[1], function()
            local checked, why = order_terms.check_shipping(case[2])
            assert.is_nil(checked)
            assert.equal("string", type(why))
        end)
    end

    it("wants a reason with a refusal of the limits policy", function()
        assert.is_nil(order_terms.check_limits({ allowed = false }))
        assert.is_nil(order_terms.check_limits({ allowed = 1 }))
        assert.is_true(order_terms.check_limits({ allowed = true }).allowed)
    end)
end)

describe("An order", function()
    local w

    setup(function()
        local dir = os.getenv("SOUK_HOME") .. "/lua_terms"
        shell.must("cp -r lua " .. shell.quote(dir))
        shell.write(dir .. "/policies/shipping.lua", [[
            return {
                evaluate = function(part)
                    if part.buyer.country == "XX" then
                        return { refuse = "we do not send there" }
                    end
                    return { amount = 500 }
                end,
                examples = { { given = { buyer = {} }, expect = { amount = 500 } } },
            }]])
        w = world.start({ set = { ["lua.dir"] = dir } })
    end)
    teardown(function()
        assert.is_true(w:expect(200, "GET", "/api/admin/invariants", w:admin()).ok)
        w:stop()
    end)

    it("costs its shipping too, which is the vendor's and pays no fee", function()
        local made = story.paid(w, { price = 6000 })
        local part = made.order.vendorOrders[1]
        assert.same({ 6000, 500, 6500, 600, 5900 }, {
            made.order.subtotal.amount, made.order.shipping.amount, made.order.total.amount,
            part.platformFee.amount, part.earnings.amount,
        })
    end)

    it("is refused where a vendor does not send, and nothing is held", function()
        local buyer, thing = w:buyer(), w:product(w:vendor(), { stock = 2 })
        w:add(buyer, thing)
        local address = {}
        for key, value in pairs(world.ADDRESS) do
            address[key] = value
        end
        address.country = "XX"
        local refused = w:expect(409, "POST", "/api/checkout", buyer, { shippingAddress = address })
        assert.same({ "order_not_allowed", "we do not send there" },
            { refused.code, refused.message })
    end)
end)
