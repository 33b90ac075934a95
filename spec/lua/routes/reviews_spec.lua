local client = require("spec.support.client")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("routes.reviews", function()
    local w, made, part

    setup(function()
        w = world.start()
    end)

    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    before_each(function()
        made = story.paid(w)
        part = story.part(w, made)
    end)

    local function review(who, fields)
        local body = { orderId = made.order.id, rating = 5 }
        for name, value in pairs(fields) do
            body[name] = value
        end
        return w:request("POST", "/api/reviews", who, body)
    end

    local function deliver()
        story.ship(w, made.shop, part.id, "PROCESSING", "SHIPPED", "DELIVERED")
    end

    local function rating(path)
        local seen = w:expect(200, "GET", path).rating
        return { seen.average, seen.count }
    end

    it("is found where Location says, one of a buyer by its vendor only", function()
        deliver()
        local made_review = review(made.buyer, { productId = made.thing.id })
        local seen = w:expect(200, "GET", made_review.headers.location)
        assert.equal(made_review.json.id, seen.id)
        assert.equal(made.thing.id, seen.productId)
        local of_buyer = review(made.shop, { buyerId = made.buyer.buyer_id })
        assert.equal(404, w:request("GET", of_buyer.headers.location).status)
        assert.equal(404, w:request("GET", of_buyer.headers.location, made.buyer).status)
        assert.equal(200, w:request("GET", of_buyer.headers.location, made.shop).status)
    end)

    it("opens with delivery, and not before", function()
        local target = { productId = made.thing.id }
        for _, status in ipairs({ "PROCESSING", "SHIPPED" }) do
            local early = review(made.buyer, target)
            assert.same({ 409, "review_not_allowed" }, { early.status, early.json.code })
            story.ship(w, made.shop, part.id, status)
        end
        assert.equal(409, review(made.buyer, target).status)
        story.ship(w, made.shop, part.id, "DELIVERED")
        assert.equal(201, review(made.buyer, target).status)
    end)

    it("changes the product's rating at once", function()
        deliver()
        local answer = review(made.buyer,
            { productId = made.thing.id, rating = 4, title = "Good", body = "It stands." })
        assert.equal(4, answer.json.rating)
        assert.same({ 4, 1 }, rating("/api/products/" .. made.thing.id))
        local page = w:expect(200, "GET", "/api/products/" .. made.thing.id .. "/reviews")
        assert.same({ 1, 4, "Good", "It stands." }, {
            page.page.total, page.data[1].rating, page.data[1].title, page.data[1].body,
        })
    end)

    it("rates the vendor on its own, and the buyer by the vendor", function()
        deliver()
        assert.equal(201, review(made.buyer, { vendorId = made.shop.vendor_id, rating = 3 }).status)
        assert.same({ 3, 1 }, rating("/api/vendors/" .. made.shop.vendor_id))
        assert.same({ 0, 0 }, rating("/api/products/" .. made.thing.id))
        assert.equal(201, review(made.shop, { buyerId = made.buyer.buyer_id, rating = 2 }).status)
        assert.equal(2, w.db:value("select rating_sum from buyers where id = '"
            .. made.buyer.buyer_id .. "'"))
        local page = w:expect(200, "GET", "/api/vendors/" .. made.shop.vendor_id .. "/reviews")
        assert.equal(1, page.page.total)
    end)

    it("is given once a target and order, however many ask at once", function()
        deliver()
        local entries = {}
        for i = 1, 10 do
            entries[i] = w:prepared("POST", "/api/reviews", made.buyer,
                { orderId = made.order.id, productId = made.thing.id, rating = 5 })
        end
        local count = {}
        for _, answer in ipairs(client.parallel(entries)) do
            count[answer.status] = (count[answer.status] or 0) + 1
        end
        assert.same({ [201] = 1, [409] = 9 }, count)
        assert.equal("review_exists", review(made.buyer, { productId = made.thing.id }).json.code)
        assert.same({ 5, 1 }, rating("/api/products/" .. made.thing.id))
    end)

    it("is of what was in the order only", function()
        deliver()
        local other = w:product(made.shop)
        assert.equal(409, review(made.buyer, { productId = other.id }).status)
        assert.equal(409, review(made.buyer, { vendorId = w:vendor().vendor_id }).status)
        assert.equal(409, review(made.shop, { buyerId = w:buyer().buyer_id }).status)
    end)

    it("is of the other side: nobody reviews himself", function()
        deliver()
        assert.equal(409, review(made.shop, { productId = made.thing.id }).status)
        assert.equal(409, review(made.buyer, { buyerId = made.buyer.buyer_id }).status)
    end)

    it("does not know another's order", function()
        deliver()
        assert.equal(404, review(w:buyer(), { productId = made.thing.id }).status)
        assert.equal(404, review(w:vendor(), { buyerId = made.buyer.buyer_id }).status)
    end)

    for name, fields in pairs({
        ["0 stars"] = { rating = 0 }, ["6 stars"] = { rating = 6 },
        ["half a star"] = { rating = 4.5 },
        ["no target"] = {}, ["a status"] = { status = "PUBLISHED" },
    }) do
        it("refuses " .. name, function()
            if name ~= "no target" then
                fields.productId = made.thing.id
            end
            assert.equal(422, review(made.buyer, fields).status)
        end)
    end

    it("refuses two targets at once", function()
        assert.equal(422, review(made.buyer,
            { productId = made.thing.id, vendorId = made.shop.vendor_id }).status)
    end)

    it("lists nothing for what is not there", function()
        assert.equal(404, w:request("GET",
            "/api/products/0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6/reviews").status)
    end)
end)
