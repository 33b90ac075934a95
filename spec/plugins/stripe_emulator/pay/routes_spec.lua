local support = require("spec.plugins.stripe_emulator.support")

describe("The payment page", function()
    local world
    before_each(function()
        world = support.world()
    end)

    local function path(intent, suffix)
        return "/pay/" .. intent.client_secret .. (suffix or "")
    end

    local function pay(intent, token, query)
        return world:visit("POST", path(intent, "/confirm") .. (query or ""), "pm=" .. token)
    end

    local function status_of(intent)
        return world:get("/v1/payment_intents/" .. intent.id).body.status
    end

    it("shows the amount, what it is for and a choice of cards", function()
        local page = world:visit("GET",
            path(world:intent("description=Two%20lamps&metadata[order_id]=o-7")))
        assert.equal(200, page.status)
        for _, text in ipairs({ "$100.00", "Two lamps", "o-7", 'value="pm_card_visa"',
            'value="pm_card_chargeDeclined"' }) do
            assert.matches(text, page.text, 1, true)
        end
    end)

    it("is HTML that no other page may frame and that runs its own script only", function()
        local headers = world:visit("GET", path(world:intent())).headers
        assert.equal("text/html; charset=utf-8", headers["Content-Type"])
        assert.equal("no-referrer", headers["Referrer-Policy"])
        local policy = headers["Content-Security-Policy"]
        assert.matches("default%-src 'none'", policy)
        assert.matches("frame%-ancestors 'none'", policy)
        assert.is_nil(policy:find("unsafe", 1, true))
    end)

    it("never uses a nonce twice", function()
        local intent = world:intent()
        local function nonce()
            return world:visit("GET", path(intent)).headers["Content-Security-Policy"]
        end
        assert.not_equal(nonce(), nonce())
    end)

    it("escapes all that others wrote", function()
        local intent = world:intent("description=%3Cscript%3Ealert(1)%3C%2Fscript%3E"
            .. "&transfer_group=%22%27%26%3C")
        local text = world:visit("GET", path(intent)).text
        assert.is_nil(text:find("<script>alert", 1, true))
        assert.matches("&lt;script&gt;alert(1)&lt;/script&gt;", text, 1, true)
        assert.matches("&quot;&#39;&amp;&lt;", text, 1, true)
    end)

    it("does not take template marks from others", function()
        local marks = "%7B%7B%7Bstyle%7D%7D%7D%20%7B%7Bnonce%7D%7D%20%251"
        local intent = world:intent("description=" .. marks)
        assert.matches("{{{style}}} {{nonce}} %1", world:visit("GET", path(intent)).text, 1, true)
    end)

    it("is 404 for a secret that is nobody's", function()
        local intent = world:intent()
        for _, secret in ipairs({ "x", intent.id, intent.client_secret .. "x", "pi_1_secret_2" }) do
            assert.equal(404, world:visit("GET", "/pay/" .. secret).status)
            assert.equal(404, world:visit("POST", "/pay/" .. secret .. "/confirm",
                "pm=pm_card_visa").status)
        end
        assert.equal("requires_payment_method", status_of(intent))
    end)

    it("pays, and shows so after a redirect", function()
        local intent = world:intent()
        local answer = pay(intent, "pm_card_visa")
        assert.same({ 303, path(intent) }, { answer.status, answer.headers.Location })
        assert.equal("succeeded", status_of(intent))
        assert.matches("Payment succeeded", world:visit("GET", path(intent)).text, 1, true)
    end)

    it("pays once however often it is posted", function()
        local intent = world:intent()
        pay(intent, "pm_card_visa")
        assert.equal(303, pay(intent, "pm_card_visa").status)
        assert.equal(1, #world:get("/v1/charges").body.data)
    end)

    it("tells why a card was declined and lets another be tried", function()
        local intent = world:intent()
        pay(intent, "pm_card_chargeDeclinedInsufficientFunds")
        local text = world:visit("GET", path(intent)).text
        assert.matches("Your card has insufficient funds.", text, 1, true)
        assert.matches('role="alert"', text, 1, true)
        pay(intent, "pm_card_visa")
        assert.equal("succeeded", status_of(intent))
    end)

    for _, token in ipairs({ "pm_card_chargeDeclinedLostCard",
        "pm_card_chargeDeclinedStolenCard" }) do
        it("does not tell a buyer of " .. token .. " more than that it was declined", function()
            local intent = world:intent()
            pay(intent, token)
            local alert = world:visit("GET", path(intent)).text:match('role="alert".-</div>')
            assert.matches("Your card was declined.", alert, 1, true)
            assert.is_nil(alert:find("lost") or alert:find("stolen"))
        end)
    end

    it("asks again when no card or no test card came", function()
        local intent = world:intent()
        for _, body in ipairs({ "", "pm=", "pm=pm_nothing", "pm[a]=b", "x=1" }) do
            local answer = world:visit("POST", path(intent, "/confirm"), body)
            assert.equal(400, answer.status)
            assert.matches('role="alert"', answer.text, 1, true)
        end
        assert.equal("requires_payment_method", status_of(intent))
    end)

    it("leads through 3D Secure to success", function()
        local intent = world:intent()
        local answer = pay(intent, "pm_card_authenticationRequired")
        assert.equal(path(intent, "/3ds"), answer.headers.Location)
        assert.equal(path(intent, "/3ds"), world:visit("GET", path(intent)).headers.Location)
        assert.matches("Complete authentication", world:visit("GET", path(intent, "/3ds")).text, 1,
            true)
        world:visit("POST", path(intent, "/3ds"), "ok=1")
        assert.equal("succeeded", status_of(intent))
    end)

    it("leads back to the cards after a failed 3D Secure", function()
        local intent = world:intent()
        pay(intent, "pm_card_authenticationRequired")
        assert.equal(path(intent), world:visit("POST", path(intent, "/3ds"),
            "ok=0").headers.Location)
        assert.matches("Authentication failed.", world:visit("GET", path(intent)).text, 1, true)
    end)

    it("completes nothing without a word on how", function()
        local intent = world:intent()
        pay(intent, "pm_card_authenticationRequired")
        world:visit("POST", path(intent, "/3ds"), "")
        assert.equal("requires_action", status_of(intent))
    end)

    it("links back to the shop, carried through every step, once it is paid", function()
        local intent = world:intent()
        local query = "?return_url=http%3A%2F%2Flocalhost%3A3000%2Forders%3Fa%3D1%26b%3D2"
        local page = world:visit("GET", path(intent) .. query)
        assert.is_nil(page.text:find("Return to the shop", 1, true))
        assert.matches('action="' .. path(intent, "/confirm") .. query .. '"', page.text, 1, true)
        local location = pay(intent, "pm_card_visa", query).headers.Location
        assert.equal(path(intent) .. query, location)
        assert.matches('href="http://localhost:3000/orders?a=1&amp;b=2&amp;payment_intent=',
            world:visit("GET", location).text, 1, true)
    end)

    it("links to no stranger", function()
        local intent = world:paid()
        local text = world:visit("GET", path(intent)
            .. "?return_url=https%3A%2F%2Fevil.example%2F").text
        assert.is_nil(text:find("evil.example", 1, true))
    end)

    it("remembers the way back that was given at confirmation", function()
        local intent = world:intent()
        world:confirm(intent, "pm_card_authenticationRequired",
            "return_url=http%3A%2F%2Flocalhost%3A3000%2Fback")
        local location = world:visit("POST", path(intent, "/3ds"), "ok=1").headers.Location
        assert.matches("http://localhost:3000/back", world:visit("GET", location).text, 1, true)
    end)

    local closed = {
        { "a reserved amount", "capture_method=manual", "The amount is reserved." },
    }
    for _, case in ipairs(closed) do
        it("tells of " .. case[1], function()
            local intent = world:intent(case[2])
            pay(intent, "pm_card_visa")
            assert.matches(case[3], world:visit("GET", path(intent)).text, 1, true)
        end)
    end

    it("tells of a canceled payment and takes none", function()
        local intent = world:intent()
        world:post("/v1/payment_intents/" .. intent.id .. "/cancel", "")
        assert.matches("This payment was canceled.", world:visit("GET", path(intent)).text, 1, true)
        assert.equal(303, pay(intent, "pm_card_visa").status)
        assert.equal("canceled", status_of(intent))
    end)

    it("answers a program with JSON", function()
        local intent = world:intent()
        local function ask(token)
            return world:visit("POST", path(intent, "/confirm"), "pm=" .. token,
                { Accept = "application/json" })
        end
        local declined = ask("pm_card_chargeDeclined")
        assert.same({ 402, "card_declined" }, { declined.status, declined.body.error.code })
        assert.equal("requires_action", ask("pm_card_authenticationRequired").body.status)
        local done = world:visit("POST", path(intent, "/3ds"), "ok=1",
            { Accept = "application/json" })
        assert.same({ 200, "succeeded" }, { done.status, done.body.status })
    end)
end)
