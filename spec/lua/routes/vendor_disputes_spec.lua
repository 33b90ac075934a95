local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("GET /api/vendor/disputes", function()
    local w, made

    setup(function()
        w = world.start()
        made = story.paid_by_two(w)
        story.emulator(w, "POST",
            "/dispute/" .. made.payment.clientSecret:match("^(pi_%w+)_secret"), {})
        shell.wait_until("the dispute", 30, function()
            return w:expect(200, "GET", "/api/vendor/disputes", made.a).page.total == 1
        end)
    end)

    teardown(function()
        w:stop()
    end)

    it("shows a vendor its own part, and not a word of others or of the buyer", function()
        local answer = w:request("GET", "/api/vendor/disputes", made.b)
        local row = answer.json.data[1]
        assert.same({ 1, story.part(w, made, made.b).id, "OPEN", 4000, "PLATFORM" }, {
            answer.json.page.total, row.vendorOrderId, row.state, row.amount.amount, row.liable,
        })
        for _, hidden in ipairs({
            made.a.vendor_id, story.part(w, made, made.a).id, made.buyer.buyer_id,
            made.buyer.email, "Ada Buyer", "dp_", "pi_", "ch_",
        }) do
            assert.is_nil(answer.body:find(hidden, 1, true), hidden)
        end
    end)

    it("filters by state", function()
        for state, count in pairs({ OPEN = 1, WON = 0 }) do
            assert.equal(count, w:expect(200, "GET", "/api/vendor/disputes?state=" .. state,
                made.a).page.total)
        end
    end)

    it("is empty for a vendor without disputes, and for vendors only", function()
        assert.equal(0, w:expect(200, "GET", "/api/vendor/disputes", w:vendor()).page.total)
        for _, who in ipairs({ made.buyer, w:admin() }) do
            assert.equal(403, w:request("GET", "/api/vendor/disputes", who).status)
        end
    end)
end)
