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

    describe("the audit log", function()
        it("can only grow", function()
            act("users", w:buyer().id, "suspend", {})
            for _, sql in ipairs({ "update audit_log set reason = 'x'", "delete from audit_log",
                "truncate audit_log" }) do
                assert.is_false((w.db:try(sql)), sql)
            end
        end)
        it("pages by cursor", function()
            act("users", w:buyer().id, "suspend", {})
            act("users", w:buyer().id, "suspend", {})
            local first = w:expect(200, "GET", "/api/admin/audit-log?limit=1", admin)
            local second = w:expect(200, "GET", "/api/admin/audit-log?limit=1&cursor="
                .. first.page.nextCursor, admin)
            assert.is_not.equal(first.data[1].id, second.data[1].id)
        end)
    end)
end)
