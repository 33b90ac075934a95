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

describe("a body", function()
    local with_body = { has_body = true, body = schema.object({ n = schema.integer() }) }

    local function refusal(raw, content_type, by)
        local is_read, problem = input.read({ query_text = "", raw = raw },
            { query = "", params = {} }, by or with_body, content_type)
        return is_read and 0 or problem.status
    end

    local kinds = {
        { 0, "application/json" }, { 0, "Application/JSON; charset=UTF-8" }, { 0, nil },
        { 0, 'application/json;charset="utf-8"' }, { 0, "application/merge-patch+json" },
        { 415, "application/jsonp" }, { 415, "application/json,text/plain" }, { 415, "text/json" },
        { 415, "application/json;charset=utf-16" }, { 415, "application/x-www-form-urlencoded" },
        { 415, "" },
    }
    for _, kind in ipairs(kinds) do
        it("as " .. tostring(kind[2]) .. " is " .. (kind[1] == 0 and "read" or "415"), function()
            assert.equal(kind[1], refusal('{"n": 1}', kind[2]))
        end)
    end

    it("of a route that takes none may be empty, and hold nothing", function()
        local none = { has_body = true }
        assert.equal(0, refusal("", nil, none))
        assert.equal(0, refusal("{}", "application/json", none))
        assert.equal(422, refusal('{"x": 1}', "application/json", none))
        assert.equal(422, refusal("[]", "application/json", none))
        assert.equal(400, refusal("{", "application/json", none))
    end)
end)

describe("If-Match", function()
    it("names versions by strong tags of ours, in a list", function()
        assert.same({ [3] = true }, input.versions('"3-0a1b"'))
        assert.same({ [3] = true, [4] = true }, input.versions('"3-0a1b", "4"'))
    end)

    it("never matches by a weak tag or by nonsense", function()
        assert.same({}, input.versions('W/"3-0a1b"'))
        assert.same({}, input.versions('"x", 3, ""'))
    end)

    it("asks for nothing when it is absent or *", function()
        assert.is_nil(input.versions(nil))
        assert.is_nil(input.versions("*"))
    end)
end)
