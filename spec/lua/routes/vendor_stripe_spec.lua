--- A vendor's way to Stripe, as its application sees it.
local client = require("spec.support.client")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local LINK = "/api/vendor/stripe/account-link"
local LOGIN = "/api/vendor/stripe/login-link"
local STATUS = "/api/vendor/stripe/status"
local NONE = client.json.decode("{}")

describe("a vendor's account at Stripe", function()
    local w, vendor

    setup(function()
        w = world.start({ set = {
            ["http.public_url"] = "https://souk.example",
            ["http.cors_origins"] = "https://shop.example, http://localhost:5173",
        } })
        vendor = w:vendor()
    end)
    teardown(function()
        w:stop()
    end)

    local function set_status(of, status)
        w.db:query(("update vendors set status = '%s' where id = '%s'"):format(
            status, of.vendor_id))
    end

    it("is not there before it is asked for", function()
        local status = w:expect(200, "GET", STATUS, vendor)
        assert.same({ false, "NONE", client.null, client.null },
            { status.connected, status.status, status.accountId, status.checkedAt })
        assert.same({}, status.currentlyDue)
        assert.equal("the vendor has no Stripe account", status.transfersBlockedBy)
        assert.equal("account_not_ready", w:request("POST", LOGIN, vendor, NONE).json.code)
    end)

    it("is made on first use: 201, then 200 with another link", function()
        local first = w:request("POST", LINK, vendor, NONE)
        assert.same({ 201, STATUS }, { first.status, first.headers.location })
        assert.matches("^http://.+/connect/onboard/", first.json.url)
        assert.matches("^%d%d%d%d%-.+Z$", first.json.expiresAt)
        local second = w:expect(200, "POST", LINK, vendor, NONE)
        assert.not_equal(first.json.url, second.url)
        assert.is_true(w:expect(200, "GET", STATUS, vendor).connected)
    end)

    it("tells Stripe the vendor's country and e-mail, and who it is", function()
        local other = w:vendor()
        w:expect(200, "PATCH", "/api/vendor/profile", other, { country = "PT" })
        w:expect(201, "POST", LINK, other, NONE)
        local asked = story.asked(w, "POST", "/v1/accounts")
        local body = asked[#asked].body
        body = type(body) == "table" and client.json.encode(body) or body
        for _, word in ipairs({ "express", "PT", "transfers", other.vendor_id,
            (other.email:gsub("@.*", "")) }) do
            assert.truthy(body:find(word, 1, true), word .. " in " .. body)
        end
    end)

    it("leads back to where it was told, or to a page of ours", function()
        local function asked_of(body)
            w:expect(200, "POST", LINK, vendor, body)
            local asked = story.asked(w, "POST", "/v1/account_links")
            local text = asked[#asked].body
            text = type(text) == "table" and client.json.encode(text) or text
            return (text:gsub("%%(%x%x)", function(code)
                return string.char(tonumber(code, 16))
            end):gsub("\\/", "/"))
        end
        local given = asked_of({ returnUrl = "https://shop.example/money?from=stripe" })
        assert.truthy(given:find("https://shop.example/money?from=stripe", 1, true), given)
        assert.truthy(given:find("https://souk.example/api/stripe/onboarding/expired", 1, true))
        local page = w:request("GET", "/api/stripe/onboarding/expired")
        assert.same({ 200, "text/html; charset=utf-8" },
            { page.status, page.headers["content-type"] })
        assert.equal(200, w:request("GET", "/api/stripe/onboarding/done").status)
    end)

    for _, url in ipairs({
        "https://shop.example", "https://SHOP.example/x", "http://localhost:5173/a#b",
        "https://souk.example?x=1",
    }) do
        it("takes " .. url, function()
            w:expect(200, "POST", LINK, vendor, { returnUrl = url })
        end)
    end

    for _, url in ipairs({
        "https://evil.example/", "https://shop.example.evil.example/", "http://shop.example/",
        "https://shop.example:8443/", "https://shop.example@evil.example/", "javascript:alert(1)",
        "//shop.example/", "https://shop.example\\@evil.example/", "ftp://shop.example/",
        "https://evil.example/https://shop.example/", "/relative", "https://shop.example/a b",
    }) do
        it("refuses " .. url, function()
            local answer = w:request("POST", LINK, vendor, { returnUrl = url, refreshUrl = url })
            assert.same({ 422, "validation_failed" }, { answer.status, answer.json.code })
            assert.equal(2, #answer.json.details)
        end)
    end

    it("is for whoever may sell one day, and for no other", function()
        local pending = w:register("VENDOR")
        w:expect(201, "POST", LINK, pending, NONE)
        for _, status in ipairs({ "SUSPENDED", "REJECTED" }) do
            set_status(pending, status)
            assert.equal("conflict", w:request("POST", LINK, pending, NONE).json.code)
        end
        local buyer = w:buyer()
        assert.equal(403, w:request("POST", LINK, buyer, NONE).status)
        assert.equal(403, w:request("POST", LOGIN, buyer, NONE).status)
        assert.equal(403, w:request("GET", STATUS, w:admin()).status)
        assert.equal(401, w:request("GET", STATUS).status)
    end)

    it("opens its own dashboard by a link", function()
        w:onboard(vendor)
        local link = w:expect(200, "POST", LOGIN, vendor, NONE)
        assert.matches("^http", link.url)
        local status = w:expect(200, "GET", STATUS, vendor)
        assert.same({ true, true, true, true }, { status.connected, status.transfersEnabled,
            status.payoutsEnabled, status.detailsSubmitted })
        assert.equal(client.null, status.transfersBlockedBy)
    end)

    it("is seen by administrators", function()
        local seen = w:expect(200, "GET", "/api/admin/vendors/" .. vendor.vendor_id, w:admin())
        assert.equal(vendor.vendor_id, seen.vendor.id)
        assert.is_true(seen.stripe.connected)
        assert.equal(403,
            w:request("GET", "/api/admin/vendors/" .. vendor.vendor_id, vendor).status)
    end)
end)
