local json = require("core.json")
local openapi = require("souk.openapi")
local web = require("souk.web")

require("boot")

local document = assert(json.decode(openapi.text(web.routes)))

local function each_operation(visit)
    for path, item in pairs(document.paths) do
        for method, operation in pairs(item) do
            visit(operation, method:upper() .. " " .. path)
        end
    end
end

--- Every $ref below value.
local function each_ref(value, visit)
    for key, member in pairs(value) do
        if key == "$ref" then
            visit(member)
        elseif type(member) == "table" then
            each_ref(member, visit)
        end
    end
end

describe("the OpenAPI document", function()
    it("has every route of this generation", function()
        for _, route in ipairs(web.routes) do
            assert.is_table(document.paths[route.path], route.path)
            assert.is_table(document.paths[route.path][route.method:lower()], route.id)
        end
    end)
    it("has every path of the contract", function()
        for _, path in ipairs({
            "/api/auth/register", "/api/users/me/password", "/api/products/{id}/inventory",
            "/api/products/{id}/images/{imageId}", "/api/vendors/nearby",
                "/api/admin/vendors/{id}/approve",
            "/api/cart/items/{id}", "/api/orders/{id}/confirm-payment",
                "/api/vendor/orders/{id}/status",
            "/api/webhooks/stripe", "/api/admin/invariants", "/api/admin/reload",
        }) do
            assert.is_table(document.paths[path], path)
        end
    end)
    it("says who may call each, and what it answers", function()
        each_operation(function(operation, name)
            assert.is_table(operation.security, name)
            assert.is_string(operation.summary, name)
            local has_success = false
            for status in pairs(operation.responses) do
                has_success = has_success or tonumber(status) < 300
            end
            assert.is_true(has_success, name)
            assert.is_table(operation.responses["500"], name)
            if #operation.security > 0 and operation.security[1].bearer then
                assert.is_table(operation.responses["401"], name)
            end
        end)
    end)
    it("has an example of every JSON body and answer", function()
        each_operation(function(operation, name)
            for _, holder in ipairs({ operation.requestBody, operation.responses["200"],
                operation.responses["201"] }) do
                local content = holder and holder.content and holder.content["application/json"]
                local is_own = name:find("openapi.json", 1, true)
                assert.is_true(not content or content.example ~= nil or is_own ~= nil, name)
            end
        end)
    end)
    it("has examples that its own checks take", function()
        for _, route in ipairs(web.routes) do
            local decl = route.decl
            if decl.body then
                local given = json.decode_marked(json.encode(decl.example or decl.body.example))
                local _, faults = decl.body.check(given)
                assert.is_nil(faults, decl.id .. ": " .. json.encode(faults or {}))
            end
        end
    end)
    it("refers only to what it defines", function()
        each_ref(document, function(ref)
            local name = ref:match("^#/components/schemas/(.+)$")
            assert.is_table(document.components.schemas[name], ref)
        end)
    end)
    it("names each operation once", function()
        local seen = {}
        each_operation(function(operation, name)
            assert.is_nil(seen[operation.operationId], name)
            seen[operation.operationId] = true
        end)
    end)
    it("lists every stable code of errors", function()
        local codes = {}
        for _, entry in ipairs(document["x-error-codes"]) do
            codes[entry.code] = true
        end
        for _, code in ipairs({ "insufficient_stock", "email_taken", "idempotency_mismatch",
            "offset_too_deep" }) do
            assert.is_true(codes[code], code)
        end
    end)
end)

describe("the page for people", function()
    local html = require("souk.docs_page").html(document, function() end)

    it("fetches nothing and runs nothing", function()
        assert.is_nil(html:find("<script", 1, true))
        -- Addresses in examples are text; nothing leads or loads elsewhere.
        for _, way in ipairs({ "src%s*=", "href%s*=%s*[\"']?http", "url%(", "@import" }) do
            assert.is_nil(html:find(way), way)
        end
        assert.is_nil(html:find("<link", 1, true))
    end)
    it("shows every route", function()
        for _, route in ipairs(web.routes) do
            assert.is_truthy(html:find("<code>" .. route.path .. "</code>", 1, true), route.path)
        end
    end)
    it("shows text as text", function()
        assert.is_nil(html:find('and -not. category is an id or slug and "', 1, true))
        assert.is_truthy(html:find("&quot;phrases&quot;", 1, true))
    end)
end)
