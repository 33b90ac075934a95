local declines = require("flows.declines")

describe("declines.public", function()
    for _, code in ipairs({ "lost_card", "stolen_card", "fraudulent", "pickup_card" }) do
        it("does not say " .. code, function()
            local shown, text = declines.public("card_declined", code)
            assert.equal("generic_decline", shown)
            assert.is_nil(text:find("lost") or text:find("stol") or text:find("fraud"))
        end)
    end

    it("says what a buyer can do something about", function()
        local code, text = declines.public("card_declined", "insufficient_funds")
        assert.equal("insufficient_funds", code)
        assert.truthy(text:find("insufficient funds"))
    end)

    it("falls back on the code when there is no decline code", function()
        assert.equal("expired_card", (declines.public("expired_card", nil)))
    end)

    it("tells codes it does not know as a plain decline", function()
        assert.equal("generic_decline", (declines.public("new_code", "newer_code")))
        assert.equal("generic_decline", (declines.public(nil, nil)))
    end)
end)
