local query_string = require("souk.query_string")

describe("query_string.parse", function()
    local cases = {
        { "reads names and values", "a=1&b=two", { a = "1", b = "two" } },
        { "takes + and %20 for a space", "q=blue+mug%20big", { q = "blue mug big" } },
        { "decodes names too", "%61=1", { a = "1" } },
        { "keeps what follows the first =", "q=a=b", { q = "a=b" } },
        { "leaves out what has no value", "a=&b&c=1", { c = "1" } },
        { "passes over empty pieces", "&&a=1&", { a = "1" } },
        { "decodes UTF-8", "q=caf%C3%A9", { q = "café" } },
        { "does not decode twice", "q=%2541", { q = "%41" } },
        { "is empty for nothing", "", {} },
    }
    for _, case in ipairs(cases) do
        local name, raw, expected = unpack(case)
        it(name, function()
            assert.same(expected, query_string.parse(raw))
        end)
    end

    for _, wrong in ipairs({ "a=%zz", "a=%2", "a=%", "a=%00", "a=%FF", "a=\255", "=1" }) do
        it("refuses " .. wrong:gsub("[^%g]", "?") .. " as malformed", function()
            local value, problem = query_string.parse(wrong)
            assert.is_nil(value)
            assert.equal(400, problem.status)
        end)
    end
    it("refuses a name that comes twice", function()
        local _, problem = query_string.parse("limit=1&limit=2")
        assert.equal(422, problem.status)
        assert.equal("limit", problem.details[1].field)
    end)
    it("refuses more than a hundred names", function()
        local pieces = {}
        for i = 1, 101 do
            pieces[i] = "a" .. i .. "=1"
        end
        assert.equal(400, select(2, query_string.parse(table.concat(pieces, "&"))).status)
    end)
end)
