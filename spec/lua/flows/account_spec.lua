local account = require("flows.account")
local crypto = require("core.crypto")
local db = require("souk.db")

local made = 0

local function register(changes)
    made = made + 1
    local input = {
        email = ("flow%d@souk.test"):format(made), password = "correct horse", name = "Flow",
        role = "BUYER",
    }
    for name, value in pairs(changes or {}) do
        input[name] = value
    end
    return account.register(input), input
end

describe("account.register", function()
    it("makes user, buyer and session together", function()
        local session, input = register()
        local claims = crypto.token_verify(session.accessToken)
        assert.equal(session.user.id, claims.sub)
        local row = db.one("auth/user", claims.sub, claims.jti)
        assert.equal(input.email, row.email)
        assert.equal(session.user.buyerId, row.buyer_id)
        assert.is_false(row.is_session_over)
    end)
    it("makes nothing when the e-mail is taken", function()
        local _, input = register()
        local session, problem = account.register(input)
        assert.is_nil(session)
        assert.equal("email_taken", problem.code)
    end)
    it("names a vendor without a shop after its user", function()
        local session = register({ role = "VENDOR", name = "Vera Flow" })
        local shop = db.one("vendor/detail", session.user.vendorId, false)
        assert.equal("Vera Flow", shop.businessName)
    end)
end)

describe("account.login", function()
    it("asks for a full check of the password of an account that is not there", function()
        local _, problem = account.login("nobody@souk.test", "correct horse", "192.0.2.1")
        assert.equal("invalid_credentials", problem.code)
    end)
    it("counts failures of an address over all accounts", function()
        local peer = "192.0.2.2"
        for i = 1, 100 do
            account.login("guess" .. i .. "@souk.test", "x", peer)
        end
        local _, problem = account.login("guess101@souk.test", "x", peer)
        assert.equal("rate_limited", problem.code)
        assert.is_true(problem.retry_after > 0)
        local _, input = register()
        assert.is_nil((account.login(input.email, input.password, peer)))
        assert.is_truthy(account.login(input.email, input.password, "192.0.2.3"))
    end)
end)

describe("account.refresh", function()
    it("makes tokens of the same session", function()
        local session = register()
        local next_session = account.refresh(session.refreshToken)
        local before = crypto.token_verify(session.accessToken)
        local after = crypto.token_verify(next_session.accessToken)
        assert.equal(before.jti, after.jti)
    end)
    it("ends the session for good when a used token comes again", function()
        local session = register()
        local jti = crypto.token_verify(session.accessToken).jti
        account.refresh(session.refreshToken)
        assert.equal("unauthenticated", select(2, account.refresh(session.refreshToken)).code)
        assert.is_true(db.one("auth/user", session.user.id, jti).is_session_over)
    end)
end)
