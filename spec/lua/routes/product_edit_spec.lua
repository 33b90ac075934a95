local world = require("spec.support.world")

local function ids(list)
    local out = {}
    for i, item in ipairs(list) do
        out[i] = item.id
    end
    return out
end

describe("editing products", function()
    local w, vendor, other

    setup(function()
        w = world.start()
        vendor, other = w:vendor(), w:vendor()
    end)
    teardown(function()
        w:stop()
    end)

    local made = 0
    local function draft(changes, who)
        made = made + 1
        local body = { name = "Draft " .. made, price = { amount = 1000, currency = "USD" },
            stock = 5 }
        for name, value in pairs(changes or {}) do
            body[name] = value
        end
        return w:request("POST", "/api/products", who or vendor, body)
    end

    local function read(product, who, headers)
        return w:request("GET", "/api/products/" .. product.id, who, nil, headers)
    end

    local function step(product, name, who)
        return w:request("POST", "/api/products/" .. product.id .. "/" .. name, who or vendor)
    end

    describe("POST /api/products", function()
        it("makes a draft that only its vendor and admins see", function()
            local answer = draft({ name = "Ceramic Mug" })
            assert.equal(201, answer.status)
            assert.equal("/api/products/" .. answer.json.id, answer.headers.location)
            assert.equal("DRAFT", answer.json.status)
            assert.equal("ceramic-mug", answer.json.slug)
            assert.equal(404, read(answer.json).status)
            assert.equal(404, read(answer.json, other).status)
            assert.equal(404, read(answer.json, w:buyer()).status)
            assert.equal(200, read(answer.json, vendor).status)
            assert.equal(200, read(answer.json, w:admin()).status)
        end)
        it("leaves a movement of the first stock", function()
            local product = draft({ stock = 7 }).json
            local moves = w:expect(200, "GET", "/api/products/" .. product.id .. "/inventory",
                vendor).data
            assert.same({ "INITIAL", 7, 7 }, { moves[1].kind, moves[1].delta, moves[1].stockAfter })
        end)
        it("refuses a second product of one name, in any case", function()
            draft({ name = "Twice" })
            local answer = draft({ name = "TWICE", slug = "another-slug" })
            assert.equal(409, answer.status)
            assert.equal("Product name already exists", answer.json.message)
        end)
        it("refuses a slug that another vendor has", function()
            draft({ name = "Slug Taken" })
            local answer = draft({ name = "Slug Taken" }, other)
            assert.equal(409, answer.status)
            assert.equal("Product name already exists", answer.json.message)
        end)
        it("has a slug even when no letter of the name can be written", function()
            assert.matches("^product%-%x+$", draft({ name = "日本" }).json.slug)
        end)
        it("takes the currency of the marketplace only", function()
            local answer = draft({ price = { amount = 1, currency = "EUR" } })
            assert.equal("price.currency", answer.json.details[1].field)
        end)
        it("refuses categories that are none, each by its place", function()
            local unknown = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6"
            local answer = draft({ name = "Nowhere", categoryIds = { unknown } })
            assert.equal(422, answer.status)
            assert.equal("categoryIds.0", answer.json.details[1].field)
            assert.equal(0, w.db:value("select count(*) from products where name = 'Nowhere'"))
        end)
        for _, wrong in ipairs({ "1.0", "1e3", '"1"', "-1", "1000000000001", "9007199254740993",
            "null" }) do
            it("refuses a price of " .. wrong, function()
                local answer = w:request("POST", "/api/products", vendor,
                    '{"name":"P","stock":1,"price":{"currency":"USD","amount":' .. wrong .. "}}")
                assert.equal(422, answer.status)
                assert.equal("price.amount", answer.json.details[1].field)
            end)
        end
        for _, field in ipairs({ "vendorId", "status", "reserved", "rating", "id", "version",
            "price_minor" }) do
            it("does not let " .. field .. " be smuggled in", function()
                assert.equal(422, draft({ [field] = 1 }).status)
            end)
        end
        it("keeps words as they are, whatever they say", function()
            local name = "Robert'); drop table products;-- <b>\"\\"
            local product = draft({ name = name, description = "日本 😀 \n tab\t" }).json
            assert.equal(name, product.name)
            assert.equal("日本 😀 \n tab\t", read(product, vendor).json.description)
        end)
        it("is for vendors", function()
            assert.equal(403, draft({}, w:buyer()).status)
            assert.equal(403, draft({}, w:admin()).status)
        end)
    end)

    describe("PATCH /api/products/{id}", function()
        local function change(product, body, who, headers)
            return w:request("PATCH", "/api/products/" .. product.id, who or vendor, body, headers)
        end
        it("changes what is given and leaves the rest", function()
            local product = w:product(vendor, { name = "Before", description = "kept" })
            local after = change(product,
                { name = "After", price = { amount = 777, currency = "USD" } }).json
            assert.same({ "After", 777, "kept", product.slug, product.version + 1 },
                { after.name, after.price.amount, after.description, after.slug, after.version })
        end)
        it("with If-Match changes only what was read", function()
            local product = w:product(vendor)
            local etag = read(product, vendor).headers.etag
            assert.equal(200,
                change(product, { description = "one" }, vendor, { ["If-Match"] = etag }).status)
            local stale = change(product, { description = "two" }, vendor, { ["If-Match"] = etag })
            assert.equal(412, stale.status)
            assert.equal("one", read(product, vendor).json.description)
            assert.equal(412,
                change(product, { description = "two" }, vendor,
                { ["If-Match"] = '"nonsense"' }).status)
            assert.equal(200,
                change(product, { description = "two" }, vendor, { ["If-Match"] = "*" }).status)
            local current = read(product, vendor).headers.etag
            assert.equal(412, change(product, { description = "three" }, vendor,
                { ["If-Match"] = "W/" .. current }).status)
            assert.equal(200, change(product, { description = "three" }, vendor,
                { ["If-Match"] = '"0-00", ' .. current }).status)
        end)
        it("answers another vendor as if there were no product", function()
            local product = w:product(vendor)
            local foreign = change(product, { name = "Stolen" }, other)
            local missing = change({ id = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" },
                { name = "Stolen" }, other)
            assert.equal(404, foreign.status)
            assert.equal(404, missing.status)
            assert.equal(missing.json.message, foreign.json.message)
            assert.equal(missing.json.code, foreign.json.code)
        end)
        it("is for admins too", function()
            assert.equal(200,
                change(w:product(vendor), { description = "by the house" }, w:admin()).status)
        end)
        it("refuses the name of another product of the vendor", function()
            w:product(vendor, { name = "Name A" })
            assert.equal(409,
                change(w:product(vendor, { name = "Name B" }), { name = "name a" }).status)
        end)
        it("puts it into categories, and out of others", function()
            local admin = w:admin()
            local a = w:expect(201, "POST", "/api/admin/categories", admin, { name = "Cat A" })
            local b = w:expect(201, "POST", "/api/admin/categories", admin, { name = "Cat B" })
            local product = w:product(vendor, { categoryIds = { a.id } })
            local after = change(product, { categoryIds = { b.id } }).json
            assert.same({ b.id }, ids(after.categories))
        end)
        it("does not take stock", function()
            assert.equal(422, change(w:product(vendor), { stock = 100 }).status)
        end)
    end)

    describe("its status", function()
        local steps = {
            { "DRAFT", "publish", 200 }, { "DRAFT", "unpublish", 409 }, { "DRAFT", "archive", 200 },
            { "PUBLISHED", "publish", 409 }, { "PUBLISHED", "unpublish", 200 },
                { "PUBLISHED", "archive", 200 },
            { "UNPUBLISHED", "publish", 200 }, { "UNPUBLISHED", "unpublish", 409 },
                { "UNPUBLISHED", "archive", 200 },
            { "ARCHIVED", "publish", 409 }, { "ARCHIVED", "unpublish", 409 },
                { "ARCHIVED", "archive", 409 },
        }
        for _, case in ipairs(steps) do
            local from, name, status = unpack(case)
            it(("answers %d to %s when it is %s"):format(status, name, from), function()
                local product = draft().json
                w.db:query("update products set status = '" .. from .. "' where id = '"
                    .. product.id .. "'")
                local answer = step(product, name)
                assert.equal(status, answer.status)
                local now = w.db:value("select status from products where id = '" .. product.id
                    .. "'")
                assert.equal(status == 409, now == from)
            end)
        end
        it("is nobody else's to change", function()
            local product = w:product(vendor)
            for _, name in ipairs({ "publish", "unpublish", "archive" }) do
                assert.equal(404, step(product, name, other).status)
            end
            assert.equal(404, w:request("DELETE", "/api/products/" .. product.id, other).status)
            assert.equal("PUBLISHED", read(product).json.status)
        end)
    end)

    describe("DELETE /api/products/{id}", function()
        it("archives, and frees the name", function()
            local product = w:product(vendor, { name = "Gone" })
            assert.equal(204, w:request("DELETE", "/api/products/" .. product.id, vendor).status)
            assert.equal(404, read(product).status)
            assert.equal("ARCHIVED", read(product, vendor).json.status)
            assert.equal(204, w:request("DELETE", "/api/products/" .. product.id, vendor).status)
            assert.equal(201, draft({ name = "Gone" }).status)
        end)
    end)
end)
