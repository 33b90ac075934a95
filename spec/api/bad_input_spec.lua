--- Input that no honest client sends: each kind has its code, and changes nothing. The cases are
-- made from the server's own document, so a new route is covered the day it is written.
local document = require("spec.support.document")
local world = require("spec.support.world")

local TABLES = { "users", "vendors", "products", "carts", "cart_items", "orders", "order_items",
    "payments", "reviews", "ledger_transactions", "inventory_movements", "categories" }

local w, operations, tokens

local function counts()
    local parts = {}
    for i, name in ipairs(TABLES) do
        parts[i] = ("(select count(*) from %s)"):format(name)
    end
    return w.db:query("select " .. table.concat(parts, ","))[1]
end

local function who(operation)
    local role = operation.roles and next(operation.roles)
    return role and tokens[role]
end

--- Sends body to every route with a JSON body; problems are answers that is_right() refuses.
local function assert_each(make_body, is_right, headers)
    local problems, sent = {}, 0
    for _, operation in ipairs(operations) do
        local body = operation.schema and make_body(operation)
        if body then
            sent = sent + 1
            local answer = w:request(operation.method, operation.url, who(operation), body, headers)
            if not is_right(answer, operation) then
                problems[#problems + 1] = ("%s %s: %d %s"):format(operation.method,
                    operation.path, answer.status, answer.body:sub(1, 200))
            end
        end
    end
    assert.is_true(sent > 15)
    assert.equal("", table.concat(problems, "\n"))
end

local function has_code(status, code)
    return function(answer)
        return answer.status == status and answer.json and answer.json.code == code
            and answer.json.requestId ~= nil and answer.json.path ~= nil
    end
end

local function copy(value)
    if type(value) ~= "table" then
        return value
    end
    local out = {}
    for key, inner in pairs(value) do
        out[key] = copy(inner)
    end
    return out
end

