local client = require("spec.support.client")
local database = require("spec.support.database")
local server_process = require("spec.support.server")

describe("CORS", function()
    local server

    setup(function()
        server = server_process.start({
            db = database.fresh(),
            set = {
                ["http.workers"] = 1,
                ["http.cors_origins"] = "https://shop.example, https://admin.shop.example",
            },
        })
    end)

    teardown(function()
        server:stop()
    end)

    local function ask(origin, method, path, more)
        local headers = more or {}
        headers.Origin = origin
        return client.request({
            port = server.port, path = path or "/api/categories", method = method,
            headers = headers,
        })
    end

    it("lets a configured origin read answers, errors included", function()
        for _, path in ipairs({ "/api/categories", "/api/nowhere", "/health" }) do
            local reply = ask("https://shop.example", "GET", path)
            assert.equal("https://shop.example", reply.headers["access-control-allow-origin"])
            assert.matches("Origin", reply.headers.vary, 1, true)
        end
    end)

    local strangers = {
        "https://evil.example", "https://shop.example.evil.example", "https://evilshop.example",
        "http://shop.example", "https://shop.example:8443", "HTTPS://SHOP.EXAMPLE", "null", "*",
        "https://shop.example/", "https://shop", "",
    }
    for _, origin in ipairs(strangers) do
        it("says nothing to " .. (origin == "" and "an empty origin" or origin), function()
            local reply = ask(origin, "GET")
            assert.is_nil(reply.headers["access-control-allow-origin"])
        end)
    end

    it("answers a preflight of a configured origin with what is allowed", function()
        local reply = ask("https://admin.shop.example", "OPTIONS", "/api/cart/items", {
            ["Access-Control-Request-Method"] = "POST",
            ["Access-Control-Request-Headers"] = "authorization, idempotency-key",
        })
        assert.equal(204, reply.status)
        assert.matches("POST", reply.headers["access-control-allow-methods"], 1, true)
        assert.matches("Idempotency%-Key", reply.headers["access-control-allow-headers"])
    end)

    it("never answers with *", function()
        local reply = ask("https://evil.example", "OPTIONS", "/api/cart/items", {
            ["Access-Control-Request-Method"] = "POST",
        })
        assert.is_nil(reply.headers["access-control-allow-origin"])
        assert.is_nil(reply.headers["access-control-allow-methods"])
    end)
end)
