local tools = require("spec.conformance.tools")

describe("The payment page in a browser", function()
    it("takes a payment as a person would make it", function()
        local why = tools.missing("with a browser")
        if why then
            return tools.skip(why)
        end
        local code, output = tools.node("pay_page.mjs")
        assert.equal(0, code, output)
        assert.matches("\n%d+ passed, 0 failed\n", output)
    end)
end)
