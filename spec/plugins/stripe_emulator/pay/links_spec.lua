local links = require("stripe_emulator.pay.links")

local ALLOWED = { "https://pay.example:8443/x", "https://shop.example/api/webhooks/stripe" }

describe("The way back from the payment page", function()
    for _, url in ipairs({
        "http://localhost:3000/orders/7?x=1#top", "http://127.0.0.1/", "https://localhost",
            "http://[::1]:3000/a",
        "https://shop.example/orders", "HTTPS://shop.example/" , "https://Shop.Example/orders",
            "https://pay.example:8443/",
    }) do
        local is_lower = url:match("^https?://") ~= nil
        it((is_lower and "may be " or "is no ") .. url, function()
            assert.equal(is_lower and url or nil, links.back(url, ALLOWED))
        end)
    end

    for _, url in ipairs({
        "https://evil.example/", "http://shop.example/", "https://shop.example:444/",
            "https://shop.example.evil.example/",
        "https://shop.example@evil.example/", "http://localhost@evil.example/",
            "http://localhost:80@evil.example/",
            "http://localhost.evil.example/",
        "//evil.example/", "/orders", "javascript:alert(1)", "data:text/html,x",
            "http://localhost\\@evil.example/",
        "http://local host/", "http://localhost/\r\nSet-Cookie: x", 'http://localhost/"onclick=x',
            "http:localhost", "",
        "http://localhost/" .. ("x"):rep(2000),
    }) do
        it("is never " .. url:sub(1, 60):gsub("%c", "?"), function()
            assert.is_nil(links.back(url, ALLOWED))
        end)
    end

    it("carries the intent and how it ended", function()
        local intent = { id = "pi_1", status = "succeeded" }
        assert.equal("http://localhost/?a=1&payment_intent=pi_1&redirect_status=succeeded#x",
            links.with_result("http://localhost/?a=1#x", intent))
        assert.equal("http://localhost/?payment_intent=pi_1&redirect_status=succeeded",
            links.with_result("http://localhost/", intent))
    end)
end)
