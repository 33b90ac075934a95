local client = require("spec.support.client")
local subscriber = require("plugins.webhooks_out.spec.subscriber")

describe("webhooks_out", function()
    local sub, w, admin

    setup(function()
        sub = subscriber.start()
        w = sub.w
        admin = w:admin()
    end)
    teardown(function()
        sub:stop()
    end)

    it("tells of an order, signed so that the README's ways of checking take it", function()
        local hook = sub:endpoint(nil, { "order.confirmed" })
        local buyer = w:buyer()
        w:add(buyer, w:product(w:vendor()))
        local order = w:checkout(buyer)
        w:pay(buyer, order)
        local one = sub:come(hook, 1)[1]
        assert.equal("order.confirmed", one.json.type)
        assert.equal(order.id, one.json.data.orderId)
        assert.equal(one.json.id, one.headers["webhook-id"])
        assert.equal("application/json", one.headers["content-type"])
        assert.same({ true, true }, { sub.checked(hook.secret, one) })
        assert.same({ false, true }, { sub.checked(hook.secret, one, os.time() + 301) })
        one.body = one.body .. " "
        assert.same({ false, false }, { sub.checked(hook.secret, one) })
    end)

    it("tells each endpoint what it wants, and of nothing else", function()
        local exact = sub:endpoint()
        local family = sub:endpoint(nil, { "kin.*" })
        local all = sub:endpoint(nil, { "*" })
        sub:happen("kin.born")
        sub:happen("kindred.met")
        sub:happen(exact.type)
        sub:come(all, 3)
        sub:come(exact, 1)
        sub:wait_for("nothing waits", function()
            return sub:read(family).waiting == 0 and sub:read(exact).waiting == 0
        end)
        local function types(hook)
            local list = {}
            for i, one in ipairs(sub:seen(hook)) do
                list[i] = one.json.type
            end
            return list
        end
        assert.same({ exact.type }, types(exact))
        assert.same({ "kin.born" }, types(family))
        assert.same({ "kin.born", "kindred.met", exact.type }, types(all))
        sub:remove(all)
    end)

    it("tries again with the same id and bytes, the next event waits, others do not", function()
        local slow = sub:endpoint({ { status = 500 }, { hang = true }, { status = 200 } })
        local quick = sub:endpoint(nil, { slow.type })
        sub:happen(slow.type, 3)
        assert.equal("1:200 2:200 3:200", sub.numbers(sub:come(quick, 3)))
        local list = sub:come(slow, 5)
        assert.equal("1:500 1:0 1:200 2:200 3:200", sub.numbers(list))
        assert.equal(list[1].body, list[3].body)
        assert.equal(list[1].headers["webhook-id"], list[3].headers["webhook-id"])
        assert.is_true(list[2].at - list[1].at >= 0.9)
        assert.is_true(sub:seen(quick)[3].at < list[3].at)
        sub:wait_until_done(slow, 3)
        assert.same({ 3, 200, client.null },
            { sub:log(slow)[3].attempts, sub:log(slow)[3].status, sub:log(slow)[3].problem })
    end)

    it("pauses an endpoint that keeps failing, tells of it, and goes on in order", function()
        local told = sub:endpoint(nil, { "plugin.webhooks_out.endpoint_paused" })
        local hook = sub:endpoint({ { status = 503, body = "\0no\255 " .. ("x"):rep(600) } })
        sub:happen(hook.type, 2)
        local paused = sub:wait_until_paused(hook)
        assert.equal("answered 503", paused.pausedReason)
        assert.equal(2, paused.waiting)
        assert.equal(hook.id, sub:come(told, 1)[1].json.data.endpointId)
        local entry = sub:log(hook)[2]
        assert.same({ "NEW", 3, 503 }, { entry.state, entry.attempts, entry.status })
        assert.equal("?no? " .. ("x"):rep(495), entry.answer)
        assert.is_string(entry.nextAt)
        sub:answer(hook.path, { { status = 204 } })
        assert.is_true(sub:change(hook, { isActive = true }).isActive)
        assert.equal("1:503 1:503 1:503 1:204 2:204", sub.numbers(sub:come(hook, 5)))
    end)

    it("pauses one that is gone at once; what it stopped at can be given up", function()
        local hook = sub:endpoint({ { status = 410 }, { status = 200 } })
        sub:happen(hook.type, 2)
        assert.equal("answered 410", sub:wait_until_paused(hook).pausedReason)
        local first = sub:log(hook)[2].id
        w:expect(204, "POST", ("%s/deliveries/%d/skip"):format(hook.at, first), admin)
        sub:change(hook, { isActive = true })
        assert.equal("1:410 2:200", sub.numbers(sub:come(hook, 2)))
        assert.equal("DEAD", sub:log(hook)[2].state)
    end)

    it("follows no redirect", function()
        local elsewhere = "/elsewhere"
        local location = "Location: " .. elsewhere .. "\r\n"
        local hook = sub:endpoint({ { status = 307, headers = location } })
        sub:happen(hook.type)
        sub:come(hook, 1)
        assert.equal(0, #sub:seen({ path = elsewhere }))
        sub:remove(hook)
    end)

    it("sends nothing that somebody else is sending, until its time is over", function()
        local hook = sub:endpoint()
        sub:change(hook, { isActive = false })
        sub:happen(hook.type)
        sub:wait_for("it waits", function()
            return sub:read(hook).waiting == 1
        end)
        local function lease(time)
            w.db:query(("update plugin_webhooks_out.deliveries set leased_until = %s "
                .. "where endpoint_id = '%s'"):format(time, hook.id))
        end
        lease("now() + interval '1 hour'")
        sub:change(hook, { isActive = true })
        local other = sub:endpoint(nil, { "*" })
        sub:happen(other.type)
        sub:come(other, 1)
        assert.equal(0, #sub:seen(hook))
        lease("now()")
        sub:come(hook, 1)
        sub:remove(other)
    end)
end)
