local client = require("spec.support.client")
local shell = require("spec.support.shell")
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

    it("is for admins", function()
        local vendor, buyer = w:vendor(), w:buyer()
        for _, path in ipairs({ "users", "vendors", "audit-log", "routes", "plugins",
            "generation" }) do
            assert.equal(403, w:request("GET", "/api/admin/" .. path, vendor).status, path)
            assert.equal(403, w:request("GET", "/api/admin/" .. path, buyer).status, path)
            assert.equal(401, w:request("GET", "/api/admin/" .. path).status, path)
            assert.equal(200, w:request("GET", "/api/admin/" .. path, admin).status, path)
        end
        assert.equal(403, act("vendors", vendor.vendor_id, "suspend", {}, vendor).status)
        assert.equal(403, w:request("POST", "/api/admin/reload", vendor).status)
    end)

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

    describe("of vendors", function()
        local steps = {
            { "PENDING", "approve", "ACTIVE" }, { "PENDING", "reject", "REJECTED" },
            { "PENDING", "suspend" }, { "PENDING", "reinstate" },
            { "ACTIVE", "approve" }, { "ACTIVE", "reject" }, { "ACTIVE", "suspend", "SUSPENDED" },
            { "ACTIVE", "reinstate" },
            { "SUSPENDED", "reinstate", "ACTIVE" }, { "SUSPENDED", "approve" },
                { "SUSPENDED", "suspend" },
            { "REJECTED", "approve" }, { "REJECTED", "reinstate" }, { "REJECTED", "suspend" },
        }
        local vendor
        setup(function()
            vendor = w:register("VENDOR")
        end)
        for _, case in ipairs(steps) do
            local from, action, to = unpack(case, 1, 3)
            it(("%ss one that is %s: %s"):format(action, from, to or "409"), function()
                w.db:query("update vendors set status = '" .. from .. "' where id = '"
                    .. vendor.vendor_id .. "'")
                local answer = act("vendors", vendor.vendor_id, action, { reason = "spec" })
                assert.equal(to and 200 or 409, answer.status)
                assert.equal(to or from,
                    w.db:value("select status from vendors where id = '" .. vendor.vendor_id
                    .. "'"))
            end)
        end
        it("keeps the reason, and tells others by an event", function()
            local pending = w:register("VENDOR")
            act("vendors", pending.vendor_id, "reject", { reason = "No papers" })
            assert.equal("No papers", log_of("vendor:" .. pending.vendor_id)[1].reason)
            assert.equal(1,
                w.db:value("select count(*) from outbox_events where type = 'vendor.rejected'"
                .. " and data ->> 'vendor_id' = '" .. pending.vendor_id .. "'"))
        end)
        it("lists them by status", function()
            local pending = w:register("VENDOR")
            local list = w:expect(200, "GET", "/api/admin/vendors?status=PENDING", admin)
            assert.equal(pending.vendor_id, list.data[1].id)
        end)
    end)

    describe("the audit log", function()
        it("can only grow", function()
            act("users", w:buyer().id, "suspend", {})
            for _, sql in ipairs({ "update audit_log set reason = 'x'", "delete from audit_log",
                "truncate audit_log" }) do
                assert.is_false((w.db:try(sql)), sql)
            end
        end)
        it("pages by cursor", function()
            local first = w:expect(200, "GET", "/api/admin/audit-log?limit=1", admin)
            local second = w:expect(200, "GET", "/api/admin/audit-log?limit=1&cursor="
                .. first.page.nextCursor, admin)
            assert.is_not.equal(first.data[1].id, second.data[1].id)
        end)
    end)

    describe("POST /api/admin/reload", function()
        it("serves a new generation", function()
            local before = w:expect(200, "GET", "/api/admin/generation", admin).generation
            local now = w:expect(200, "POST", "/api/admin/reload", admin).generation
            assert.is_true(now > before)
            assert.equal(now, w:expect(200, "GET", "/api/admin/generation", admin).generation)
        end)
    end)

    describe("souk admin create", function()
        local function create(arguments, input)
            return shell.run(("%s | SOUK_HOME=%s DATABASE_URL=%s %s admin create %s "
                .. "--conf conf/test.conf 2>&1"):format(
                input or "true", shell.quote(w.server.home), shell.quote(w.db.url), w.server.binary,
                    arguments))
        end
        local function may_log_in(email, password)
            return w:request("POST", "/api/auth/login", nil,
                { email = email, password = password }).status == 200
        end
        it("reads the password from standard input", function()
            local _, code = create("--email Piped@souk.test --password -", "echo 'piped password'")
            assert.equal(0, code)
            assert.is_true(may_log_in("piped@souk.test", "piped password"))
        end)
        it("gives an administrator a new password", function()
            create("--email again@souk.test --password first-password")
            create("--email again@souk.test --password second-password")
            assert.is_false(may_log_in("again@souk.test", "first-password"))
            assert.is_true(may_log_in("again@souk.test", "second-password"))
        end)
        it("refuses a buyer's e-mail, a bad one, and a short password", function()
            local buyer = w:buyer()
            for _, arguments in ipairs({
                "--email " .. buyer.email .. " --password long-enough",
                    "--email nobody --password long-enough",
                "--email x@souk.test --password short", "--email x@souk.test",
                    "--password long-enough", "",
            }) do
                local _, code = create(arguments)
                assert.is_not.equal(0, code, arguments)
            end
            assert.is_true(may_log_in(buyer.email, buyer.password))
        end)
    end)
end)

describe("the documents", function()
    local w

    setup(function()
        w = world.start()
    end)
    teardown(function()
        w:stop()
    end)

    it("GET /api/openapi.json is for anyone, and cached by its ETag", function()
        local answer = w:request("GET", "/api/openapi.json")
        assert.equal(200, answer.status)
        assert.equal("3.1.0", answer.json.openapi)
        local again = w:request("GET", "/api/openapi.json", nil, nil,
            { ["If-None-Match"] = answer.headers.etag })
        assert.equal(304, again.status)
    end)
    it("GET /api/docs is a page that may run and fetch nothing", function()
        local answer = w:request("GET", "/api/docs")
        assert.equal(200, answer.status)
        assert.matches("text/html", answer.headers["content-type"], 1, true)
        assert.matches("default-src 'none'", answer.headers["content-security-policy"], 1, true)
        assert.is_truthy(answer.body:find("/api/products/{id}", 1, true))
    end)
    it("does not keep others waiting while it is made", function()
        local requests = { w:prepared("GET", "/api/docs") }
        for i = 1, 10 do
            requests[i + 1] = w:prepared("GET", "/api/categories")
        end
        for _, answer in ipairs(client.parallel(requests)) do
            assert.equal(200, answer.status)
        end
    end)
end)
