local tools = require("spec.conformance.tools")

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
