local support = require("spec.plugins.stripe_emulator.support")

local REFRESH, RETURN = "http://localhost:3000/again", "http://localhost:3000/done?x=1"

describe("The page behind an account link", function()
    local world, account
    before_each(function()
        world = support.world()
        account = world:post("/v1/accounts",
            "type=express&capabilities[transfers][requested]=true").body
    end)

    local function link(more)
        return world:post("/v1/account_links", ("account=%s&type=account_onboarding&refresh_url=%s"
            .. "&return_url=%s&%s"):format(account.id, REFRESH, RETURN:gsub("[?=]",
            { ["?"] = "%3F", ["="] = "%3D" }), more or ""))
    end

    local function path_of(answer)
        return answer.body.url:match("^http://localhost:3002(/connect/onboard/link_%w+)$")
    end

    local function visit(path)
        local page = world:visit("GET", path)
        return page, page.text:match('name="visit" value="(%w+)"')
    end

    local function finish(path, visited, outcome)
        return world:visit("POST", path, ("visit=%s&outcome=%s"):format(visited, outcome))
    end

    local function read()
        return world:get("/v1/accounts/" .. account.id).body
    end

    it("ends onboarding and leads back to return_url", function()
        local path = path_of(link())
        local page, visited = visit(path)
        assert.equal(200, page.status)
        assert.matches("form-action 'self' http://localhost:3000;",
            page.headers["Content-Security-Policy"], 1, true)
        local answer = finish(path, visited, "complete")
        assert.same({ 303, RETURN }, { answer.status, answer.headers.Location })
        assert.equal("active", read().capabilities.transfers)
    end)

    it("may leave something due, or everything", function()
        local path = path_of(link())
        local _, visited = visit(path)
        assert.equal(RETURN, finish(path, visited, "leave").headers.Location)
        assert.is_false(read().details_submitted)
        path = path_of(link())
        _, visited = visit(path)
        finish(path, visited, "missing")
        assert.is_true(read().details_submitted)
        assert.equal("inactive", read().capabilities.transfers)
        assert.same({ "individual.verification.document" }, read().requirements.currently_due)
    end)

    it("opens once: then it leads to refresh_url", function()
        local path = path_of(link())
        local _, visited = visit(path)
        assert.same({ 303, REFRESH }, { visit(path).status, visit(path).headers.Location })
        finish(path, visited, "complete")
        assert.equal(REFRESH, finish(path, visited, "missing").headers.Location)
        assert.equal("active", read().capabilities.transfers)
    end)

    it("leads to refresh_url when it is too late (scenario 47)", function()
        local answer = link()
        assert.equal(300, answer.body.expires_at - answer.body.created)
        world:control("clock", { advance = 300 })
        local late = visit(path_of(answer))
        assert.same({ 303, REFRESH }, { late.status, late.headers.Location })
        assert.equal(200, visit(path_of(link())).status)
    end)

    it("takes nothing from one who did not see it", function()
        local path = path_of(link())
        assert.equal(REFRESH, finish(path, "guess", "complete").headers.Location)
        assert.is_false(read().details_submitted)
        assert.equal(404, world:visit("GET", "/connect/onboard/link_x").status)
    end)

    it("is asked for with both addresses, for an account that is there", function()
        local answer = world:post("/v1/account_links", "type=account_onboarding&account="
            .. account.id .. "&refresh_url=" .. REFRESH)
        assert.same({ "parameter_missing", "return_url" }, { answer.error.code,
            answer.error.param })
        assert.equal(400, link("type=account_update").status)
        account.id = "acct_x"
        assert.same({ 403, "account_invalid" }, { link().status, link().error.code })
    end)
end)

describe("A login link", function()
    it("opens the account once, when onboarding is done", function()
        local world = support.world()
        local account = world:post("/v1/accounts", "type=express").body
        local path = "/v1/accounts/" .. account.id .. "/login_links"
        assert.equal(400, world:post(path).status)
        world:control("onboard/" .. account.id)
        local link = world:post(path).body
        assert.equal("login_link", link.object)
        local page = link.url:match("^http://localhost:3002(/connect/express/login_%w+)$")
        local shown = world:visit("GET", page)
        assert.equal(200, shown.status)
        assert.matches(account.id, shown.text, 1, true)
        assert.equal(404, world:visit("GET", page).status)
    end)
end)
