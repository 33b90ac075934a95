--- Who a token is, when nobody told this process that it has changed: another node did it, or SQL.
local shell = require("spec.support.shell")
local world = require("spec.support.world")

describe("souk.auth", function()
    local w

    setup(function()
        w = world.start({ set = { ["http.workers"] = 1 } })
    end)

    teardown(function()
        w:stop()
    end)

    local function me(who)
        return w:request("GET", "/api/users/me", who)
    end

    it("reads a user it knows again after seconds, by the token it has verified", function()
        local suspended, signed_out, renamed = w:buyer(), w:buyer(), w:buyer()
        for _, person in ipairs({ suspended, signed_out, renamed }) do
            assert.equal(200, me(person).status)
        end
        w.db:query(([[update users set status = 'SUSPENDED' where id = '%s';
            update sessions set revoked_at = now(), revoked_reason = 'LOGOUT'
                where user_id = '%s';
            update users set name = 'New Name' where id = '%s']])
            :format(suspended.id, signed_out.id, renamed.id))
        shell.wait_until("the suspension acts", 30, function()
            return me(suspended).status == 401
        end)
        shell.wait_until("the end of the session acts", 30, function()
            return me(signed_out).status == 401
        end)
        shell.wait_until("the new name is there", 30, function()
            return me(renamed).json.name == "New Name"
        end)
        for _ = 1, 3 do
            assert.equal(401, me(suspended).status)
            assert.equal(401, me(signed_out).status)
            assert.equal(200, me(renamed).status)
        end
        w.db:query("update users set status = 'ACTIVE' where id = '" .. suspended.id .. "'")
        assert.equal(200, me(suspended).status)
    end)
end)
