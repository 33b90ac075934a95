local policies = require("flows.policies")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local WAIT_S = 60

describe("policies.problem_details", function()
    it("tells file, line and reason of a refusal", function()
        assert.same({ {
            field = "source", file = "lua/policies/fee.lua", line = 12, message = "no such tier",
        } }, policies.problem_details("policy fee: lua/policies/fee.lua:12: no such tier"))
    end)

    it("tells the reason alone where there is no place", function()
        assert.same({ { field = "source", message = "not enough memory" } },
            policies.problem_details("not enough memory"))
    end)
end)

describe("The file of a policy", function()
    local w, path, dir

    local function write(bps)
        local text = shell.read("lua/policies/fee.lua")
        shell.write(path, "-- " .. bps .. "\n" .. text:gsub("order.fee_bps or BPS_DEFAULT", bps)
            :gsub("expect = {[^}]*}", "expect = {}"))
    end

    local function start(env)
        dir = os.getenv("SOUK_HOME") .. "/lua_" .. env
        shell.must("rm -rf " .. shell.quote(dir) .. "; cp -r lua " .. shell.quote(dir))
        path = dir .. "/policies/fee.lua"
        w = world.start({ set = {
            ["lua.dir"] = dir, env = env, ["policy.watch_every_ms"] = 50,
        } })
    end

    local function bps_of_next()
        local part = story.ordered(w).order.vendorOrders[1]
        return part.platformFee.amount * 10000 / part.subtotal.amount
    end

    local function versions()
        return w:expect(200, "GET", "/api/admin/policies/fee/versions", w:admin()).data
    end

    after_each(function()
        w:stop()
    end)

    it("decides as soon as it is saved while developing", function()
        start("development")
        assert.equal(1000, bps_of_next())
        write(1200)
        shell.wait_until("the new version", WAIT_S, function()
            return #versions() == 2 and versions()[1].state == "ACTIVE"
        end)
        assert.equal(1200, bps_of_next())
        assert.same({ "ACTIVE", "DISK" }, { versions()[1].state, versions()[1].origin })
    end)

    it("that is wrong changes nothing, and is told of", function()
        start("test")
        assert.equal(1000, bps_of_next())
        shell.write(path, "return {\n  evaluate = 1\n}\n")
        shell.wait_until("a word about it", WAIT_S, function()
            return w.server:log():find("policy.file.refused", 1, true)
        end)
        assert.equal(1000, bps_of_next())
        assert.equal(1, #versions())
    end)

    it("waits for somebody's word in production", function()
        start("production")
        assert.equal(1000, bps_of_next())
        write(1200)
        shell.wait_until("the version to be kept", WAIT_S, function()
            return #versions() == 2
        end)
        assert.equal(1000, bps_of_next())
        assert.same({ "VALIDATED", "ACTIVE" }, { versions()[1].state, versions()[2].state })
        w.server:logged("policy.file.differs", true)
        w:expect(200, "POST", "/api/admin/policies/fee/versions/2/activate", w:admin(),
            { reason = "agreed" })
        assert.equal(1200, bps_of_next())
    end)
end)
