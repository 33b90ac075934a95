local client = require("spec.support.client")
local wire = require("spec.core.http.wire")

-- Method, path, template that matches, its parameters by name.
local matched = {
    { "GET", "/r/a", "/r/a", {} },
    { "GET", "/r/other", "/r/{x}", { x = "other" } },
    { "POST", "/r/other", "/r/{x}", { x = "other" } },
    { "POST", "/r/a", "/r/{x}", { x = "a" } },
    { "GET", "/r/a/b", "/r/{x}/b", { x = "a" } },
    { "GET", "/r/q/b", "/r/{x}/b", { x = "q" } },
    { "GET", "/r/a/list", "/r/a/list", {} },
    { "GET", "/r/b/list", "/r/{x}/{y}", { x = "b", y = "list" } },
    { "GET", "/r/a/q", "/r/{x}/{y}", { x = "a", y = "q" } },
    { "GET", "/r/a/q/c", "/r/a/{y}/c", { y = "q" } },
    { "GET", "/r/a/d/1/2", "/r/{x}/d/{y}/{z}", { x = "a", y = "1", z = "2" } },
    { "DELETE", "/r/7/8", "/r/{id}/{line}", { id = "7", line = "8" } },
    { "GET", "/r/%61", "/r/a", {} },
    { "GET", "/r/%c3%a9%20%2B+", "/r/{x}", { x = "é ++" } },
    { "GET", "/r/%25", "/r/{x}", { x = "%" } },
    { "GET", "/r/...", "/r/{x}", { x = "..." } },
    { "GET", "/r/a?b=/r/x", "/r/a", {} },
    { "GET", "/r/a:b;c=d,e@f", "/r/{x}", { x = "a:b;c=d,e@f" } },
}

local unmatched = {
    "/", "/r", "/r/", "/r/a/", "/r//a", "/r/a/b/", "/R/a", "/r/a/b/c/d/e", "/r/.", "/r/..",
    "/r/%2e%2e", "/r/../seen", "/seen/", "/nothing",
}

-- Method, path, Allow.
local wrong_method = {
    { "DELETE", "/r/a", "GET, HEAD, POST" },
    { "PUT", "/r/other", "GET, HEAD, POST" },
    { "POST", "/r/7/8", "GET, HEAD, DELETE" },
    { "POST", "/r/a/list", "GET, HEAD, DELETE" },
    { "GET", "/large", "POST" },
}

describe("the router", function()
    local server

    setup(function()
        server = wire.start()
    end)

    teardown(function()
        server:stop()
    end)

    local function ask(method, path)
        return client.request({ port = server.port, method = method, path = path })
    end

    for _, case in ipairs(matched) do
        local method, path, template, params = unpack(case)
        it("leads " .. method .. " " .. path .. " to " .. template, function()
            local answer = ask(method, path)
            assert.equal(200, answer.status)
            assert.equal(method .. " " .. template, answer.json.route)
            assert.same(params, answer.json.params)
        end)
    end

    it("leads HEAD to the route of GET", function()
        local answer = ask("HEAD", "/r/a")
        assert.equal(200, answer.status)
        assert.equal(tostring(#ask("GET", "/r/a").body + 1), answer.headers["content-length"])
    end)

    for _, path in ipairs(unmatched) do
        it("knows no " .. path, function()
            local answer = ask("GET", path)
            assert.equal(404, answer.status)
            assert.equal("not_found", answer.json.code)
            assert.is_nil(answer.headers.allow)
        end)
    end

    for _, case in ipairs(wrong_method) do
        local method, path, allow = unpack(case)
        it("says what " .. path .. " allows when it is " .. method, function()
            local answer = ask(method, path)
            assert.equal(405, answer.status)
            assert.equal("method_not_allowed", answer.json.code)
            assert.equal(allow, answer.headers.allow)
        end)
    end
end)
