local fees = require("flows.fees")
local json = require("core.json")
local policy = require("core.policy")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local refused = {
    { "a fee above the subtotal", { fee = 101 } },
    { "a negative fee", { fee = -1 } },
    { "a fraction", { fee = 1.5 } },
    { "no number", { fee = 0 / 0 } },
    { "a text", { fee = "10" } },
    { "nothing at all", {} },
    { "lines that add up to more than the subtotal",
        { lines = { { name = "a", amount = 60 }, { name = "b", amount = 41 } } } },
    { "a negative line", { lines = { { name = "a", amount = -1 }, { name = "b", amount = 2 } } } },
    { "a line without a name", { lines = { { amount = 1 } } } },
    { "an empty list of lines", { lines = {} } },
    { "a fee that is not the sum of its lines",
        { fee = 3, lines = { { name = "a", amount = 2 } } } },
}

describe("fees.check", function()
    it("makes one line of a plain fee", function()
        assert.same({
            fee = 10, lines = { { name = "commission", amount = 10 } }, reason = "bps:1000",
        }, fees.check({ fee = 10, reason = "bps:1000" }, 100))
    end)

    it("adds up lines", function()
        local checked = fees.check(
            { lines = { { name = "a", amount = 60 }, { name = "b", amount = 40 } } }, 100)
        assert.equal(100, checked.fee)
    end)

    for _, case in ipairs(refused) do
        it("refuses " .. case[1], function()
            local checked, problem = fees.check(case[2], 100)
            assert.is_nil(checked)
            assert.equal("string", type(problem))
        end)
    end

    it("refuses what is no table", function()
        assert.is_nil(fees.check(10, 100))
    end)
end)

describe("fees.by", function()
    local input = { subtotal = 6000, currency = "USD", fee_bps = 1000, items = json.array({}) }
    local hash = policy.version("fee")

    it("keeps what the policy was given, so that the fee can be made again", function()
        local fee = fees.by(hash, input)
        assert.equal(600, fee.fee)
        assert.equal(hash, fee.version)
        assert.equal(600, fees.again(hash, fee.input))
    end)

    it("answers no fee of 0 when the policy cannot be asked", function()
        local fee, why = fees.by(hash, { currency = "USD", subtotal = "much" })
        assert.is_nil(fee)
        assert.matches("fee.lua", why, 1, true)
    end)

    it("refuses a line for a product that is not in the order", function()
        local checked, why = fees.check(
            { lines = { { name = "a", amount = 1, product_id = "x" } } }, 100,
            { { product_id = "y" } })
        assert.is_nil(checked)
        assert.matches("not in the order", why, 1, true)
    end)
end)

--- All that a value holds, as a text; the policy below has the same words.
local TELL = [[
local function tell(value)
    if type(value) ~= "table" then
        return tostring(value)
    end
    local words = {}
    for key, member in pairs(value) do
        table.insert(words, tostring(key) .. "=" .. tell(member))
    end
    table.sort(words)
    return "(" .. table.concat(words, " ") .. ")"
end
]]

describe("The input that is kept with a vendor order", function()
    local w

    setup(function()
        local dir = os.getenv("SOUK_HOME") .. "/lua_fees"
        shell.must("cp -r lua " .. shell.quote(dir))
        -- Says in its lines, of 100 letters at most each, what it was given.
        shell.write(dir .. "/policies/fee.lua", TELL .. [[
            return {
                evaluate = function(order)
                    local lines, text = {}, tell(order)
                    for at = 1, #text, 90 do
                        table.insert(lines, { name = string.sub(text, at, at + 89), amount = 0 })
                    end
                    return { lines = lines }
                end,
                examples = { { given = {}, expect = {} } },
            }]])
        w = world.start({ set = { ["lua.dir"] = dir } })
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    --- What the policy saw of an order's only part, and what was kept.
    local function seen_and_kept(order)
        local part, words = order.vendorOrders[1], {}
        for i, line in ipairs(part.feeLines) do
            words[i] = line.name
        end
        local kept = w.db:value("select fee_input::text from vendor_orders where id = '"
            .. part.id .. "'")
        local tell = assert(loadstring(TELL .. "return tell"))()
        return table.concat(words), tell(json.decode(kept)), kept
    end

    it("is what the policy was given: lines, categories, places and all", function()
        local shop, buyer = w:vendor(), w:buyer()
        w.db:query(([[update vendors set lat_deg = 38.7223, lon_deg = -9.1393, country = 'PT',
            tier = 'gold' where id = '%s']]):format(shop.vendor_id))
        for i = 1, 3 do
            local thing = w:product(shop, { price = 1000 * i })
            w.db:query(([[insert into product_cards (product_id, categories) values ('%s',
                '[{"slug": "b%d"}, {"slug": "a"}]') on conflict (product_id)
                do update set categories = excluded.categories]]):format(thing.id, i))
            w:add(buyer, thing, i)
        end
        local address = { lat = 41.1579, lng = -8.6291 }
        for key, value in pairs(world.ADDRESS) do
            address[key] = value
        end
        address.country = 'Repú"blica'
        local seen, kept, text = seen_and_kept(w:expect(201, "POST", "/api/checkout", buyer,
            { shippingAddress = address }))
        assert.equal(seen, kept)
        for _, word in ipairs({ '"distance_km"', '"a", "b2"', '"gold"', "blica", "fee_bps" }) do
            assert.is_truthy(text:find(word, 1, true), word .. " in " .. text)
        end
    end)

    it("is what the policy was given when nothing is known of places", function()
        local shop, buyer = w:vendor(), w:buyer()
        w.db:query("update vendors set country = null, lat_deg = null, lon_deg = null where id = '"
            .. shop.vendor_id .. "'")
        w:add(buyer, w:product(shop))
        local seen, kept, text = seen_and_kept(w:checkout(buyer))
        assert.equal(seen, kept)
        assert.is_nil(text:find("distance_km", 1, true))
    end)
end)
