--- Statements are the ledger, cut into months.
local books = require("spec.lua.books")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("flows.statement", function()
    local w, made, this_month

    setup(function()
        shell.keep_off_midnight(60)
        this_month = os.date("!%Y-%m")
        w = world.start()
        made = story.paid_by_two(w)
    end)

    teardown(function()
        w:stop()
    end)

    local function get(shop, month, query)
        return w:expect(200, "GET", ("/api/vendor/statements/%s%s"):format(month or this_month,
            query or ""), shop)
    end

    --- The statement once it has that many lines: what has just been posted shows a moment later.
    local function with_lines(shop, count)
        local seen
        shell.wait_until(count .. " lines", 30, function()
            seen = get(shop)
            return seen.data[1] and #seen.data[1].lines == count
        end)
        return seen
    end

    local function brief(lines)
        local out = {}
        for i, line in ipairs(lines) do
            out[i] = ("%s %d = %d"):format(line.kind, line.amount, line.balance)
        end
        return out
    end

    it("shows a sale and the fee of it as two lines, with a running balance", function()
        local part = with_lines(made.a, 2).data[1]
        assert.same({ "SALE 6000 = 6000", "FEE -600 = 5400" }, brief(part.lines))
        assert.same({ "USD", 0, 6000, 600, 5400 },
            { part.currency, part.opening, part.credits, part.debits, part.closing })
        assert.equal(made.order.number, part.lines[1].orderNumber)
        assert.equal(5400, -books.balance(w, "vendor:" .. made.a.vendor_id))
    end)

    it("shows a refund with its reason and the fee that came back", function()
        w:expect(200, "POST", "/api/vendor/orders/" .. story.part(w, made, made.b).id .. "/cancel",
            made.b, { reason = "=cmd()" })
        local part = with_lines(made.b, 4).data[1]
        assert.same({ "SALE 4000 = 4000", "FEE -400 = 3600", "REFUND -4000 = -400",
            "FEE 400 = 0" }, brief(part.lines))
        assert.equal("=cmd()", part.lines[3].note)
        assert.equal(0, part.closing)
    end)

    it("names transfers, reversals, disputes, payouts and adjustments", function()
        local shop = w:vendor()
        local account = "'vendor:" .. shop.vendor_id .. "'"
        for i, kind in ipairs({ "transfer", "reversal", "dispute_lost", "payout_manual",
            "payout_returned" }) do
            books.post_at(w, ("2026-02-0%d 12:00+00"):format(i), kind, nil, account .. ", 'stripe'",
                ("%d, %d"):format(i, -i))
        end
        assert.same({ "TRANSFER -1 = -1", "REVERSAL -2 = -3", "DISPUTE -3 = -6",
            "PAYOUT -4 = -10", "PAYOUT_RETURNED -5 = -15" },
            brief(get(shop, "2026-02").data[1].lines))
    end)

    it("cuts months at midnight UTC, and hands the balance on", function()
        local shop = w:vendor()
        local account = "'vendor:" .. shop.vendor_id .. "', 'loss'"
        books.post_at(w, "2026-01-31 23:59:59.999999+00", "odd", nil, account, "-100, 100")
        books.post_at(w, "2026-02-01 00:00:00+00", "odd", nil, account, "-20, 20")
        books.post_at(w, "2026-02-28 23:59:59.999999+00", "odd", nil, account, "5, -5")
        books.post_at(w, "2026-04-01 00:00:00+00", "odd", nil, account, "-1, 1")
        local found = {}
        for _, month in ipairs({ "2026-01", "2026-02", "2026-03", "2026-04" }) do
            local part = get(shop, month).data[1]
            found[#found + 1] = { part.opening, part.credits, part.debits, part.closing,
                #part.lines }
        end
        assert.same({ { 0, 100, 0, 100, 1 }, { 100, 20, 5, 115, 2 }, { 115, 0, 0, 115, 0 },
            { 115, 1, 0, 116, 1 } }, found)
        local months = {}
        for i, row in ipairs(w:expect(200, "GET", "/api/vendor/statements", shop).data) do
            months[i] = { row.month, row.opening, row.credits, row.debits, row.closing }
        end
        assert.same({ { "2026-04", 115, 1, 0, 116 }, { "2026-02", 100, 20, 5, 115 },
            { "2026-01", 0, 100, 0, 100 } }, months)
        assert.same({}, get(shop, "2025-12").data)
    end)

    it("is the same text for ever as of an instant that is past", function()
        local shop = w:vendor()
        local account = "'vendor:" .. shop.vendor_id .. "', 'loss'"
        books.post_at(w, "2026-03-05 10:00:00.000+00", "odd", nil, account, "-100, 100")
        local path = "/api/vendor/statements/2026-03?asOf=2026-03-05T10:00:00.500Z"
        local before = w:request("GET", path, shop).body
        local csv = w:request("GET", path .. "&format=csv", shop).body
        books.post_at(w, "2026-03-05 10:00:00.501+00", "odd", nil, account, "-7, 7")
        assert.equal(before, w:request("GET", path, shop).body)
        assert.equal(csv, w:request("GET", path .. "&format=csv", shop).body)
        assert.truthy(before:find('"closing": 100', 1, true), before)
        assert.equal(107, get(shop, "2026-03").data[1].closing)
        assert.same({}, get(shop, "2026-03", "?asOf=2026-03-05T09:00:00Z").data)
    end)

    it("speaks of no instant at which something may still appear", function()
        local shop = w:vendor()
        local session = w.db:hold(("select ledger_post('odd', gen_random_uuid(), null, 'USD', "
            .. "array['vendor:%s', 'loss'], array[-100, 100])"):format(shop.vendor_id))
        local early = get(shop)
        assert.same({}, early.data)
        session:release()
        shell.wait_until("the line is there", 30, function()
            return #get(shop).data == 1
        end)
        assert.same({}, get(shop, this_month, "?asOf=" .. early.asOf).data)
    end)

    it("refuses what is no month, and knows none that has not begun", function()
        for _, month in ipairs({ "2026-13", "2026-00", "26-1-01", "0000-01", "2026-1a" }) do
            assert.equal(422, w:request("GET", "/api/vendor/statements/" .. month, made.a).status,
                month)
        end
        assert.equal(404, w:request("GET", "/api/vendor/statements/2999-01", made.a).status)
    end)
end)
