--- A vendor's way through onboarding as a person goes it: our link, Stripe's page, and back.
local shell = require("spec.support.shell")
local tools = require("spec.conformance.tools")
local world = require("spec.support.world")

local EMPTY = "{}"

describe("Onboarding in a browser", function()
    it("leads there and back, and what was done there is known here", function()
        local why = tools.missing("with a browser")
        if why then
            return tools.skip(why)
        end
        local w = world.start()
        local vendors, words = {}, { "connect_page.mjs" }
        for i = 1, 3 do
            vendors[i] = w:vendor()
            local answer = w:expect(201, "POST", "/api/vendor/stripe/account-link",
                vendors[i], EMPTY)
            words[#words + 1] = shell.quote(answer.url)
        end
        local other = w:vendor()
        w:onboard(other)
        words[#words + 1] = shell.quote(
            w:expect(200, "POST", "/api/vendor/stripe/login-link", other, EMPTY).url)

        local code, output = tools.node(table.concat(words, " "))

        assert.equal(0, code, output)
        assert.matches("\n4 passed, 0 failed\n", output)
        local function status(vendor)
            return w:expect(200, "GET", "/api/vendor/stripe/status", vendor)
        end
        shell.wait_until("the news of the first", 30, function()
            return status(vendors[1]).transfersEnabled
        end)
        shell.wait_until("the news of the second", 30, function()
            return #status(vendors[2]).currentlyDue == 1
        end)
        assert.is_false(status(vendors[2]).transfersEnabled)
        assert.is_false(status(vendors[3]).detailsSubmitted)
        w:stop()
    end)
end)
