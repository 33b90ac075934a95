local support = require("spec.plugins.stripe_emulator.support")
local registry = require("stripe_emulator.wire.registry")
local json = require("core.json")

local UNKNOWN, MISSING, INTEGER = "parameter_unknown", "parameter_missing",
    "parameter_invalid_integer"
local BASE = "amount=1000&currency=usd&"

describe("The parameters of an operation", function()
    local world
    before_each(function()
        world = support.world()
    end)

    local cases = {
        { "an unknown one", BASE .. "foo=1", UNKNOWN, "foo" },
        { "an unknown one inside another", BASE .. "automatic_payment_methods[enabled]=true"
            .. "&automatic_payment_methods[foo]=1", UNKNOWN, "automatic_payment_methods[foo]" },
        { "a list where members have names", BASE .. "shipping[name]=x&shipping[address][0]=1",
            UNKNOWN,
            "shipping[address][0]" },
        { "a required one left out", "currency=usd", MISSING, "amount" },
        { "a required one left out inside "
            .. "another", BASE .. "automatic_payment_methods[allow_redirects]=never", MISSING,
            "automatic_payment_methods[enabled]" },
        { "a word for a number", "amount=abc&currency=usd", INTEGER, "amount" },
        { "a fraction for a number", "amount=10.5&currency=usd", INTEGER, "amount" },
        { "an exponent for a number", "amount=1e3&currency=usd", INTEGER, "amount" },
        { "a number beyond exactness", "amount=9007199254740993&currency=usd", INTEGER, "amount" },
        { "a negative amount", "amount=-5&currency=usd", INTEGER, "amount" },
        { "an object for a number", "amount[x]=1&currency=usd", INTEGER, "amount" },
        { "an amount below the least", "amount=49&currency=usd", "amount_too_small", "amount" },
        { "an amount of nine digits", "amount=100000000&currency=usd", "amount_too_large",
            "amount" },
        { "a currency that is none", "amount=1000&currency=xyz", nil, "currency" },
        { "an empty value where none can be unset", BASE .. "description=",
            "parameter_invalid_empty", "description" },
        { "a word for a boolean", BASE .. "confirm=maybe", nil, "confirm" },
        { "a value outside an enumeration", BASE .. "capture_method=later", nil, "capture_method" },
        { "text for an object", BASE .. "automatic_payment_methods=yes", nil,
            "automatic_payment_methods" },
        { "text for a list", BASE .. "expand=latest_charge", nil, "expand" },
        { "names for a list", BASE .. "expand[a]=latest_charge", nil, "expand" },
        { "an address that is none", BASE .. "receipt_email=nobody", "email_invalid",
            "receipt_email" },
        { "a URL that is none", BASE .. "confirm=true&return_url=javascript:1", "url_invalid",
            "return_url" },
        { "text beyond its length", BASE .. "description=" .. ("x"):rep(1001), nil, "description" },
        { "a parameter of Stripe's that is not emulated", BASE .. "customer=cus_1",
            "unsupported_by_emulator", "customer" },
    }
    for _, case in ipairs(cases) do
        it("answer 400 on " .. case[1], function()
            local answer = world:post("/v1/payment_intents", case[2])
            assert.equal(400, answer.status)
            assert.equal("invalid_request_error", answer.error.type)
            assert.equal(case[3], answer.error.code)
            assert.equal(case[4], answer.error.param)
            assert.same({}, world:get("/v1/payment_intents").body.data)
        end)
    end

    it("name all unknown ones at once", function()
        local answer = world:post("/v1/payment_intents", BASE .. "zeta=1&alpha=2")
        assert.equal("Received unknown parameters: alpha, zeta", answer.error.message)
    end)

    it("are checked in the query of a GET too", function()
        assert.equal(UNKNOWN, world:get("/v1/events?foo=1").error.code)
        assert.equal(INTEGER, world:get("/v1/events?limit=101").error.code)
        assert.equal(INTEGER, world:get("/v1/events?limit=0").error.code)
    end)

    local too_much = {
        { "a key of more than 40 characters", "metadata[" .. ("k"):rep(41) .. "]=v" },
        { "a value of more than 500 characters", "metadata[k]=" .. ("v"):rep(501) },
        { "a value that is an object", "metadata[k][x]=v" },
        { "text in place of keys", "metadata=v" },
    }
    for _, case in ipairs(too_much) do
        it("refuse metadata with " .. case[1], function()
            assert.equal(400, world:post("/v1/payment_intents", BASE .. case[2]).status)
        end)
    end

    it("refuse the 51st key of metadata and take the 50th", function()
        local pairs_of = {}
        for number = 1, 50 do
            pairs_of[number] = ("metadata[k%d]=v"):format(number)
        end
        local fifty = BASE .. table.concat(pairs_of, "&")
        assert.equal(200, world:post("/v1/payment_intents", fifty).status)
        assert.equal(400, world:post("/v1/payment_intents", fifty .. "&metadata[k51]=v").status)
    end)

    it("keep the names of numbered metadata", function()
        local intent = world:post("/v1/payment_intents", BASE
            .. "metadata[0]=zero&metadata[1]=one").body
        assert.same({ ["0"] = "zero", ["1"] = "one" }, intent.metadata)
    end)

    it("take percent-encoded text whole", function()
        local intent = world:post("/v1/payment_intents", BASE
            .. "description=A%26B%3D1%20%2B%2050%25%20%C3%A9").body
        assert.equal("A&B=1 + 50% é", intent.description)
    end)

    it("take lists numbered or not", function()
        for _, name in ipairs({ "expand[0]", "expand[]", "expand[5]" }) do
            assert.equal(200, world:post("/v1/payment_intents", BASE .. name
                .. "=latest_charge").status)
        end
    end)
end)

describe("The declared parameters", function()
    local file = assert(io.open("spec/fixtures/stripe-openapi-trimmed.json"))
    local document = json.decode(file:read("*a"))
    file:close()

    local function names_of(operation)
        local names = {}
        local content = operation.requestBody
            and operation.requestBody.content["application/x-www-form-urlencoded"]
        for name in pairs(content and content.schema.properties or {}) do
            names[name] = true
        end
        for _, parameter in ipairs(operation.parameters or {}) do
            if parameter["in"] == "query" then
                names[parameter.name] = true
            end
        end
        return names
    end

    for _, entry in ipairs(registry.new().operations) do
        local operation = entry.operation
        it("of " .. operation.id .. " are those of Stripe's OpenAPI document", function()
            local stripes = document.paths[operation.path][operation.method:lower()]
            assert.equal(operation.id, stripes.operationId)
            local declared = {}
            for name in pairs(operation.params) do
                declared[name] = true
            end
            assert.same(names_of(stripes), declared)
        end)
    end
end)
