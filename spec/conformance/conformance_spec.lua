local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local tools = require("spec.conformance.tools")

local SMOKE = "node spec/conformance/live-smoke/smoke.mjs "

describe("The Stripe emulator", function()
    it("satisfies the official SDK and Stripe's OpenAPI document", function()
        local why = tools.missing()
        if why then
            return tools.skip(why)
        end
        local code, output = tools.node("run.mjs")
        assert.equal(0, code, output)
        assert.matches("\n%d+ passed, 0 failed\n", output)
    end)
end)

describe("The script for Stripe's test mode", function()
    local process
    before_each(function()
        process = emulator.start()
    end)

    after_each(function()
        process:stop()
    end)

    local function run(key, argument)
        return shell.run(("STRIPE_SECRET_KEY=%s STRIPE_SMOKE_HOST=127.0.0.1:%d %s %s"):format(key,
            process.port, SMOKE, argument or ""))
    end

    it("goes through against the emulator", function()
        local why = tools.missing()
        if why then
            return tools.skip(why)
        end
        local id = run(emulator.KEY, "--new-account"):match("^acct_%w+")
        shell.must(("curl -fs -X POST %s/_emu/onboard/%s"):format(process.url, id))
        local output, code = run(emulator.KEY, id)
        assert.equal(0, code, output)
        assert.matches("\n18 passed, 0 failed, 0 skipped\n", output)
        assert.is_nil(output:find("note ", 1, true), output)
    end)

    it("is never run with a live key", function()
        local why = tools.missing()
        if why then
            return tools.skip(why)
        end
        for _, key in ipairs({ "sk_live_x", "''", "rk_live_1", "sk_test_" }) do
            local output, code = run(key)
            assert.equal(2, code, output)
        end
        local journal = shell.must(("curl -fs %s/_emu/journal"):format(process.url))
        assert.matches('"data":%[%]', journal)
    end)
end)
