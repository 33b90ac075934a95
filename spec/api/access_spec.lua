--- Who may do what: every route of the document with every role, and tokens that lie.
local document = require("spec.support.document")
local token = require("spec.support.token")
local world = require("spec.support.world")

local HS256 = { alg = "HS256", typ = "JWT" }

local w, people, operations

local function person(role)
    return people[role]
end

local function fail_list(problems)
    assert.equal("", table.concat(problems, "\n"))
end

--- Sends the request of an operation without a body that could succeed.
local function try(operation, who)
    local body = operation.method ~= "GET" and "{\"nobody\":1}" or nil
    return w:request(operation.method, operation.url, who, body)
end

setup(function()
    w = world.start()
    people = { BUYER = w:buyer(), VENDOR = w:vendor(), ADMIN = w:admin() }
    operations = document.operations(w)
end)

teardown(function()
    w:stop()
end)

describe("every route", function()
    it("is in the document", function()
        assert.is_true(#operations > 70)
    end)

    it("asks for a token where it has roles, and not elsewhere", function()
        local problems = {}
        for _, operation in ipairs(operations) do
            local status = try(operation).status
            if (status == 401) ~= (operation.roles ~= nil) or status >= 500 then
                problems[#problems + 1] = operation.method .. " " .. operation.path .. " " .. status
            end
        end
        fail_list(problems)
    end)

    it("answers 403 to a role it is not for, and not to one it is for", function()
        local problems = {}
        for _, operation in ipairs(operations) do
            for _, role in ipairs(operation.roles and { "BUYER", "VENDOR", "ADMIN" } or {}) do
                local status = try(operation, person(role)).status
                if (status == 403) == (operation.roles[role] == true) or status == 401
                    or status >= 500 then
                    problems[#problems + 1] = ("%s %s as %s: %d"):format(
                        operation.method, operation.path, role, status)
                end
            end
        end
        fail_list(problems)
    end)

    it("answers 401 to a token signed with another key", function()
        local problems = {}
        for _, operation in ipairs(operations) do
            for role in pairs(operation.roles or {}) do
                local forged = token.make(HS256, token.claims(person(role), role), "another key")
                local status = try(operation, forged).status
                if status ~= 401 then
                    problems[#problems + 1] = operation.method .. " " .. operation.path
                end
            end
        end
        fail_list(problems)
    end)
end)

describe("a token", function()
    local function me(text)
        return w:request("GET", "/api/users/me", text)
    end

    local function made(changes, header, key)
        return token.make(header or HS256, token.claims(people.BUYER, "BUYER", changes),
            key or token.KEY)
    end

    it("is taken when it is ours", function()
        assert.equal(200, me(people.BUYER.token).status)
        assert.equal(200, me(made()).status)
    end)

    it("is refused as expired one minute after its end", function()
        local answer = me(made({ exp = os.time() - 61, iat = os.time() - 3600 }))
        assert.equal(401, answer.status)
        assert.equal("token_expired", answer.json.code)
    end)

    local lies = {
        { "alg none", { alg = "none", typ = "JWT" } },
        { "alg None", { alg = "None" } },
        { "alg RS256 with our key", { alg = "RS256", typ = "JWT" } },
        { "alg HS512 with our key", { alg = "HS512", typ = "JWT" } },
        { "alg missing", { typ = "JWT" } },
        { "alg a list", { alg = { "HS256" } } },
    }
    for _, case in ipairs(lies) do
        local name, header = unpack(case)
        it("is refused with " .. name, function()
            assert.equal(401, me(made(nil, header)).status)
        end)
    end

    it("is refused with alg none and no signature", function()
        local text = token.make({ alg = "none" }, token.claims(people.BUYER, "BUYER"), nil)
        assert.equal(401, me(text).status)
    end)

    it("is refused when its role was changed and not signed again", function()
        local head, _, tail = people.BUYER.token:match("^([^.]*)%.([^.]*)%.([^.]*)$")
        local _, other = token.make(HS256, token.claims(people.BUYER, "ADMIN"), token.KEY)
            :match("^([^.]*)%.([^.]*)")
        assert.equal(401, me(head .. "." .. other .. "." .. tail).status)
    end)

    it("is refused when the role in it is not the user's", function()
        local answer = w:request("GET", "/api/admin/users", made({ role = "ADMIN" }))
        assert.is_true(answer.status == 401 or answer.status == 403, answer.body)
    end)

    it("is refused for a user that does not exist", function()
        local claims = { sub = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" }
        assert.equal(401, me(made(claims)).status)
    end)

    it("is refused when its claims are not of the right type", function()
        for _, changes in ipairs({ { exp = "never" }, { sub = 7 }, { sub = "x' or 1=1" },
            { exp = 1e300 }, { role = { "ADMIN" } } }) do
            assert.equal(401, me(made(changes)).status)
        end
    end)

    it("is refused when it is no token at all", function()
        for _, text in ipairs({ "x", "..", "a.b.c", ("a"):rep(5000), "ey.ey.ey" }) do
            assert.equal(401, me(text).status)
        end
    end)

    it("ends with the suspension of its user", function()
        local buyer = w:buyer()
        assert.equal(200, me(buyer.token).status)
        w:expect(200, "POST", "/api/admin/users/" .. buyer.id .. "/suspend", w:admin(),
            { reason = "spec" })
        assert.equal(401, me(buyer.token).status)
        w:expect(200, "POST", "/api/admin/users/" .. buyer.id .. "/reinstate", w:admin(),
            { reason = "spec" })
        w:expect(200, "POST", "/api/auth/login", nil,
            { email = buyer.email, password = buyer.password })
    end)
end)

describe("what belongs to others", function()
    local shop, other_shop, order, product

    setup(function()
        shop, other_shop = people.VENDOR, w:vendor()
        product = w:product(shop, { price = 100 })
        w:add(people.BUYER, product)
        order = w:checkout(people.BUYER)
    end)

    it("is 404 to another buyer", function()
        local other = w:buyer()
        for _, path in ipairs({ "/cancel", "/payment", "/confirm-payment" }) do
            local body = path == "/payment" and { method = "CARD" }
                or path == "/confirm-payment" and { paymentId = order.id } or {}
            local answer = w:request("POST", "/api/orders/" .. order.id .. path, other, body)
            assert.equal(404, answer.status, path .. answer.body)
        end
        assert.equal(404, w:request("GET", "/api/orders/" .. order.id, other).status)
        assert.equal(0, #w:expect(200, "GET", "/api/orders", other).data)
    end)

    it("is 404 to another vendor", function()
        local part = w:expect(200, "GET", "/api/vendor/orders", shop).data[1]
        local path = "/api/vendor/orders/" .. part.id
        assert.equal(404, w:request("GET", path, other_shop).status)
        assert.equal(404, w:request("PATCH", path .. "/status", other_shop,
            { status = "PROCESSING" }).status)
        assert.equal(0, #w:expect(200, "GET", "/api/vendor/orders", other_shop).data)
        local mine = "/api/products/" .. product.id
        assert.equal(404, w:request("PUT", mine .. "/inventory", other_shop,
            { stock = 1 }).status)
        assert.equal(404, w:request("POST", mine .. "/archive", other_shop).status)
        assert.equal(404, w:request("PATCH", mine, other_shop, { name = "Mine now" },
            { ["If-Match"] = "*" }).status)
    end)

    it("is not told by the product's page to those it is not for", function()
        local seen = w:expect(200, "GET", "/api/products/" .. product.id, people.BUYER)
        assert.is_nil(seen.stock)
        assert.is_nil(seen.reserved)
    end)
end)
