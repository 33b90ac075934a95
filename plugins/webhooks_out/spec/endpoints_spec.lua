local client = require("spec.support.client")
local shell = require("spec.support.shell")
local subscriber = require("plugins.webhooks_out.spec.subscriber")

local NOBODY = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6"

describe("webhooks_out's endpoints", function()
    local sub, w, admin

    setup(function()
        sub = subscriber.start()
        w = sub.w
        admin = w:admin()
    end)
    teardown(function()
        sub:stop()
    end)

    it("sends again what is asked for, in its order, under the same ids", function()
        local hook = sub:endpoint()
        sub:happen(hook.type, 3)
        sub:come(hook, 3)
        sub:wait_until_done(hook, 3)
        local middle, first = sub:log(hook)[2], sub:log(hook)[3]
        w.db:query("update plugin_webhooks_out.deliveries set created_at = now() - interval '1 h' "
            .. "where id = " .. first.id)
        w:expect(204, "POST", ("%s/deliveries/%d/replay"):format(hook.at, middle.id), admin)
        assert.equal("1:200 2:200 3:200 2:200", sub.numbers(sub:come(hook, 4)))
        sub:wait_until_done(hook, 3)
        local again = w:expect(200, "POST", hook.at .. "/replay", admin,
            { since = middle.createdAt })
        assert.equal(2, again.replayed)
        local list = sub:come(hook, 6)
        assert.equal("1:200 2:200 3:200 2:200 2:200 3:200", sub.numbers(list))
        assert.equal(list[2].json.id, list[5].json.id)
        assert.same({ true, true }, { sub.checked(hook.secret, list[5]) })
        assert.equal(1, #sub:log(hook, "?limit=1&before=" .. middle.id))
    end)

    it("shows a secret once; for a day the one before a new one signs too", function()
        local hook = sub:endpoint()
        local new = w:expect(200, "POST", hook.at .. "/secret", admin).secret
        assert.not_equal(hook.secret, new)
        local test = w:expect(202, "POST", hook.at .. "/test", admin)
        local one = sub:come(hook, 1)[1]
        assert.same({ "webhooks_out.test", test.deliveryId },
            { one.json.type, sub:log(hook)[1].id })
        assert.same({ true, true }, { sub.checked(hook.secret, one) })
        assert.same({ true, true }, { sub.checked(new, one) })
        w.db:query("update plugin_webhooks_out.endpoints set previous_until = now()")
        w:expect(202, "POST", hook.at .. "/test", admin)
        assert.same({ false, false }, { sub.checked(hook.secret, sub:come(hook, 2)[2]) })
        local everything = w.server:log() .. client.json.encode({ sub:read(hook), sub:log(hook) })
            .. w:request("GET", sub.PATH, admin).body
            .. w.db:value("select json_agg(endpoints)::text from plugin_webhooks_out.endpoints")
        for _, secret in ipairs({ hook.secret, new }) do
            assert.is_nil(everything:find(secret:sub(7), 1, true))
        end
    end)

    it("keeps no more waiting than it may, and counts what came beyond", function()
        local hook = sub:endpoint()
        sub:change(hook, { isActive = false })
        w.db:query(("insert into plugin_webhooks_out.deliveries (endpoint_id, message_id, type, "
            .. "body) select '%s', 'old' || n, 'x.y', '{}' from generate_series(1, 10000) n")
            :format(hook.id))
        sub:happen(hook.type, 2)
        sub:wait_for("both are counted", function()
            return sub:read(hook).dropped == 2
        end)
        assert.equal(10000, sub:read(hook).waiting)
        sub:remove(hook)
        assert.equal(0, w.db:value("select count(*) from plugin_webhooks_out.deliveries "
            .. "where message_id like 'old%'"))
    end)

    it("is for administrators, and knows none that is not there", function()
        local hook = sub:endpoint()
        for _, who in ipairs({ w:vendor(), w:buyer() }) do
            w:expect(403, "GET", sub.PATH, who)
            w:expect(403, "POST", hook.at .. "/secret", who)
        end
        w:expect(401, "GET", sub.PATH)
        local gone = sub.PATH .. "/" .. NOBODY
        w:expect(404, "GET", gone, admin)
        w:expect(404, "PATCH", gone, admin, { isActive = true })
        w:expect(404, "DELETE", gone, admin)
        w:expect(404, "POST", gone .. "/secret", admin)
        w:expect(404, "POST", gone .. "/test", admin)
        w:expect(404, "GET", gone .. "/deliveries", admin)
        w:expect(404, "POST", gone .. "/replay", admin, { since = "2026-01-27T10:30:00Z" })
        w:expect(404, "POST", hook.at .. "/deliveries/1/replay", admin)
        w:expect(404, "POST", hook.at .. "/deliveries/1/skip", admin)
    end)

    it("refuses what is no address and no type of event", function()
        for _, url in ipairs({ "ftp://example.com/", "example.com", "https://", "https://a b/",
            "https://user:word@example.com/", "https://example.com\\@127.0.0.1/" }) do
            w:expect(422, "POST", sub.PATH, admin, { url = url, events = { "*" } })
        end
        for _, event in ipairs({ "order", "**", "*.paid", "Order.paid", "order.*.x", "'" }) do
            w:expect(422, "POST", sub.PATH, admin,
                { url = "https://example.com/", events = { event } })
        end
    end)
end)

describe("webhooks_out, as it is in production,", function()
    local w

    setup(function()
        w = subscriber.world()
    end)
    teardown(function()
        w:stop()
    end)

    it("takes no address of ours, and connects to none that a name stands for", function()
        for _, url in ipairs({ "http://example.com/", "https://127.0.0.1/", "https://[::1]:3001/",
            "https://localhost/", "https://169.254.169.254/latest", "https://10.1.2.3/" }) do
            w:expect(422, "POST", subscriber.PATH, w:admin(), { url = url, events = { "*" } })
        end
        local at = {}
        for i, host in ipairs({ "somebody.localhost", "2130706433", "127.1" }) do
            at[i] = subscriber.PATH .. "/" .. w:expect(201, "POST", subscriber.PATH, w:admin(), {
                url = ("https://%s:%d/"):format(host, w.port), events = { "order.*" },
            }).endpoint.id
            w:expect(202, "POST", at[i] .. "/test", w:admin())
        end
        for _, path in ipairs(at) do
            shell.wait_until("a try at " .. path, subscriber.WAIT_S, function()
                local one = w:expect(200, "GET", path .. "/deliveries", w:admin()).data[1]
                return one.attempts > 0 and one.problem == "the address is not a public one"
            end)
        end
    end)
end)
