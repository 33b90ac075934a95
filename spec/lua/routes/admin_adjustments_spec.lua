local books = require("spec.lua.books")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("/api/admin/adjustments", function()
    local w, made, first, second

    setup(function()
        w = world.start()
        made = story.paid_by_two(w)
        first, second = w:admin(), books.second_admin(w)
    end)

    teardown(function()
        w:stop()
    end)

    local function body(changes)
        local all = {
            currency = "USD", reason = "Parcel lost by us", orderId = made.order.id,
            postings = {
                { account = "loss", amount = 250 },
                { account = "vendor:" .. made.a.vendor_id, amount = -250 },
            },
        }
        for name, value in pairs(changes or {}) do
            all[name] = value
        end
        return all
    end

    local function propose(changes)
        return w:expect(201, "POST", "/api/admin/adjustments", first, body(changes))
    end

    local function decide(id, action, who, headers)
        return w:request("POST", ("/api/admin/adjustments/%s/%s"):format(id, action), who,
            { reason = "seen" }, headers)
    end

    local function open_amount(shop)
        local page = w:expect(200, "GET", "/api/vendor/payouts?status=PENDING", shop)
        return page.data[1].amount.amount
    end

    it("posts nothing until another administrator approves", function()
        local proposed = propose()
        assert.same({ "PROPOSED", first.email }, { proposed.status, proposed.proposedBy.email })
        assert.equal(0, books.balance(w, "loss"))
        local refused = decide(proposed.id, "approve", first)
        assert.same({ 409, "second_person_required" }, { refused.status, refused.json.code })
        assert.equal(0, books.balance(w, "loss"))
        local posted = decide(proposed.id, "approve", second)
        assert.same({ 200, "POSTED", second.email },
            { posted.status, posted.json.status, posted.json.decidedBy.email })
        assert.same({ loss = 250, [made.a.vendor_id] = -250 },
            story.postings(w, made.order.id, "adjustment"))
    end)

    it("puts what a vendor gets into its open payout, in the same moment", function()
        assert.equal(5650, open_amount(made.a))
        assert.equal(-5650, books.balance(w, "vendor:" .. made.a.vendor_id))
        w:assert_invariants()
    end)

    it("opens a payout for a vendor that has none, and takes as well as gives", function()
        local shop = w:vendor()
        local proposed = propose({ postings = {
            { account = "vendor:" .. shop.vendor_id, amount = 30 },
            { account = "vendor:" .. made.b.vendor_id, amount = -30 },
        } })
        assert.equal(200, decide(proposed.id, "approve", second).status)
        assert.same({ -30, 3630 }, { open_amount(shop), open_amount(made.b) })
        w:assert_invariants()
    end)

    it("ends once, posted or rejected", function()
        local proposed = propose()
        assert.equal("REJECTED", decide(proposed.id, "reject", first).json.status)
        for _, action in ipairs({ "approve", "reject" }) do
            local again = decide(proposed.id, action, second)
            assert.same({ 409, "illegal_step" }, { again.status, again.json.code })
        end
        assert.equal(0, w.db:value("select count(*) from ledger_transactions where ref = '"
            .. proposed.id .. "'"))
    end)

    it("is approved once by many at once", function()
        local client = require("spec.support.client")
        local proposed, before = propose(), books.balance(w, "loss")
        local requests = {}
        for i = 1, 8 do
            requests[i] = w:prepared("POST", ("/api/admin/adjustments/%s/approve"):format(
                proposed.id), second, {})
        end
        local ended = {}
        for _, answer in ipairs(client.parallel(requests)) do
            ended[answer.status] = (ended[answer.status] or 0) + 1
        end
        assert.same({ [200] = 1, [409] = 7 }, ended)
        assert.equal(before + 250, books.balance(w, "loss"))
        w:assert_invariants()
    end)

    it("proposes once for one Idempotency-Key", function()
        local key = { ["Idempotency-Key"] = "adjust-1" }
        local one = w:expect(201, "POST", "/api/admin/adjustments", first, body(), key)
        local two = w:expect(201, "POST", "/api/admin/adjustments", first, body(), key)
        assert.equal(one.id, two.id)
    end)

    local vendor = "vendor:01a2c0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6"
    local wrong = {
        { "must add up to 0", { { account = "loss", amount = 2 },
            { account = "bank", amount = -1 } } },
        { "is no account", { { account = "pocket", amount = 2 },
            { account = "bank", amount = -2 } } },
        { "is no account", { { account = "vendor:x", amount = 2 },
            { account = "bank", amount = -2 } } },
        { "there is no vendor", { { account = vendor, amount = 2 },
            { account = "bank", amount = -2 } } },
        { "is named twice", { { account = "loss", amount = 2 },
            { account = "loss", amount = -2 } } },
        { "must not be 0", { { account = "loss", amount = 0 },
            { account = "bank", amount = 0 } } },
        { "must be a list", { { account = "loss", amount = 1 } } },
    }
    for _, case in ipairs(wrong) do
        it("refuses postings of which one " .. case[1], function()
            local answer = w:request("POST", "/api/admin/adjustments", first,
                body({ postings = case[2] }))
            assert.equal(422, answer.status)
            assert.truthy(answer.body:find(case[1], 1, true), answer.body)
        end)
    end

    it("refuses a currency that was never booked", function()
        local refused = w:expect(422, "POST", "/api/admin/adjustments", first,
            body({ currency = "ZZZ" }))
        assert.equal("currency", refused.details[1].field)
    end)

    it("refuses an order that is not there, and tells all faults at once", function()
        local answer = w:request("POST", "/api/admin/adjustments", first, body({
            orderId = made.a.vendor_id,
            postings = { { account = "x-account", amount = 1 }, { account = vendor, amount = 1 } },
        }))
        assert.same({ 422, 4 }, { answer.status, #answer.json.details })
    end)

    it("keeps who did what and why", function()
        local proposed = propose({ reason = "kept" })
        decide(proposed.id, "approve", second)
        local rows = w:expect(200, "GET", "/api/admin/audit-log?object=adjustment:" .. proposed.id,
            first).data
        assert.same({ "adjustment.approve", "seen", second.email, "adjustment.propose", "kept",
            first.email }, { rows[1].action, rows[1].reason, rows[1].actor.email, rows[2].action,
            rows[2].reason, rows[2].actor.email })
    end)

    it("lists them by status, newest first", function()
        local page = w:expect(200, "GET", "/api/admin/adjustments?status=PROPOSED", first)
        assert.equal(1, page.page.total)
        assert.equal("PROPOSED", page.data[1].status)
        local one = w:expect(200, "GET", "/api/admin/adjustments/" .. page.data[1].id, first)
        assert.same(page.data[1], one)
        assert.equal(404, w:request("GET", "/api/admin/adjustments/" .. made.order.id,
            first).status)
        assert.equal(404, decide(made.order.id, "approve", second).status)
    end)

    it("shows in the vendor's statement with its reason", function()
        local rows = w.db:query("select kind, amount_minor, note from statement_lines('"
            .. made.a.vendor_id .. "', 'infinity') where note = 'kept'")
        assert.same({ { "ADJUSTMENT", "250", "kept" } }, rows)
    end)
end)
