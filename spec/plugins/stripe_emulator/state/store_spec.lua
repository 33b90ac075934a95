local json = require("core.json")
local store = require("stripe_emulator.state.store")

describe("The store", function()
    local objects
    before_each(function()
        objects = store.new(json, require("core.crypto").random_base62)
    end)

    local function put(id)
        return store.insert(objects, { id = id, object = "thing" }, { note = id })
    end

    it("makes ids of 24 characters that do not repeat", function()
        local seen = {}
        for _ = 1, 1000 do
            local id = store.new_id(objects, "pi")
            assert.matches("^pi_%w+$", id)
            assert.equal(27, #id)
            assert.is_nil(seen[id])
            seen[id] = true
        end
    end)

    it("keeps the order of a kind, apart from other kinds", function()
        put("b")
        put("a")
        store.insert(objects, { id = "x", object = "other" })
        local ids = {}
        for position, object in ipairs(store.all(objects, "thing")) do
            ids[position] = object.id
        end
        assert.same({ "b", "a" }, ids)
        assert.is_nil(store.get(objects, "other", "a"))
    end)

    it("keeps what is not on the wire beside the object, as long as the object", function()
        local thing = put("a")
        assert.equal("a", store.hidden(objects, thing).note)
        store.remove(objects, thing)
        assert.is_nil(store.get(objects, "thing", "a"))
        assert.is_nil(store.hidden(objects, thing))
        assert.same({}, store.all(objects, "thing"))
    end)

    it("copies so that neither sees the other's changes, and arrays stay arrays", function()
        local thing = { a = { b = json.array({}) }, n = json.null }
        local copy = store.copy(objects, thing)
        assert.equal(json.encode(thing), json.encode(copy))
        assert.equal('{"a":{"b":[]},"n":null}', json.encode(copy))
        copy.a.b[1] = "x"
        assert.equal('{"a":{"b":[]},"n":null}', json.encode(thing))
    end)
end)
