--- The ledger: it only grows, every transaction is 0, every event posts once.
local fixture = require("spec.sql.fixture")

describe("the ledger", function()
    local f

    setup(function()
        f = fixture.new()
    end)

    teardown(function()
        f:done()
    end)

    local function refused(sql, why)
        local ok, message = f.db:try(sql)
        assert.is_false(ok)
        assert.truthy(message:find(why, 1, true), message)
    end

    local function post(kind, ref, accounts, amounts)
        return ("select ledger_post('%s', '%s', null, 'USD', array[%s], array[%s])"):format(
            kind, ref, accounts, amounts)
    end

    local REF = "20000000-0000-4000-8000-000000000001"

    it("posts the worked example when it is paid", function()
        local id = f:paid()
        local rows = {}
        for _, row in ipairs(f.db:query("select p.account, p.amount_minor from ledger_postings p "
            .. "join ledger_transactions t on t.id = p.transaction_id where t.ref = '" .. id
            .. "' order by p.id")) do
            rows[#rows + 1] = row[1]:gsub("vendor:.*(%d)$", "vendor %1") .. " " .. row[2]
        end
        assert.same(
            { "stripe 10000", "vendor 1 -5400", "vendor 2 -3600", "platform_fee -1000" }, rows)
    end)

    it("refuses a transaction that is not 0", function()
        refused(post("odd", REF, "'stripe', 'loss'", "1, 2"), "does not sum to 0")
    end)

    it("refuses a transaction without postings", function()
        refused("insert into ledger_transactions (kind, ref) values ('odd', 'x')",
            "does not sum to 0")
    end)

    it("refuses postings that are 0 in sum, but not in each currency", function()
        refused("with t as (insert into ledger_transactions (kind, ref) values ('odd', 'y') "
            .. "returning id) insert into ledger_postings (transaction_id, account, currency, "
            .. "amount_minor) select id, 'stripe', c, a from t, "
            .. "(values ('USD', 5), ('EUR', -5)) as v (c, a)", "does not sum to 0")
    end)

    it("refuses one posting more in a transaction that was 0", function()
        refused("insert into ledger_postings (transaction_id, account, currency, amount_minor) "
            .. "select id, 'loss', 'USD', 5 from ledger_transactions limit 1", "does not sum to 0")
    end)

    it("posts an event once", function()
        assert.equal("t", f.db:value(post("once", REF, "'stripe', 'loss'", "7, -7")))
        assert.equal("f", f.db:value(post("once", REF, "'stripe', 'loss'", "7, -7")))
        assert.equal(2, f.db:value("select count(*) from ledger_postings p join "
            .. "ledger_transactions t on t.id = p.transaction_id where t.kind = 'once'"))
    end)

    it("adds up one account's amounts and leaves out zeros", function()
        f.db:query(post("sum", REF, "'stripe', 'loss', 'loss', 'bank'", "7, -3, -4, 0"))
        assert.equal(2, f.db:value("select count(*) from ledger_postings p join "
            .. "ledger_transactions t on t.id = p.transaction_id where t.kind = 'sum'"))
    end)

    it("refuses an account that nobody knows", function()
        refused(post("odd", REF, "'stripe', 'pocket'", "7, -7"), "ledger_postings_account_known")
    end)

    for _, sql in ipairs({
        "update ledger_postings set amount_minor = 1", "delete from ledger_postings",
        "truncate ledger_postings", "update ledger_transactions set memo = 'x'",
        "delete from ledger_transactions", "truncate ledger_transactions cascade",
    }) do
        it("refuses: " .. sql, function()
            refused(sql, "append only")
        end)
    end
end)
