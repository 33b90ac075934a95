local support = require("spec.plugins.stripe_emulator.support")
local json = require("core.json")

local NEW = "type=express&country=US&email=v%40shop.example&capabilities[transfers][requested]=true"
    .. "&metadata[vendor_id]=7"

describe("A connected account", function()
    local world
    before_each(function()
        world = support.world()
    end)

    local function made(more)
        local answer = world:post("/v1/accounts", NEW .. "&" .. (more or ""))
        assert.equal(200, answer.status, answer.text)
        return answer.body
    end

    local function read(account)
        return world:get("/v1/accounts/" .. account.id).body
    end

    local function last_event()
        local all = world.emulator.store.kinds.event.ordered
        return all[#all]
    end

    it("is new: it may do nothing and much is due", function()
        local account = made()
        assert.matches("^acct_%w+$", account.id)
        assert.same({ "express", "US", "usd", "v@shop.example", { vendor_id = "7" } },
            { account.type, account.country, account.default_currency, account.email,
                account.metadata })
        assert.same({ transfers = "inactive" }, account.capabilities)
        assert.same({ false, false, false }, { account.charges_enabled, account.payouts_enabled,
            account.details_submitted })
        assert.equal("requirements.past_due", account.requirements.disabled_reason)
        assert.equal(7, #account.requirements.currently_due)
        assert.same(account, read(account))
    end)

    it("has the currency of its country", function()
        assert.equal("eur", world:post("/v1/accounts", "type=express&country=DE").body
            .default_currency)
        local answer = world:post("/v1/accounts", "type=express&country=XX")
        assert.same({ 400, "country_unsupported", "country" },
            { answer.status, answer.error.code, answer.error.param })
    end)

    it("is made of type express only, and of what Stripe knows", function()
        assert.equal("parameter_missing", world:post("/v1/accounts", "country=US").error.code)
        assert.equal("unsupported_by_emulator",
            world:post("/v1/accounts", "type=custom").error.code)
        local answer = world:post("/v1/accounts", NEW .. "&capabilities[transfers][foo]=1")
        assert.same({ "parameter_unknown", "capabilities[transfers][foo]" },
            { answer.error.code, answer.error.param })
    end)

    it("may take transfers and pay out once it is onboarded", function()
        local account = made()
        assert.equal(200, world:control("onboard/" .. account.id).status)
        account = read(account)
        assert.same({ transfers = "active" }, account.capabilities)
        assert.same({ true, true }, { account.payouts_enabled, account.details_submitted })
        assert.same({ {}, json.null }, { account.requirements.currently_due,
            account.requirements.disabled_reason })
        assert.equal("usd", account.external_accounts.data[1].currency)
    end)

    it("tells the connect endpoint of what it may do, with what was before", function()
        local account = made()
        world:control("onboard/" .. account.id)
        local types = world:event_types()
        assert.same({ "account.updated", "capability.updated" },
            { types[#types - 1], types[#types] })
        world.emulator.before_response()
        local told = world:get("/v1/events?type=account.updated",
            { ["Stripe-Account"] = account.id }).body.data[1]
        assert.same({ account.id, account.id, "active", false },
            { told.account, told.data.object.id, told.data.object.capabilities.transfers,
                told.data.previous_attributes.payouts_enabled })
        assert.equal(0, #world:get("/v1/events?type=account.updated").body.data)
    end)

    it("may lose again what it could", function()
        local account = made("capabilities[card_payments][requested]=true")
        world:control("onboard/" .. account.id)
        world:control("onboard/" .. account.id, { transfers = "inactive",
            currently_due = { "individual.id_number" }, disabled_reason = "requirements.past_due",
            payouts_enabled = false })
        account = read(account)
        assert.same({ "inactive", "inactive", false, false }, { account.capabilities.transfers,
            account.capabilities.card_payments, account.payouts_enabled,
            account.charges_enabled })
        assert.same({ "individual.id_number" }, account.requirements.currently_due)
        world:control("onboard/" .. account.id)
        assert.equal("active", read(account).capabilities.transfers)
    end)

    it("stays as it was when the vendor leaves before the end", function()
        local account = made()
        assert.equal(200, world:control("onboard/" .. account.id .. "?ok=0").status)
        assert.same(account, read(account))
    end)

    it("shows a capability by itself, and gives one back", function()
        local account = made()
        local path = "/v1/accounts/" .. account.id .. "/capabilities/"
        local transfers = world:get(path .. "transfers").body
        assert.same({ "transfers", true, "inactive", account.id }, { transfers.id,
            transfers.requested, transfers.status, transfers.account })
        assert.equal("unrequested", world:get(path .. "card_payments").body.status)
        assert.equal(404, world:get(path .. "flying").status)
        world:control("onboard/" .. account.id)
        assert.equal("active", world:post(path .. "card_payments", "requested=true").body.status)
        assert.equal("unrequested", world:post(path .. "transfers", "requested=false").body.status)
        assert.is_nil(read(account).capabilities.transfers)
    end)

    it("is changed by the platform, which is told", function()
        local account = made()
        local changed = world:post("/v1/accounts/" .. account.id, "email=n%40shop.example"
            .. "&metadata[a]=1&business_profile[name]=Ana&business_type=individual").body
        assert.same({ "n@shop.example", { vendor_id = "7", a = "1" }, "Ana", "individual" },
            { changed.email, changed.metadata, changed.business_profile.name,
                changed.business_type })
        assert.same({ "account.updated", account.id }, { last_event().type, last_event().account })
    end)

    it("is listed until it is deleted, the platform's own never", function()
        local first, second = made(), made()
        assert.equal("standard", world:get("/v1/account").body.type)
        local all = world:get("/v1/accounts").body.data
        assert.same({ second.id, first.id }, { all[1].id, all[2].id })
        assert.equal(2, #all)
        local deleted = world:call("DELETE", "/v1/accounts/" .. first.id)
        assert.same({ id = first.id, object = "account", deleted = true }, deleted.body)
        assert.equal(1, #world:get("/v1/accounts").body.data)
    end)

    it("that is nobody's is refused with 403, in the path and as Stripe-Account", function()
        local answer = world:get("/v1/accounts/acct_x")
        assert.same({ 403, "account_invalid" }, { answer.status, answer.error.code })
        answer = world:get("/v1/events", { ["Stripe-Account"] = "acct_x" })
        assert.same({ 403, "account_invalid" }, { answer.status, answer.error.code })
        local platform = world:get("/v1/account").body
        assert.equal(403, world:get("/v1/accounts/" .. platform.id).status)
    end)

    it("that took its access back is told to the connect endpoint and is then unknown", function()
        local account = made()
        world:control("deauthorize/" .. account.id)
        assert.same({ "account.application.deauthorized", account.id },
            { last_event().type, last_event().account })
        assert.equal(403, world:get("/v1/accounts/" .. account.id).status)
        assert.equal(403, world:post("/v1/account_links", "account=" .. account.id
            .. "&type=account_onboarding&refresh_url=http://s/&return_url=http://s/").status)
        assert.equal(0, #world:get("/v1/accounts").body.data)
        assert.equal(404, world:control("onboard/" .. account.id).status)
    end)

    it("answers for itself with Stripe-Account", function()
        local account = made()
        assert.equal(account.id, world:get("/v1/account",
            { ["Stripe-Account"] = account.id }).body.id)
    end)
end)
