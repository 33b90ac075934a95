local support = require("spec.plugins.stripe_emulator.support")

describe("A list", function()
    local world, ids
    before_each(function()
        world, ids = support.world(), {}
        for position = 1, 25 do
            world.now_ms = (support.NOW_S + position) * 1000
            ids[position] = world:intent().id
        end
    end)

    local function page(query)
        local body = world:get("/v1/payment_intents?" .. query).body
        local found = {}
        for position, intent in ipairs(body.data) do
            found[position] = intent.id
        end
        return found, body
    end

    local function reversed(first, last)
        local out = {}
        for position = first, last, -1 do
            out[#out + 1] = ids[position]
        end
        return out
    end

    it("gives ten, newest first, and says that there are more", function()
        local found, body = page("")
        assert.same(reversed(25, 16), found)
        assert.same({ "list", "/v1/payment_intents", true }, { body.object, body.url,
            body.has_more })
    end)

    it("goes on after a cursor until nothing is left", function()
        local seen, has_more, query = {}, true, "limit=7"
        while has_more do
            local found, body = page(query)
            for _, id in ipairs(found) do
                seen[#seen + 1] = id
            end
            has_more, query = body.has_more, "limit=7&starting_after=" .. seen[#seen]
        end
        assert.same(reversed(25, 1), seen)
    end)

    it("says that nothing is left when the last page is full", function()
        local _, body = page("limit=5&starting_after=" .. ids[6])
        assert.is_false(body.has_more)
        assert.equal(5, #body.data)
    end)

    it("goes back before a cursor", function()
        local found, body = page("limit=3&ending_before=" .. ids[10])
        assert.same(reversed(13, 11), found)
        assert.is_true(body.has_more)
        found, body = page("limit=3&ending_before=" .. ids[22])
        assert.same(reversed(25, 23), found)
        assert.is_false(body.has_more)
        found, body = page("limit=3&ending_before=" .. ids[24])
        assert.same({ ids[25] }, found)
        assert.is_false(body.has_more)
    end)

    it("is bounded by time", function()
        assert.same(reversed(12, 10), (page(("created[gte]=%d&created[lt]=%d")
            :format(support.NOW_S + 10,
            support.NOW_S + 13))))
        assert.same({ ids[4] }, (page("created=" .. support.NOW_S + 4)))
    end)

    it("refuses a cursor that is nobody's", function()
        local answer = world:get("/v1/payment_intents?starting_after=pi_x")
        assert.same({ 400, "resource_missing", "starting_after" },
            { answer.status, answer.error.code, answer.error.param })
    end)

    it("is an empty list when there is nothing", function()
        assert.equal('{"data":[],"has_more":false,"object":"list","url":"/v1/refunds"}',
            world:get("/v1/refunds").text)
    end)
end)
