--- Many buyers at once: what is short is never sold twice, and carts cannot deadlock.
local client = require("spec.support.client")
local world = require("spec.support.world")

local function buyers_of(w, count)
    local entries = {}
    for i = 1, count do
        entries[i] = function()
            return w:buyer()
        end
    end
    return client.parallel(entries)
end

local function checkouts(w, buyers)
    local entries = {}
    for i, buyer in ipairs(buyers) do
        entries[i] = w:prepared("POST", "/api/checkout", buyer,
            { shippingAddress = world.ADDRESS })
    end
    local count_of = {}
    local answers = client.parallel(entries)
    for _, answer in ipairs(answers) do
        count_of[answer.status] = (count_of[answer.status] or 0) + 1
    end
    return count_of, answers
end

describe("POST /api/checkout, pressed by many at once", function()
    local w, shop

    setup(function()
        w = world.start()
        shop = w:vendor()
    end)

    teardown(function()
        w:stop()
    end)

    it("sells the last unit once to 50 buyers", function()
        local lamp = w:product(shop, { stock = 1 })
        local buyers = buyers_of(w, 50)
        for _, buyer in ipairs(buyers) do
            w:add(buyer, lamp)
        end
        local count_of, answers = checkouts(w, buyers)
        assert.same({ [201] = 1, [409] = 49 }, count_of)
        for _, answer in ipairs(answers) do
            if answer.status == 409 then
                assert.equal("insufficient_stock", answer.json.code)
                assert.is_true(#answer.json.details > 0)
            end
        end
        local stock, reserved = w:stock(shop, lamp)
        assert.same({ 1, 1 }, { stock, reserved })
    end)

    it("neither deadlocks nor oversells when 200 carts overlap in 5 products", function()
        local products = {}
        for i = 1, 8 do
            products[i] = w:product(shop, { stock = 60 })
        end
        local buyers = buyers_of(w, 200)
        local adds = {}
        for i, buyer in ipairs(buyers) do
            -- Every buyer takes 5 of the 8, each in an order of his own.
            adds[i] = function()
                for k = 0, 4 do
                    w:add(buyer, products[(i * 3 + k * (i % 2 == 0 and 1 or 7)) % 8 + 1])
                end
            end
        end
        client.parallel(adds)
        local count_of = checkouts(w, buyers)
        assert.equal(200, (count_of[201] or 0) + (count_of[409] or 0))
        assert.is_true(count_of[201] > 0 and (count_of[409] or 0) > 0)
        local reserved_sum = 0
        for _, product in ipairs(products) do
            local stock, reserved = w:stock(shop, product)
            assert.equal(60, stock)
            assert.is_true(reserved <= 60)
            reserved_sum = reserved_sum + reserved
        end
        assert.equal(5 * count_of[201], reserved_sum)
        assert.is_nil(w.server:log():match("40P01"))
        w:assert_invariants()
    end)

    it("makes one order of a checkout that is sent five times at once with one key", function()
        local vase = w:product(shop, { stock = 5 })
        local buyer = w:buyer()
        w:add(buyer, vase)
        local entries = {}
        for i = 1, 5 do
            entries[i] = w:prepared("POST", "/api/checkout", buyer,
                { shippingAddress = world.ADDRESS }, { ["Idempotency-Key"] = "press-press" })
        end
        local ids = {}
        for _, answer in ipairs(client.parallel(entries)) do
            assert.is_true(answer.status == 201 or answer.status == 409, answer.body)
            if answer.status == 201 then
                ids[answer.json.id] = true
            else
                assert.equal("idempotency_in_progress", answer.json.code)
            end
        end
        local _, reserved = w:stock(shop, vase)
        assert.equal(1, reserved)
        assert.is_truthy(next(ids))
        assert.is_nil(next(ids, next(ids)))
    end)
end)
