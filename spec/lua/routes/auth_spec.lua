local client = require("spec.support.client")
local crypto = require("core.crypto")
local world = require("spec.support.world")

local PASSWORD = world.PASSWORD

describe("accounts", function()
    local w

    setup(function()
        w = world.start({ set = { ["auth.ip_failures_max"] = 100000 } })
    end)
    teardown(function()
        w:stop()
    end)

    local function login(email, password)
        return w:request("POST", "/api/auth/login", nil, { email = email, password = password })
    end

    local function refresh(token)
        return w:request("POST", "/api/auth/refresh", nil, { refreshToken = token })
    end

    local function me(who)
        return w:request("GET", "/api/users/me", who)
    end

    local function register(changes)
        local body = { email = "x@souk.test", password = PASSWORD, name = "X", role = "BUYER" }
        for name, value in pairs(changes) do
            body[name] = value
        end
        return w:request("POST", "/api/auth/register", nil, body)
    end

    describe("POST /api/auth/register", function()
        it("makes a buyer with a session", function()
            local answer = register({ email = "Buyer.One@Souk.test" })
            assert.equal(201, answer.status)
            local session = answer.json
            assert.equal("buyer.one@souk.test", session.user.email)
            assert.equal("BUYER", session.user.role)
            assert.is_string(session.user.buyerId)
            assert.is_nil(session.user.vendorId)
            assert.equal(604800, session.expiresIn)
            assert.equal(session.user.id, me(session.accessToken).json.id)
        end)
        it("makes a vendor that waits for approval, where it says it is", function()
            local session = register({
                email = "shop@souk.test", role = "VENDOR",
                vendor = { businessName = "Ada's Looms", location = { lat = 51.5, lng = -0.12 } },
            }).json
            local row = w.db:query("select status, slug, lat_deg from vendors where id = '"
                .. session.user.vendorId .. "'")[1]
            assert.same({ "PENDING", "ada-s-looms", "51.5" },
                { row[1], row[2]:gsub("adas", "ada-s"), row[3] })
        end)
        it("lets two shops have one name", function()
            for i = 1, 2 do
                local answer = register({ email = "same" .. i .. "@souk.test", role = "VENDOR",
                    vendor = { businessName = "Same" } })
                assert.equal(201, answer.status)
            end
        end)
        it("refuses an e-mail that is taken, however it is written", function()
            register({ email = "taken@souk.test" })
            local answer = register({ email = "TAKEN@souk.test" })
            assert.equal(409, answer.status)
            assert.equal("email_taken", answer.json.code)
        end)
        it("leaves nothing behind when the second half fails", function()
            local users = w.db:value("select count(*) from users")
            w.db:query("alter table vendors"
                .. " add constraint spec_refuses check (business_name <> 'Refused')")
            assert.equal(500,
                register({ email = "half@souk.test", role = "VENDOR",
                vendor = { businessName = "Refused" } }).status)
            w.db:query("alter table vendors drop constraint spec_refuses")
            assert.equal(users, w.db:value("select count(*) from users"))
        end)
        it("makes no administrator", function()
            assert.equal(422, register({ email = "root@souk.test", role = "ADMIN" }).status)
        end)
        it("takes no vendor for a buyer", function()
            assert.equal(422,
                register({ email = "v@souk.test", vendor = { businessName = "X" } }).status)
        end)
        for _, case in ipairs({ { 7, 422 }, { 8, 201 }, { 72, 201 }, { 73, 422 } }) do
            it(("answers %d to a password of %d bytes"):format(case[2], case[1]), function()
                local answer = register({ email = "p" .. case[1] .. "@souk.test",
                    password = ("p"):rep(case[1]) })
                assert.equal(case[2], answer.status)
            end)
        end
        it("keeps no password", function()
            register({ email = "hash@souk.test" })
            local hash = w.db:value(
                "select password_hash from users where email = 'hash@souk.test'")
            assert.matches("^%$2", hash)
            assert.is_nil(hash:find(PASSWORD, 1, true))
        end)
    end)

    describe("POST /api/auth/login", function()
        it("gives a session for the right password", function()
            local buyer = w:buyer()
            local answer = login(buyer.email:upper(), PASSWORD)
            assert.equal(200, answer.status)
            assert.equal(buyer.id, answer.json.user.id)
        end)
        it("answers the same for a wrong password and an unknown account", function()
            local buyer = w:buyer()
            local wrong, unknown = login(buyer.email, "wrong horse"),
                login("nobody@souk.test", "wrong horse")
            assert.equal(401, wrong.status)
            assert.equal(401, unknown.status)
            assert.equal("invalid_credentials", wrong.json.code)
            assert.equal(wrong.json.message, unknown.json.message)
        end)
        it("answers the same for a suspended account", function()
            local buyer = w:buyer()
            w:expect(200, "POST", "/api/admin/users/" .. buyer.id .. "/suspend", w:admin(), {})
            assert.equal("invalid_credentials", login(buyer.email, PASSWORD).json.code)
        end)
        it("tells apart passwords that are equal in their first 72 bytes", function()
            local long = ("p"):rep(72)
            register({ email = "long@souk.test", password = long })
            assert.equal(200, login("long@souk.test", long).status)
            assert.equal(401, login("long@souk.test", long .. "x").status)
        end)
        it("answers 429 after ten failures, even to the right password, until the window ends",
            function()
            local buyer = w:buyer()
            for _ = 1, 10 do
                assert.equal(401, login(buyer.email, "wrong horse").status)
            end
            local refused = login(buyer.email, PASSWORD)
            assert.equal(429, refused.status)
            assert.is_true(tonumber(refused.headers["retry-after"]) <= 900)
            w.db:query("update login_attempts set first_failed_at = now() - interval '16 minutes'")
            assert.equal(200, login(buyer.email, PASSWORD).status)
        end)
        it("lets no more than ten guesses through when they come at once", function()
            local buyer, requests = w:buyer(), {}
            for i = 1, 30 do
                requests[i] = w:prepared("POST", "/api/auth/login", nil,
                    { email = buyer.email, password = "wrong " .. i })
            end
            local statuses = { [401] = 0, [429] = 0 }
            for _, answer in ipairs(client.parallel(requests)) do
                statuses[answer.status] = statuses[answer.status] + 1
            end
            assert.same({ [401] = 10, [429] = 20 }, statuses)
        end)
        it("forgets the failures when somebody gets in", function()
            local buyer = w:buyer()
            for _ = 1, 3 do
                for _ = 1, 9 do
                    login(buyer.email, "wrong horse")
                end
                assert.equal(200, login(buyer.email, PASSWORD).status)
            end
        end)
    end)

    describe("POST /api/auth/refresh", function()
        it("gives a new pair, once", function()
            local buyer = w:buyer()
            local answer = refresh(buyer.refresh_token)
            assert.equal(200, answer.status)
            assert.is_not.equal(buyer.refresh_token, answer.json.refreshToken)
            assert.equal(200, me(answer.json.accessToken).status)
            assert.equal(200, refresh(answer.json.refreshToken).status)
        end)
        it("ends the whole session when a used token comes again", function()
            local buyer = w:buyer()
            local second = refresh(buyer.refresh_token).json
            assert.equal(401, refresh(buyer.refresh_token).status)
            assert.equal(401, refresh(second.refreshToken).status)
            assert.equal(401, me(second.accessToken).status)
            assert.equal(200, login(buyer.email, PASSWORD).status)
        end)
        it("lets one of two at once through, and then ends the session", function()
            local buyer = w:buyer()
            local request = w:prepared("POST", "/api/auth/refresh", nil,
                { refreshToken = buyer.refresh_token })
            local answers = client.parallel({ request,
                w:prepared("POST", "/api/auth/refresh", nil,
                { refreshToken = buyer.refresh_token }) })
            local statuses = { answers[1].status, answers[2].status }
            table.sort(statuses)
            assert.same({ 200, 401 }, statuses)
        end)
        it("refuses what is unknown or expired", function()
            assert.equal(401, refresh("nonsense").status)
            local buyer = w:buyer()
            w.db:query("update refresh_tokens set expires_at = now() - interval '1 second'"
                .. " where token_sha256 = '"
                .. crypto.sha256(buyer.refresh_token) .. "'")
            assert.equal(401, refresh(buyer.refresh_token).status)
        end)
        it("keeps no token, only its digest", function()
            local buyer = w:buyer()
            assert.equal(0,
                w.db:value("select count(*) from refresh_tokens where token_sha256 = '"
                .. buyer.refresh_token .. "'"))
        end)
    end)

    describe("POST /api/auth/logout", function()
        it("ends the session with its access token", function()
            local buyer = w:buyer()
            assert.equal(204,
                w:request("POST", "/api/auth/logout", buyer,
                { refreshToken = buyer.refresh_token }).status)
            assert.equal(401, me(buyer).status)
            assert.equal(401, refresh(buyer.refresh_token).status)
        end)
        it("ends nobody else's session", function()
            local mine, theirs = w:buyer(), w:buyer()
            assert.equal(204,
                w:request("POST", "/api/auth/logout", mine,
                { refreshToken = theirs.refresh_token }).status)
            assert.equal(200, me(theirs).status)
            assert.equal(200, me(mine).status)
        end)
    end)

    describe("POST /api/users/me/password", function()
        local function change(who, current, new)
            return w:request("POST", "/api/users/me/password", who,
                { currentPassword = current, newPassword = new })
        end
        it("needs the current one", function()
            local buyer = w:buyer()
            assert.equal(401, change(buyer, "wrong horse", "another horse").status)
            assert.equal(200, login(buyer.email, PASSWORD).status)
        end)
        it("ends the other sessions and keeps this one", function()
            local buyer = w:buyer()
            local other = login(buyer.email, PASSWORD).json
            assert.equal(200, me(other.accessToken).status)
            assert.equal(204, change(buyer, PASSWORD, "another horse").status)
            assert.equal(401, me(other.accessToken).status)
            assert.equal(401, refresh(other.refreshToken).status)
            assert.equal(200, me(buyer).status)
            assert.equal(401, login(buyer.email, PASSWORD).status)
            assert.equal(200, login(buyer.email, "another horse").status)
        end)
        it("has the bounds of a first password", function()
            assert.equal(422, change(w:buyer(), PASSWORD, "short").status)
            assert.equal(422, change(w:buyer(), PASSWORD, ("p"):rep(73)).status)
        end)
    end)

    describe("a token", function()
        local function bearer(value)
            return w:request("GET", "/api/users/me", nil, nil, { Authorization = value }).status
        end
        it("must be there, and be a bearer's", function()
            local buyer = w:buyer()
            for _, value in ipairs({ "", "Bearer", "Bearer ", buyer.token, "Basic " .. buyer.token,
                "Bearer x.y.z" }) do
                assert.equal(401, bearer(value), value)
            end
            assert.equal(200, bearer("bearer " .. buyer.token))
        end)
        it("is refused with any byte of its signature changed", function()
            local token = w:buyer().token
            local other = token:sub(-10, -10) == "A" and "B" or "A"
            assert.equal(401, bearer("Bearer " .. token:sub(1, -11) .. other .. token:sub(-9)))
        end)
        it("of a user that is gone is refused", function()
            local token = crypto.token_issue({ sub = crypto.uuid7(), role = "ADMIN",
                jti = crypto.uuid7(), ttl_s = 60 })
            assert.equal(401, bearer("Bearer " .. token))
        end)
        it("says it has expired when it has", function()
            local buyer = w:buyer()
            local token = crypto.token_issue({ sub = buyer.id, role = "BUYER", jti = crypto.uuid7(),
                ttl_s = -1 })
            local answer = me(token)
            assert.equal(401, answer.status)
            assert.equal("token_expired", answer.json.code)
        end)
        it("gives the role that the user has, not the one it says", function()
            local buyer = w:buyer()
            local token = crypto.token_issue({ sub = buyer.id, role = "ADMIN", jti = crypto.uuid7(),
                ttl_s = 60 })
            assert.equal(403, w:request("GET", "/api/admin/users", token).status)
        end)
        it("with another's session is refused", function()
            local mine, theirs = w:buyer(), w:buyer()
            local session = w.db:value("select id from sessions where user_id = '" .. theirs.id
                .. "'")
            local token = crypto.token_issue({ sub = mine.id, role = "BUYER", jti = session,
                ttl_s = 60 })
            assert.equal(401, me(token).status)
        end)
    end)
end)
