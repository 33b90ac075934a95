--- `souk ledger`: the whole output for the worked example of the domain.
local books = require("spec.lua.books")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("souk ledger", function()
    local w, made

    setup(function()
        w = world.start()
        made = story.paid_by_two(w)
        shell.wait_until("Stripe's fee is posted", 30, function()
            return story.count(w, "stripe_fee", made.order.id) == 1
        end)
        for name, shop in pairs({ Ana = made.a, ["Bø"] = made.b }) do
            w.db:query(("update vendors set business_name = '%s' where id = '%s'"):format(name,
                shop.vendor_id))
        end
    end)

    teardown(function()
        w:stop()
    end)

    --- The output and the exit code.
    local function run(arguments)
        local output, code = shell.run(("SOUK_HOME=%s DATABASE_URL=%s %s ledger %s "
            .. "--conf conf/test.conf 2>&1"):format(shell.quote(w.server.home),
            shell.quote(w.db.url), w.server.binary, arguments))
        return output:gsub("\n$", ""), code
    end

    --- With the times of the table made the same.
    local function table_of(arguments)
        local output, code = run(arguments)
        assert.equal(0, code, output)
        return (output:gsub("%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d", "2026-11-23 09:15:00"))
    end

    local function post(kind, vendor, amount)
        w.db:query(("select ledger_post('%s', gen_random_uuid(), '%s', 'USD', "
            .. "array['vendor:%s', 'stripe'], array[%d, %d])"):format(kind, made.order.id,
            vendor.vendor_id, amount, -amount))
    end

    it("shows the worked example from charge to transfers", function()
        post("transfer", made.a, 5400)
        post("transfer", made.b, 3600)
        assert.equal(("order %s   CONFIRMED   100.00 USD"):format(made.order.number) .. [[


time (UTC)           event       stripe     Ana      Bø  platform_fee  stripe_fee
-------------------  ----------  ------  ------  ------  ------------  ----------
2026-11-23 09:15:00  paid        100.00  -54.00  -36.00        -10.00
                     =           100.00  -54.00  -36.00        -10.00
2026-11-23 09:15:00  stripe_fee   -3.20                                      3.20
                     =            96.80  -54.00  -36.00        -10.00        3.20
2026-11-23 09:15:00  transfer    -54.00   54.00
                     =            42.80    0.00  -36.00        -10.00        3.20
2026-11-23 09:15:00  transfer    -36.00           36.00
-------------------  ----------  ------  ------  ------  ------------  ----------
                     balance       6.80    0.00    0.00        -10.00        3.20

all accounts together: 0.00 USD]], table_of(made.order.id))
    end)

    it("takes the order's number as well", function()
        assert.equal(table_of(made.order.id), table_of(made.order.number))
        assert.equal(table_of(made.order.id), table_of(made.order.number:lower()))
    end)

    it("shows each currency by itself, with its own digits", function()
        w.db:query(("select ledger_post('adjustment', gen_random_uuid(), '%s', 'JPY', "
            .. "array['loss', 'bank'], array[1200, -1200])"):format(made.order.id))
        local output = table_of(made.order.id)
        assert.truthy(output:find([[
2026-11-23 09:15:00  adjustment  -1200  1200
-------------------  ----------  -----  ----
                     balance     -1200  1200

all accounts together: 0 JPY]], 1, true), output)
    end)

    it("says in plain words that nothing was posted, or that there is no such order", function()
        local unpaid = story.ordered(w)
        assert.equal(("order %s   PENDING   60.00 USD\n\nnothing was posted for it: no money has "
            .. "moved"):format(unpaid.order.number), table_of(unpaid.order.number))
        local output, code = run("S99999999")
        assert.same({ "there is no order S99999999: name its id or its number", 1 },
            { output, code })
    end)

    it("shows every account's balance when no order is named", function()
        local output = table_of("")
        assert.truthy(output:find("\nstripe%s+6%.80\n"), output)
        assert.truthy(output:find("\nvendor:" .. made.a.vendor_id:gsub("%-", "%%-")
            .. "  Ana%s+0%.00\n"), output)
        assert.truthy(output:find("all accounts together: 0.00 USD", 1, true), output)
        assert.equal(680, books.balance(w, "stripe"))
    end)

    it("says loudly when the books do not add up", function()
        w.db:query("begin; set local session_replication_role = replica; update ledger_postings "
            .. "set amount_minor = amount_minor + 1 where account = 'platform_fee'; commit")
        assert.truthy(run(made.order.id):find("THE ACCOUNTS DO NOT ADD UP: 0.01 USD too much", 1,
            true))
        w.db:query("begin; set local session_replication_role = replica; update ledger_postings "
            .. "set amount_minor = amount_minor - 1 where account = 'platform_fee'; commit")
    end)

    it("tells how it is used", function()
        local output, code = run("one two")
        assert.equal(1, code)
        assert.truthy(output:find("usage: souk ledger", 1, true), output)
    end)
end)
