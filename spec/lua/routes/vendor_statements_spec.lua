local books = require("spec.lua.books")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("GET /api/vendor/statements", function()
    local w, made, month

    setup(function()
        shell.keep_off_midnight(60)
        month = os.date("!%Y-%m")
        w = world.start()
        made = story.paid_by_two(w)
    end)

    teardown(function()
        w:stop()
    end)

    it("is a file by RFC 4180, which no spreadsheet can run", function()
        local shop = w:vendor()
        local account = "'vendor:" .. shop.vendor_id .. "', 'loss'"
        books.post_at(w, "2026-05-01 00:00:00+00", "odd", nil, account, "-105, 105")
        for i, reason in ipairs({ "=2+5", "+1", "-1", "@x", "a \"b\", c", "plain" }) do
            local id = ("30000000-0000-4000-8000-00000000000%d"):format(i)
            w.db:query(([[
                insert into adjustments (id, status, currency, postings, reason, proposed_by,
                    decided_by, decided_at)
                values ('%s', 'POSTED', 'USD', '[]', '%s', '%s',
                    (select id from users where id <> '%s' limit 1), now())]]):format(id, reason,
                w:admin().id, w:admin().id))
            w.db:query(([[
                begin; set local session_replication_role = replica;
                with t as (
                    insert into ledger_transactions (kind, ref, created_at)
                    values ('adjustment', '%s', '2026-05-02 00:00:0%d+00') returning id, created_at
                )
                insert into ledger_postings
                    (transaction_id, account, currency, amount_minor, created_at)
                select t.id, a, 'USD', n, t.created_at
                from t, (values ('vendor:%s', 5), ('loss', -5)) as v (a, n); commit]]):format(
                id, i, shop.vendor_id))
        end
        local answer = w:request("GET", "/api/vendor/statements/2026-05?format=csv", shop)
        assert.same({ 200, "text/csv; charset=utf-8; header=present",
            'attachment; filename="statement-2026-05.csv"' }, { answer.status,
            answer.headers["content-type"], answer.headers["content-disposition"] })
        assert.equal(table.concat({
            "time,kind,order,note,amount,balance,currency",
            "2026-05-01T00:00:00.000Z,OPENING,,,,0.00,USD",
            "2026-05-01T00:00:00.000Z,ODD,,,1.05,1.05,USD",
            "2026-05-02T00:00:01.000Z,ADJUSTMENT,,'=2+5,-0.05,1.00,USD",
            "2026-05-02T00:00:02.000Z,ADJUSTMENT,,'+1,-0.05,0.95,USD",
            "2026-05-02T00:00:03.000Z,ADJUSTMENT,,'-1,-0.05,0.90,USD",
            "2026-05-02T00:00:04.000Z,ADJUSTMENT,,'@x,-0.05,0.85,USD",
            '2026-05-02T00:00:05.000Z,ADJUSTMENT,,"a ""b"", c",-0.05,0.80,USD',
            "2026-05-02T00:00:06.000Z,ADJUSTMENT,,plain,-0.05,0.75,USD",
            "2026-06-01T00:00:00.000Z,CLOSING,,,,0.75,USD", "",
        }, "\r\n"), answer.body)
    end)

    it("writes amounts with the digits of their currency", function()
        assert.same({ { "-54.00", "5400", "5.400", "0.05" } }, w.db:query(
            "select money_text(-5400, 'USD'), money_text(5400, 'JPY'), money_text(5400, 'BHD'), "
            .. "money_text(5, 'EUR')"))
    end)

    it("shows an admin any vendor's, the same to the byte", function()
        local own
        shell.wait_until("the sale shows", 30, function()
            own = w:request("GET", "/api/vendor/statements/" .. month, made.a)
            return #own.json.data == 1
        end)
        local path = ("/api/admin/vendors/%s/statements/%s?asOf=%s"):format(made.a.vendor_id, month,
            own.json.asOf)
        assert.equal(own.body, w:request("GET", path, w:admin()).body)
        assert.equal(403, w:request("GET", path, made.a).status)
    end)

    it("is 404 for a vendor that is not there", function()
        assert.equal(404, w:request("GET", ("/api/admin/vendors/%s/statements/2026-01"):format(
            made.order.id), w:admin()).status)
    end)

    it("shows a vendor nothing of another's", function()
        local other = w:vendor()
        assert.same({}, w:expect(200, "GET", "/api/vendor/statements", other).data)
        assert.same({}, w:expect(200, "GET", "/api/vendor/statements/" .. month, other).data)
        assert.equal(403, w:request("GET", "/api/vendor/statements", made.buyer).status)
    end)
end)
