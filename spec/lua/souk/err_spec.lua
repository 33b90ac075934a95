local err = require("souk.err")
local json = require("core.json")

local REQ = { path = "/x", id = "r1" }

local function details_of(details)
    local status, body = err.reply(REQ, err.insufficient_stock(nil, details))
    assert.equal(409, status)
    return json.decode(body).details
end

describe("err.reply", function()
    it("says what, where and for which request, as every error does", function()
        local status, body = err.reply(REQ, err.not_found("no such thing"))
        local told = json.decode(body)
        assert.equal(404, status)
        assert.matches("^%d%d%d%d%-.+Z$", told.timestamp)
        told.timestamp = nil
        assert.same({ statusCode = 404, message = "no such thing", error = "Not Found",
            path = "/x", code = "not_found", requestId = "r1" }, told)
    end)

    it("gives details as a list, whoever wrote them", function()
        local line = { field = "items", available = 0 }
        assert.same({ line }, details_of({ line }))
        assert.same({ line }, details_of(json.array({ line })))
        assert.same({ line }, details_of(json.raw(json.encode({ line }))))
        assert.same({}, details_of({}))
    end)
end)
