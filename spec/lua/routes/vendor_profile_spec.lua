local world = require("spec.support.world")

describe("one's own shop", function()
    local w, vendor

    setup(function()
        w = world.start()
        vendor = w:vendor()
    end)
    teardown(function()
        w:stop()
    end)

    it("PATCH /vendor/profile changes what is given", function()
        local before = w:expect(200, "GET", "/api/vendor/profile", vendor)
        local after = w:expect(200, "PATCH", "/api/vendor/profile", vendor,
            { description = "Woven", country = "PT" })
        assert.equal("Woven", after.description)
        assert.equal(before.businessName, after.businessName)
        assert.equal(before.slug, after.slug)
    end)
    it("PATCH /vendor/profile smuggles nothing in", function()
        for _, field in ipairs({ "status", "tier", "rating", "userId", "stripe_account_id" }) do
            assert.equal(422,
                w:request("PATCH", "/api/vendor/profile", vendor, { [field] = "ACTIVE" }).status,
                field)
        end
    end)
    it("PATCH /vendor/profile refuses the slug of another", function()
        local other = w:expect(200, "GET", "/api/vendor/profile", w:vendor())
        local answer = w:request("PATCH", "/api/vendor/profile", vendor, { slug = other.slug })
        assert.equal("slug_taken", answer.json.code)
    end)
    for _, wrong in ipairs({ '{"lat":91,"lng":0}', '{"lat":0}', '{"lat":"1","lng":2}',
        '{"lat":1,"lng":2,"alt":3}', "{}" }) do
        it("PUT /vendor/location refuses " .. wrong, function()
            assert.equal(422, w:request("PUT", "/api/vendor/location", vendor, wrong).status)
        end)
    end
    it("is for vendors", function()
        assert.equal(403,
            w:request("PUT", "/api/vendor/location", w:buyer(), { lat = 1, lng = 2 }).status)
        assert.equal(401, w:request("PATCH", "/api/vendor/profile", nil, {}).status)
    end)
end)
