local world = require("spec.support.world")

describe("administration", function()
    local w, admin

    setup(function()
        w = world.start()
        admin = w:admin()
    end)
    teardown(function()
        w:stop()
    end)

    local function act(kind, id, action, body, who)
        return w:request("POST", ("/api/admin/%s/%s/%s"):format(kind, id, action), who or admin,
            body)
    end
    local function log_of(object)
        return w:expect(200, "GET", "/api/admin/audit-log?object=" .. object, admin).data
    end

    describe("of users", function()
        it("lists by role, status and words", function()
            local buyer = w:buyer({ name = "Findable Person" })
            local function found(query)
                local answer = w:expect(200, "GET", "/api/admin/users?" .. query, admin)
                return answer.data[1] and answer.data[1].id, answer.page.total
            end
            assert.same({ buyer.id, 1 }, { found("q=findable") })
            assert.same({ buyer.id, 1 }, { found("q=" .. buyer.email) })
            assert.same({ admin.id, 1 }, { found("role=ADMIN") })
            assert.equal(0, select(2, found("q=findable&role=VENDOR")))
        end)
        it("suspends at once, in every worker, with the reason kept", function()
            local buyer = w:buyer()
            for _ = 1, 4 do
                w:expect(200, "GET", "/api/users/me", buyer)
            end
            assert.equal("SUSPENDED",
                act("users", buyer.id, "suspend", { reason = "Fraud" }).json.status)
            for _ = 1, 6 do
                assert.equal(401, w:request("GET", "/api/users/me", buyer).status)
            end
            assert.equal(401,
                w:request("POST", "/api/auth/refresh", nil,
                { refreshToken = buyer.refresh_token }).status)
            local entry = log_of("user:" .. buyer.id)[1]
            assert.same({ "user.suspend", "Fraud", admin.id, "ACTIVE", "SUSPENDED" },
                { entry.action, entry.reason, entry.actor.id, entry.before.status,
                    entry.after.status })
            assert.equal(409, act("users", buyer.id, "suspend", {}).status)
            assert.equal(200, act("users", buyer.id, "reinstate", {}).status)
            w:expect(200, "POST", "/api/auth/login", nil,
                { email = buyer.email, password = buyer.password })
        end)
        it("does not suspend oneself", function()
            assert.equal(409, act("users", admin.id, "suspend", {}).status)
        end)
        it("knows no unknown user", function()
            assert.equal(404,
                act("users", "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6", "suspend", {}).status)
            assert.equal(422, act("users", "1", "suspend", {}).status)
        end)
    end)
end)
