local web = require("souk.web")
local world = require("spec.support.world")

local function handler()
    return {}
end

--- Declares a route that nobody serves; the problem when it is refused.
local function declare(changes, path)
    local decl = { id = "spec.route" .. tostring({}), summary = "x", tags = { "spec" },
        roles = false, answers = { [200] = true } }
    for name, value in pairs(changes) do
        decl[name] = value ~= "nil" and value or nil
    end
    local ok, problem = pcall(web.get, path or "/api/spec", decl, handler)
    return not ok and tostring(problem) or nil
end

describe("a declaration", function()
    it("loads when it says all that is needed", function()
        assert.is_nil(declare({}))
    end)
    local s = require("souk.schema")
    local wrong = {
        { "says no roles", { roles = "nil" } },
        { "has no answers", { answers = "nil" } },
        { "has no id", { id = "nil" } },
        { "has an unknown key", { rolls = true } },
        { "names an unknown error", { errors = { "no_such_error" } } },
        { "has a parameter that its path lacks", { params = { id = s.uuid() } } },
        { "is idempotent for nobody", { idempotent = "transaction" } },
        { "is idempotent in an unknown way", { idempotent = "maybe", roles = "ANY" } },
    }
    for _, case in ipairs(wrong) do
        local name, changes = unpack(case)
        it("does not load when it " .. name, function()
            assert.is_truthy(declare(changes))
        end)
    end
    it("does not load when its path has a parameter without a schema", function()
        assert.is_truthy(declare({}, "/api/spec/{id}"))
    end)
    it("does not load when its id is taken", function()
        declare({ id = "spec.twice" })
        assert.matches("is taken", declare({ id = "spec.twice" }), 1, true)
    end)
end)

describe("a request", function()
    local w, buyer, vendor

    setup(function()
        w = world.start()
        buyer, vendor = w:buyer(), w:vendor()
    end)
    teardown(function()
        w:stop()
    end)

    it("is refused in the one shape of errors", function()
        local answer = w:request("GET", "/api/products/no-such-product", nil, nil,
            { ["X-Request-Id"] = "spec-1" })
        local body = answer.json
        assert.equal(404, answer.status)
        assert.equal(404, body.statusCode)
        assert.equal("Not Found", body.error)
        assert.equal("not_found", body.code)
        assert.equal("/api/products/no-such-product", body.path)
        assert.equal("spec-1", body.requestId)
        assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", body.timestamp)
        assert.is_string(body.message)
        assert.is_nil(body.details)
    end)

    it("is asked for its token before anything else", function()
        local answer = w:request("POST", "/api/products", nil, { nonsense = true })
        assert.equal(401, answer.status)
        assert.equal("Bearer", answer.headers["www-authenticate"])
    end)
    it("is asked for its role before its body", function()
        assert.equal(403, w:request("POST", "/api/products", buyer, { nonsense = true }).status)
    end)
    it("is refused with every fault of its body", function()
        local answer = w:request("POST", "/api/products", vendor,
            { name = "", price = { amount = -1, currency = "usd" }, stock = 1.5, role = "ADMIN" })
        assert.equal(422, answer.status)
        local fields = {}
        for _, detail in ipairs(answer.json.details) do
            fields[#fields + 1] = detail.field
        end
        table.sort(fields)
        assert.same({ "name", "price.amount", "price.currency", "role", "stock" }, fields)
    end)
    it("must be JSON", function()
        assert.equal(400, w:request("POST", "/api/products", vendor, "{").status)
        assert.equal("malformed_json",
            w:request("POST", "/api/products", vendor, '{"a":1}x').json.code)
        assert.equal(400, w:request("POST", "/api/products", vendor, '{"name":"\255"}').status)
        assert.equal(400, w:request("POST", "/api/products", vendor, '{"name":"a\\u0000b"}').status)
        local answer = w:request("POST", "/api/products", vendor, "name=x",
            { ["Content-Type"] = "application/x-www-form-urlencoded" })
        assert.equal(415, answer.status)
    end)
    it("may not be larger than its route takes", function()
        local answer = w:request("POST", "/api/products", vendor, '{"name":"' .. ("a"):rep(1100000)
            .. '"}')
        assert.equal(413, answer.status)
    end)
    it("is refused with an unknown query parameter", function()
        assert.equal(422, w:request("GET", "/api/products?colour=blue").status)
        assert.equal(422, w:request("GET", "/api/categories?x=1").status)
    end)
    it("is refused with another method, which ones are named", function()
        local answer = w:request("PUT", "/api/products")
        assert.equal(405, answer.status)
        assert.matches("GET", answer.headers.allow, 1, true)
    end)

    it("is told nothing new when it has the current copy", function()
        local first = w:request("GET", "/api/products")
        assert.is_string(first.headers.etag)
        local second = w:request("GET", "/api/products", nil, nil,
            { ["If-None-Match"] = first.headers.etag })
        assert.equal(304, second.status)
        assert.equal("", second.body)
        w:product(vendor, { name = "Changes the list" })
        local third = w:request("GET", "/api/products", nil, nil,
            { ["If-None-Match"] = first.headers.etag })
        assert.equal(200, third.status)
    end)
    it("says of a limited route what is left", function()
        local answer = w:request("POST", "/api/auth/login", nil,
            { email = "no@souk.test", password = "x" })
        local limit = tonumber(answer.headers["ratelimit-limit"])
        assert.is_true(limit > 0)
        assert.is_true(tonumber(answer.headers["ratelimit-remaining"]) < limit)
        assert.is_true(tonumber(answer.headers["ratelimit-reset"]) <= 60)
    end)
end)

describe("a limited route", function()
    local w

    setup(function()
        w = world.start({ set = { ["auth.rate_per_minute"] = 3 } })
    end)
    teardown(function()
        w:stop()
    end)

    it("answers 429 with Retry-After beyond its limit, whichever worker is asked", function()
        local statuses, last = {}, nil
        for _ = 1, 8 do
            last = w:request("POST", "/api/auth/refresh", nil, { refreshToken = "x" })
            statuses[last.status] = (statuses[last.status] or 0) + 1
        end
        -- A minute may end in between, which allows three more.
        assert.is_true(statuses[401] == 3 or statuses[401] == 6)
        if last.status == 429 then
            assert.is_true(tonumber(last.headers["retry-after"]) <= 60)
            assert.equal("0", last.headers["ratelimit-remaining"])
            assert.equal("rate_limited", last.json.code)
        end
    end)
end)