setup(function()
    w = world.start()
    tokens = { BUYER = w:buyer(), VENDOR = w:vendor(), ADMIN = w:admin() }
    -- What Stripe sends is judged by its signature, before anything looks inside.
    operations = {}
    for _, operation in ipairs(document.operations(w)) do
        if not operation.path:find("^/api/webhooks/") then
            operations[#operations + 1] = operation
        end
    end
end)

teardown(function()
    w:stop()
end)

describe("a body", function()
    local before

    before_each(function()
        before = counts()
    end)

    after_each(function()
        assert.same(before, counts())
    end)

    local malformed = {
        { "cut short", '{"a": ' }, { "with a comment", '{"a": 1 /* x */}' },
        { "with a trailing comma", '{"a": 1,}' }, { "followed by more", '{} {}' },
        { "with a number beyond all", '{"a": 1e999}' },
        { "with NaN", '{"a": NaN}' }, { "with Infinity", '{"a": -Infinity}' },
        { "with a hexadecimal number", '{"a": 0x10}' }, { "with a leading zero", '{"a": 01}' },
        { "with a NUL escape", '{"name": "a\\u0000b"}' }, { "with a raw NUL", '{"name": "a\0b"}' },
        { "with invalid UTF-8", '{"name": "\255\254"}' },
        { "with an overlong UTF-8 form", '{"name": "\192\175"}' },
        { "with half a surrogate pair", '{"name": "\\ud800"}' },
        { "nested too deep", ("["):rep(100000) }, { "with single quotes", "{'a': 1}" },
    }
    for _, case in ipairs(malformed) do
        local name, text = unpack(case)
        it(name .. " is 400 malformed_json", function()
            assert_each(function()
                return text
            end, has_code(400, "malformed_json"))
        end)
    end

    it("that is not an object is 422", function()
        for _, text in ipairs({ "[]", "1", '"x"', "null", "true" }) do
            assert_each(function()
                return text
            end, has_code(422, "validation_failed"))
        end
    end)

    it("with an unknown field is 422, and the field is named", function()
        assert_each(function(operation)
            local body = copy(operation.example or {})
            body.isAdmin = true
            return body
        end, function(answer)
            return answer.status == 422 and answer.body:find('"isAdmin"', 1, true)
        end)
    end)

    it("with another content type is 415", function()
        assert_each(function()
            return "<a/>"
        end, has_code(415, "unsupported_media_type"), { ["Content-Type"] = "text/xml" })
    end)

    it("sent as Stripe's without its signature is 400 bad_signature", function()
        for _, path in ipairs({ "/api/webhooks/stripe", "/api/webhooks/stripe/connect" }) do
            for _, signature in ipairs({ "", "t=1,v1=00", "v1=" .. ("a"):rep(64) }) do
                local answer = w:request("POST", path, nil, "{\"id\": \"evt_1\"}",
                    { ["Stripe-Signature"] = signature })
                assert.is_true(has_code(400, "bad_signature")(answer), answer.body)
            end
        end
    end)

    it("of 10 MB is 413", function()
        local big = '{"name": "' .. ("x"):rep(10 * 1048576) .. '"}'
        for _, path in ipairs({ "/api/auth/register", "/api/products", "/api/checkout" }) do
            assert.equal(413, w:request("POST", path, tokens.VENDOR, big).status)
        end
    end)
end)

describe("a field", function()
    local WRONG = {
        string = { 12, true, { x = 1 } }, integer = { "1", 1.5, true, "1e3", -1e15, 2 ^ 53 },
        number = { "1", true }, boolean = { "true", 1 }, object = { "x", 7 }, array = { "x", 7 },
    }

    local function kind_of(schema)
        local kind = schema.type
        return type(kind) == "table" and kind[1] or kind or "object"
    end

    it("of the wrong type is 422, and named", function()
        local before, problems, sent = counts(), {}, 0
        for _, operation in ipairs(operations) do
            local properties = operation.schema and operation.schema.properties or {}
            for field, schema in pairs(properties) do
                for _, wrong in ipairs(WRONG[kind_of(schema)] or {}) do
                    local body = copy(operation.example or {})
                    body[field] = wrong
                    sent = sent + 1
                    local answer = w:request(operation.method, operation.url, who(operation), body)
                    if answer.status ~= 422 or not answer.body:find('"field":"' .. field, 1, true)
                    then
                        problems[#problems + 1] = ("%s %s %s=%s: %d %s"):format(operation.method,
                            operation.path, field, tostring(wrong), answer.status,
                            answer.body:sub(1, 300))
                    end
                end
            end
        end
        assert.is_true(sent > 100)
        assert.equal("", table.concat(problems, "\n"))
        assert.same(before, counts())
    end)

    it("is reported together with all others at fault", function()
        local answer = w:request("POST", "/api/auth/register", nil,
            { email = "no", password = "short", name = "", role = "KING" })
        assert.equal(422, answer.status)
        local fields = {}
        for _, detail in ipairs(answer.json.details) do
            fields[detail.field] = true
        end
        assert.same({ email = true, password = true, name = true, role = true }, fields)
    end)

    local amounts = { '"1"', "1.0", "1e3", "9007199254740992", "9007199254740993",
        "1000000000001", "-1", "0.5", "null", "[]", "true" }
    for _, text in ipairs(amounts) do
        it("price.amount of " .. text .. " is 422", function()
            local name = "Odd " .. text:gsub("%W", "")
            local body = ('{"name": "%s", "stock": 1, "price": {"amount": %s, "currency": "USD"}}')
                :format(name, text)
            local answer = w:request("POST", "/api/products", tokens.VENDOR, body)
            assert.equal(422, answer.status, answer.body)
        end)
    end

    it("quantity outside 1 to 999 is 422", function()
        local product = w:product(tokens.VENDOR)
        for _, quantity in ipairs({ 0, -1, 1000, 1e9 }) do
            assert.equal(422, w:request("POST", "/api/cart/items", tokens.BUYER,
                { productId = product.id, quantity = quantity }).status)
        end
    end)

    it("password over 72 bytes is 422, never cut", function()
        local answer = w:request("POST", "/api/auth/register", nil, {
            email = "long@example.com", password = ("x"):rep(73), name = "Long", role = "BUYER",
        })
        assert.equal(422, answer.status)
    end)

    it("role ADMIN cannot be signed up for", function()
        local answer = w:request("POST", "/api/auth/register", nil, {
            email = "king@example.com", password = "long enough", name = "King", role = "ADMIN",
        })
        assert.equal(422, answer.status)
    end)
end)

describe("text meant to be run", function()
    local EVIL = { "'; drop table users; --", "\" or 1=1 --", "$1", "%00", "\\'); select 1; --",
        "{{7*7}}", "<script>alert(1)</script>", "a\r\nSet-Cookie: x=1", "%s%n%d" }

    it("is searched for, and found nowhere", function()
        for _, text in ipairs(EVIL) do
            local q = text:gsub("[^%w]", function(c)
                return ("%%%02X"):format(c:byte())
            end)
            local answer = w:request("GET", "/api/products?q=" .. q)
            assert.is_true(answer.status == 200 or answer.status == 422, answer.body)
            assert.is_nil(answer.headers["set-cookie"])
        end
        assert.is_true(tonumber(counts()[1]) > 0)
    end)

    it("is kept as it was given", function()
        for i, text in ipairs(EVIL) do
            local name = ("Evil %d %s"):format(i, text)
            local has_line_end = text:find("\n", 1, true)
            local body = { name = name, stock = 1, price = { amount = 1, currency = "USD" } }
            local answer = w:request("POST", "/api/products", tokens.VENDOR, body)
            assert.equal(has_line_end and 422 or 201, answer.status, answer.body)
            assert.equal(not has_line_end and name or nil, answer.json.name)
        end
    end)

    it("in a sort, cursor or id is refused", function()
        for _, path in ipairs({ "/api/products?sort=price;drop", "/api/products?limit=-1",
            "/api/products?limit=1e9", "/api/products?limit=101", "/api/products?cursor=AAAA",
            "/api/products?offset=10001", "/api/products?nobody=1", "/api/products?minPrice=x",
            "/api/vendors/nearby?lat=91&lng=0", "/api/vendors/nearby?lat=nan&lng=0" }) do
            local answer = w:request("GET", path)
            assert.is_true(answer.status == 400 or answer.status == 422,
                path .. " " .. answer.status)
        end
        local found = w:request("GET", "/api/orders/1%20or%201=1", tokens.BUYER)
        assert.is_true(found.status == 404 or found.status == 422, found.body)
    end)

    it("in a request id or path does not make a log line", function()
        local forged = 'x"}\\n{"level":"error","event":"forged.line"'
        local answer = w:request("GET", "/api/%0A%7B%22event%22:%22forged.line%22%7D", nil, nil,
            { ["X-Request-Id"] = forged, ["User-Agent"] = forged })
        assert.equal(404, answer.status)
        assert.is_true(answer.headers["x-request-id"] ~= forged)
        w.server:logged(answer.headers["x-request-id"], true)
        for line in w.server:log():gmatch("([^\n]+)\n") do
            if line:sub(1, 1) == "{" then
                local ok, entry = pcall(require("cjson").decode, line)
                assert.is_true(ok, line)
                assert.is_true(entry.event ~= "forged.line")
            end
        end
    end)
end)

describe("a secret", function()
    it("is in no log line", function()
        local log = w.server:log()
        assert.is_nil(log:find(world.PASSWORD, 1, true))
        assert.is_nil(log:find(tokens.BUYER.token, 1, true))
        assert.is_nil(log:find("specs-know-this-key", 1, true))
        assert.is_nil(log:find("sk_test_souk_specs", 1, true))
    end)
end)
