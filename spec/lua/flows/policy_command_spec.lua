--- An operator's story at the shell, with a server that follows.
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local GOOD = [[
return {
    kind = "fee",
    note = "12 %",
    evaluate = function(o)
        return { fee = money.bps(o.subtotal, 1200), reason = "bps:1200" }
    end,
    examples = { { given = { subtotal = 10000, currency = "USD" }, expect = { fee = 1200 } } },
}
]]

describe("souk policy", function()
    local w, folder

    setup(function()
        w = world.start()
        folder = w.server.home
    end)
    teardown(function()
        w:stop()
    end)

    local function run(arguments)
        local output, code = shell.run(("SOUK_HOME=%s DATABASE_URL=%s CALLER=%s %s policy %s "
            .. "--conf conf/test.conf 2>&1"):format(shell.quote(folder), shell.quote(w.db.url),
            shell.quote(folder), w.server.binary, arguments))
        return output, code
    end

    it("checks a file without a database, and says line and reason", function()
        shell.write(folder .. "/fee.lua", (GOOD:gsub("fee = 1200", "fee = 1")))
        local output, code = shell.run(("SOUK_HOME=%s CALLER=%s %s policy check fee.lua "
            .. "--conf conf/test.conf 2>&1"):format(shell.quote(folder), shell.quote(folder),
            w.server.binary))
        assert.are_not.equal(0, code)
        assert.matches("example 1: fee is 1200, but 1 was expected", output, 1, true)
        shell.write(folder .. "/fee.lua", GOOD)
        output, code = run("check fee.lua")
        assert.equal(0, code, output)
        assert.matches("its examples hold", output, 1, true)
    end)

    it("shows the difference, simulates, activates and rolls back", function()
        local before = story.ordered(w).order
        shell.write(folder .. "/fee.lua", GOOD)
        local output = run("diff fee fee.lua")
        assert.matches('+   5          return { fee = money.bps(o.subtotal, 1200)', output, 1, true)
        output = run("simulate fee fee.lua --since 1d")
        assert.matches("1 change", output, 1, true)
        assert.matches("100 %", output, 1, true)
        output = run("activate fee 2 --reason agreed")
        assert.matches("fee version 2 decides from now on", output, 1, true)
        local after = story.ordered(w).order
        assert.equal(after.vendorOrders[1].subtotal.amount * 0.12,
            after.vendorOrders[1].platformFee.amount)
        assert.matches("2  ACTIVE", (run("list fee")), 1, true)
        assert.matches("bps:1200", (run("explain " .. after.id)), 1, true)
        assert.matches("version 1 decides again", (run("rollback fee")), 1, true)
        assert.equal(before.vendorOrders[1].feePolicyVersion,
            story.ordered(w).order.vendorOrders[1].feePolicyVersion)
    end)

    it("says what it knows when it is not understood", function()
        local output, code = run("abolish fee")
        assert.are_not.equal(0, code)
        assert.matches("usage: souk policy check FILE", output, 1, true)
    end)
end)
