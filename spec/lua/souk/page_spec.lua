local json = require("core.json")
local page = require("souk.page")

describe("a cursor", function()
    it("gives back the values it was sealed with", function()
        local values = { "2026-01-27 10:30:00.123456+00", "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6", 5,
            0.125 }
        assert.same(values, page.open("product/newest", page.seal("product/newest", values)))
    end)
    it("is text that a URL carries as it is", function()
        assert.is_nil(page.seal("x", { "é?&=+/" }):find("[^%w_-]"))
    end)
    it("belongs to its list", function()
        local _, problem = page.open("product/price", page.seal("product/newest", { 1 }))
        assert.equal("bad_cursor", problem.code)
    end)
    it("is refused with any character changed, cut or added", function()
        local cursor = page.seal("list", { "a", 1 })
        for i = 1, #cursor do
            local other = cursor:sub(i, i) == "A" and "B" or "A"
            local forged = cursor:sub(1, i - 1) .. other .. cursor:sub(i + 1)
            assert.is_nil((page.open("list", forged)), forged)
        end
        for _, forged in ipairs({ cursor:sub(1, -2), cursor .. "0", "", "x", ("0"):rep(32),
            cursor:sub(33) }) do
            assert.is_nil((page.open("list", forged)), forged)
        end
    end)
    it("keeps null", function()
        local opened = page.open("x", page.seal("x", { json.null, "b" }))
        assert.equal(json.null, opened[1])
    end)
end)

describe("page.args", function()
    it("counts a nil at the end", function()
        assert.equal(3, page.args(1, nil, nil).n)
    end)
    it("must make the arguments of a list", function()
        assert.has_error(function()
            page.list({ query = { limit = 20 } }, { query = "x", args = { 1, nil }, cursor = {} })
        end)
    end)
end)

describe("page.like", function()
    it("takes the client's words literally", function()
        assert.equal("%50\\%\\_off\\\\%", page.like("50%_OFF\\"))
        assert.is_nil(page.like(nil))
    end)
end)

describe("page.query", function()
    local query = page.query()
    it("has 20 a page unless said otherwise", function()
        assert.equal(20, query.text({}).limit)
    end)
    for _, wrong in ipairs({ "0", "101", "-1", "x", "1.5" }) do
        it("refuses a limit of " .. wrong, function()
            assert.is_nil((query.text({ limit = wrong })))
        end)
    end
    it("refuses a negative offset", function()
        assert.is_nil((query.text({ offset = "-1" })))
    end)
end)
