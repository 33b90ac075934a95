local payout_policy = require("flows.payout_policy")

describe("policy payout", function()
    it("pays by Stripe, every day, what was delivered", function()
        local terms = payout_policy.of({ vendor = { id = "v", tier = "none" }, currency = "USD" })
        assert.same({ "DELIVERED", 0, 0, "daily", "stripe" }, {
            terms.transfer_when, terms.hold_days, terms.minimum, terms.schedule.every,
            terms.provider,
        })
    end)

    it("lets the platform bear a lost dispute", function()
        local terms = payout_policy.of({
            vendor = { id = "v" }, currency = "USD", status = "lost", reason = "fraudulent",
        })
        assert.same({ "PLATFORM", false }, { terms.dispute_liable, terms.dispute_reverses })
    end)
end)
