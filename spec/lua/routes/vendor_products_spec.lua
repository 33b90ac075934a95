local world = require("spec.support.world")

local function ids(list)
    local out = {}
    for i, item in ipairs(list) do
        out[i] = item.id
    end
    return out
end

describe("GET /api/vendor/products", function()
    local w

    setup(function()
        w = world.start()
    end)
    teardown(function()
        w:stop()
    end)

    it("lists one's own in all states, with stock", function()
        local mine = w:vendor()
        local draft = w:expect(201, "POST", "/api/products", mine,
            { name = "Draft", price = { amount = 1, currency = "USD" }, stock = 5 })
        local published = w:product(mine)
        w:product(w:vendor())
        local list = w:expect(200, "GET", "/api/vendor/products", mine)
        assert.same({ published.id, draft.id }, ids(list.data))
        assert.equal(10, list.data[1].stock)
        assert.equal(2, list.page.total)
        local drafts = w:expect(200, "GET", "/api/vendor/products?status=DRAFT", mine)
        assert.same({ draft.id }, ids(drafts.data))
    end)
    it("is for vendors", function()
        assert.equal(403, w:request("GET", "/api/vendor/products", w:buyer()).status)
        assert.equal(401, w:request("GET", "/api/vendor/products").status)
    end)
end)
