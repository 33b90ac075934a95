local input = require("souk.input")
local schema = require("souk.schema")

local decl = { query = schema.object({
    limit = schema.optional(schema.integer({ min = 1, max = 9 }), 5),
    word = schema.optional(schema.string({ max = 500 })),
}) }
local other = { query = schema.object({ limit = schema.string({ max = 9 }) }) }

--- The query read from a text by a declaration; or nil, err.
local function read(text, by)
    local req = { query_text = text }
    local is_read, problem = input.read(req, { query = text, params = {} }, by or decl)
    return is_read and req.query, problem
end

describe("a query", function()
    it("is read the same the second time", function()
        assert.same({ limit = 3, word = "a b" }, read("limit=3&word=a+b"))
        assert.same({ limit = 3, word = "a b" }, read("limit=3&word=a+b"))
        assert.equal(read("limit=3"), read("limit=3"))
        assert.same({ limit = 5 }, read(""))
    end)

    it("is read by the types of its own route", function()
        assert.same({ limit = 3 }, read("limit=3"))
        assert.same({ limit = "3" }, read("limit=3", other))
    end)

    it("is refused as often as it is wrong", function()
        for _ = 1, 2 do
            local query, problem = read("limit=10")
            assert.is_falsy(query)
            assert.equal(422, problem.status)
            query, problem = read("limit=1&limit=2")
            assert.is_falsy(query)
            assert.equal(422, problem.status)
        end
    end)

    it("is not kept when it is long, and not for ever", function()
        local long = "word=" .. ("x"):rep(300)
        assert.are_not.equal(read(long), read(long))
        local first = read("limit=1")
        for i = 1, 1100 do
            assert.equal("w" .. i, read("word=w" .. i).word)
        end
        assert.are_not.equal(first, read("limit=1"))
        assert.same(first, read("limit=1"))
    end)
end)
