local books = require("spec.lua.books")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("GET /api/admin/ledger", function()
    local w, made

    setup(function()
        w = world.start()
        made = story.paid_by_two(w)
        books.post_at(w, "2026-01-15 12:00:00+00", "old_one", made.order.id, "'bank', 'loss'",
            "7, -7")
        books.post_at(w, "2026-01-16 12:00:00+00", "old_two", nil, "'bank', 'loss'", "1, -1")
    end)

    teardown(function()
        w:stop()
    end)

    local function get(query)
        return w:expect(200, "GET", "/api/admin/ledger" .. query, w:admin())
    end

    local filters = {
        { "from", "?from=2026-01-16T12:00:00Z&to=2026-02-01T00:00:00Z", { "old_two" } },
        { "to, which is not within", "?to=2026-01-16T12:00:00Z", { "old_one" } },
        { "a zone that is not UTC", "?to=2026-01-16T13:00:00%2B01:00", { "old_one" } },
        { "account", "?account=bank", { "old_two", "old_one" } },
        { "kind", "?kind=old_two", { "old_two" } },
    }
    for _, case in ipairs(filters) do
        it("filters by " .. case[1], function()
            local kinds, page = {}, get(case[2])
            for i, row in ipairs(page.data) do
                kinds[i] = row.kind
            end
            assert.same(case[3], kinds)
            assert.equal(#case[3], page.page.total)
        end)
    end

    it("filters by order", function()
        local found = {}
        for _, row in ipairs(get("?orderId=" .. made.order.id).data) do
            found[row.kind] = true
        end
        assert.is_true(found.paid and found.old_one and not found.old_two)
    end)

    it("is a file, oldest first", function()
        local answer = w:request("GET", "/api/admin/ledger?format=csv&to=2026-02-01T00:00:00Z",
            w:admin())
        assert.equal("text/csv; charset=utf-8; header=present", answer.headers["content-type"])
        local lines = {}
        for line in answer.body:gmatch("([^\r]*)\r\n") do
            lines[#lines + 1] = line:gsub("%x+%-%x+%-%x+%-%x+%-%x+", "id")
        end
        assert.same({
            "time,transaction,kind,ref,order,account,amount,currency",
            "2026-01-15T12:00:00.000Z,id,old_one,id," .. made.order.number .. ",bank,0.07,USD",
            "2026-01-15T12:00:00.000Z,id,old_one,id," .. made.order.number .. ",loss,-0.07,USD",
            "2026-01-16T12:00:00.000Z,id,old_two,id,,bank,0.01,USD",
            "2026-01-16T12:00:00.000Z,id,old_two,id,,loss,-0.01,USD",
        }, lines)
    end)

    it("shows the trial balance as of an instant that is past", function()
        local path = "/api/admin/ledger/trial-balance?asOf=2026-01-15T12:00:00Z"
        local then_ = w:expect(200, "GET", path, w:admin())
        assert.same({ { account = "bank", currency = "USD", balance = 7 },
            { account = "loss", currency = "USD", balance = -7 } }, then_.data)
        assert.same({ { currency = "USD", balance = 0 } }, then_.sums)
        local file = w:request("GET", path .. "&format=csv", w:admin()).body
        assert.equal("account,vendor,balance,currency\r\nbank,,0.07,USD\r\nloss,,-0.07,USD\r\n",
            file)
    end)

    it("names vendors in the file of the trial balance", function()
        local body = w:request("GET", "/api/admin/ledger/trial-balance?format=csv", w:admin()).body
        assert.truthy(body:find("vendor:" .. made.a.vendor_id .. ",Shop ", 1, true), body)
    end)
end)
