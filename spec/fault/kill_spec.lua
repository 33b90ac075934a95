--- kill -9: of one worker, and of everything in the middle of checkouts.
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local socket = require("socket")
local world = require("spec.support.world")

local ROUNDS = 8
local BUYERS = 12

describe("kill -9", function()
    local w, shop

    setup(function()
        w = world.start()
        shop = w:vendor()
    end)

    teardown(function()
        w:stop()
    end)

    it("of a worker is made good, while the others serve", function()
        local before = w.server:workers()
        assert.equal(2, #before)
        w.server:signal("KILL", before[1])
        shell.wait_until("a new worker", 20, function()
            local now = w.server:workers()
            return #now == 2 and now[1] ~= before[1] and now[2] ~= before[1]
        end)
        shell.wait_until("readiness", 20, function()
            return w:request("GET", "/ready").status == 200
        end)
        for _ = 1, 50 do
            assert.equal(200, w:request("GET", "/api/products").status)
        end
    end)

    --- The child of the master that is no worker; nil when there is none.
    local function checker(workers)
        local is_worker = {}
        for _, pid in ipairs(workers) do
            is_worker[pid] = true
        end
        for _, pid in ipairs(w.server:workers()) do
            if not is_worker[pid] then
                return pid
            end
        end
    end

    --- The next master makes its snapshot where the last one's child would still be writing.
    it("of the master ends the check of a reload with it", function()
        for round = 1, 3 do
            local workers
            shell.wait_until("two workers", 10, function()
                workers = w.server:workers()
                return #workers == 2
            end)
            local pid = shell.wait_until("the check", 20, function()
                w.server:signal("HUP") -- again, when it was over before it was seen
                socket.sleep(0.01)
                return checker(workers)
            end)
            socket.sleep(0.03 * (round - 1))
            shell.run("kill -KILL " .. w.server.pid)
            shell.wait_until("the end of the check", 10, function()
                local stat = shell.read(("/proc/%d/stat"):format(pid)) or ""
                return (stat:match("%) (%a)") or "Z") == "Z"
            end)
            shell.wait_until("its end", 10, function()
                return w.server:exit_code()
            end)
            w.server:restart()
        end
    end)

    --- Every buyer sends his checkout; the server dies under it, at another moment each round.
    local function press_and_kill(buyers, round)
        local entries = {}
        for i, buyer in ipairs(buyers) do
            entries[i] = w:prepared("POST", "/api/checkout", buyer.who,
                { shippingAddress = world.ADDRESS }, { ["Idempotency-Key"] = buyer.key })
        end
        entries[#entries + 1] = function()
            for _ = 1, round - 1 do
                w:request("GET", "/health")
            end
            w.server:kill_all()
        end
        return client.parallel(entries)
    end

    it("of everything in mid-checkout loses nothing that was acknowledged", function()
        local lamp = w:product(shop, { stock = 10000 })
        local orders = 0
        for round = 1, ROUNDS do
            local buyers = {}
            for i = 1, BUYERS do
                buyers[i] = { who = w:buyer(), key = ("round-%d-%d"):format(round, i) }
                w:add(buyers[i].who, lamp)
            end
            local answers = press_and_kill(buyers, round)
            w.server:restart()
            for i, buyer in ipairs(buyers) do
                local repeated = w:checkout(buyer.who, { ["Idempotency-Key"] = buyer.key })
                if answers[i].status == 201 then
                    assert.equal(answers[i].json.id, repeated.id)
                end
            end
            orders = orders + BUYERS
            local _, reserved = w:stock(shop, lamp)
            assert.equal(orders, reserved)
            w:assert_invariants()
        end
        assert.equal(orders, w.db:value("select count(*) from orders"))
    end)
end)
