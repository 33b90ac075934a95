local client = require("spec.support.client")
local world = require("spec.support.world")

describe("the documents", function()
    local w

    setup(function()
        w = world.start()
    end)
    teardown(function()
        w:stop()
    end)

    it("GET /api/openapi.json is for anyone, and cached by its ETag", function()
        local answer = w:request("GET", "/api/openapi.json")
        assert.equal(200, answer.status)
        assert.equal("3.1.0", answer.json.openapi)
        local again = w:request("GET", "/api/openapi.json", nil, nil,
            { ["If-None-Match"] = answer.headers.etag })
        assert.equal(304, again.status)
    end)
    it("GET /api/docs is a page that may run and fetch nothing", function()
        local answer = w:request("GET", "/api/docs")
        assert.equal(200, answer.status)
        assert.matches("text/html", answer.headers["content-type"], 1, true)
        assert.matches("default-src 'none'", answer.headers["content-security-policy"], 1, true)
        assert.is_truthy(answer.body:find("/api/products/{id}", 1, true))
    end)
    it("does not keep others waiting while it is made", function()
        local requests = { w:prepared("GET", "/api/docs") }
        for i = 1, 10 do
            requests[i + 1] = w:prepared("GET", "/api/categories")
        end
        for _, answer in ipairs(client.parallel(requests)) do
            assert.equal(200, answer.status)
        end
    end)
end)
