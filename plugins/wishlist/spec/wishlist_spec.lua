local shell = require("spec.support.shell")
local world = require("spec.support.world")

local PATH = "/api/plugins/wishlist/items"
local NOBODY = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6"

describe("wishlist", function()
    local w, shop, thing, buyer

    setup(function()
        w = world.start({ plugins = { "wishlist" } })
        shop = w:vendor()
        thing = w:product(shop, { price = 6000, stock = 5 })
    end)
    before_each(function()
        buyer = w:buyer()
    end)
    teardown(function()
        w:stop()
    end)

    local function wishes()
        return w:expect(200, "GET", PATH, buyer).data
    end

    it("keeps a wish once, with the price of its day", function()
        w:expect(200, "POST", PATH, buyer, { productId = thing.id, note = "for Ada" })
        local again = w:expect(200, "POST", PATH, buyer, { productId = thing.id }).data
        assert.equal(1, #again)
        assert.same({ 6000, "for Ada", true },
            { again[1].priceThen.amount, again[1].note, again[1].isAvailable })
    end)

    it("shows nobody another one's wishes, but vendors how wanted a product is", function()
        w:expect(200, "POST", PATH, buyer, { productId = thing.id })
        assert.equal(0, #w:expect(200, "GET", PATH, w:buyer()).data)
        local wanted = w:expect(200, "GET", "/api/plugins/wishlist/wanted", shop).data
        assert.equal(thing.id, wanted[1].productId)
        assert.equal(0, #w:expect(200, "GET", "/api/plugins/wishlist/wanted", w:vendor()).data)
    end)

    it("takes back a wish, and knows none that is not there", function()
        w:expect(200, "POST", PATH, buyer, { productId = thing.id })
        w:expect(204, "DELETE", PATH .. "/" .. thing.id, buyer)
        w:expect(404, "DELETE", PATH .. "/" .. thing.id, buyer)
        w:expect(404, "POST", PATH, buyer, { productId = NOBODY })
        w:expect(403, "GET", PATH, shop)
    end)

    it("forgets what was bought", function()
        w:expect(200, "POST", PATH, buyer, { productId = thing.id })
        w:add(buyer, thing, 1)
        assert.equal(200, w:pay(buyer, w:checkout(buyer)).status)
        shell.wait_until("the wish to be fulfilled", 60, function()
            return #wishes() == 0
        end)
    end)
end)
