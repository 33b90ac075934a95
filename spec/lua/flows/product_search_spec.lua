local db = require("souk.db")
local json = require("core.json")
local product_search = require("flows.product_search")

local function list(query)
    query.limit = query.limit or 20
    return product_search.list({ query = query })
end

local function filters(changes)
    return json.encode(json.object(changes))
end

local SORTS = { "newest", "price", "-price", "rating", "distance", "relevance" }
local NEEDED = { distance = "nearIds", relevance = "q" }

local function search(changes, sort)
    return db.query("product/search", filters(changes), sort, nil, nil, 5, 0)
end

describe("product_search.list", function()
    it("is an empty page of an empty marketplace", function()
        local answer = tostring(list({}))
        assert.matches('"data":[]', answer, 1, true)
        local page = json.decode(answer).page
        assert.same({ 0, true, json.null }, { page.total, page.totalIsExact, page.nextCursor })
    end)
    local refusals = {
        { "one coordinate", { lat = 1 }, "lng" },
        { "the other coordinate alone", { lng = 1 }, "lat" },
        { "a radius around nothing", { radiusKm = 1 }, "radiusKm" },
        { "distance from nothing", { sort = "distance" }, "sort" },
        { "relevance to nothing", { sort = "relevance" }, "sort" },
        { "a range of prices the wrong way round", { minPrice = 2, maxPrice = 1 }, "maxPrice" },
        { "an offset beside a cursor", { offset = 0, cursor = "x" }, "cursor" },
    }
    for _, case in ipairs(refusals) do
        local name, query, field = unpack(case)
        it("refuses " .. name, function()
            local answer, problem = list(query)
            assert.is_nil(answer)
            assert.equal(field, problem.details[1].field)
        end)
    end
    it("takes a lowest price of 0 beside none other", function()
        assert.is_truthy(list({ minPrice = 0 }))
        assert.is_truthy(list({ minPrice = 5, maxPrice = 5 }))
    end)
end)

describe("product_search() in SQL", function()
    it("runs for every combination of filters, in every order", function()
        local place = {
            nearIds = json.array({ "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" }),
            nearMeters = json.array({ 12.5 }),
        }
        local parts = {
            { q = "mug" }, { category = "kitchen" },
            { vendorId = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" },
            { minPrice = 1, maxPrice = 2 }, { inStock = true }, { minRating = 4.5 }, place,
        }
        for set = 0, 2 ^ #parts - 1 do
            local all = {}
            for i, part in ipairs(parts) do
                for name, value in pairs(math.floor(set / 2 ^ (i - 1)) % 2 == 1 and part or {}) do
                    all[name] = value
                end
            end
            for _, sort in ipairs(SORTS) do
                local needed = NEEDED[sort]
                if not needed or all[needed] then
                    assert.is_truthy(search(all, sort), filters(all) .. sort)
                end
            end
            assert.equal(0, db.one("product/count", filters(all), 100).total)
            assert.same({}, db.query("product/facets", filters(all), 100))
        end
    end)
    it("takes no filter's value for SQL", function()
        local hostile = "'; drop table products; --"
        assert.same({}, search({ q = hostile, category = hostile }, "newest"))
        assert.is_truthy(db.query("product/count", filters({}), 1))
    end)
end)
