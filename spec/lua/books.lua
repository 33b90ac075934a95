--- What specs of the books have in common: a second administrator, balances, and months that are
--- past.
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local books = {}

--- Another administrator than w:admin().
function books.second_admin(w)
    local email = ("second.%d@example.com"):format(w.port)
    shell.must(("SOUK_HOME=%s DATABASE_URL=%s %s admin create --email %s --password %s "
        .. "--conf conf/test.conf"):format(shell.quote(w.server.home), shell.quote(w.db.url),
        w.server.binary, email, shell.quote(world.PASSWORD)))
    local session = w:expect(200, "POST", "/api/auth/login", nil,
        { email = email, password = world.PASSWORD })
    return { token = session.accessToken, id = session.user.id, email = email }
end

--- The ledger's balance of an account, all currencies together.
function books.balance(w, account)
    return w.db:value("select coalesce(sum(amount_minor), 0) from ledger_postings "
        .. "where account = '" .. account .. "'")
end

--- Posts past the server, at a time ("2026-01-31 23:59:59.999+00"). lines: "'account', …" and
--- "amount, …". Returns nothing.
function books.post_at(w, at, kind, order_id, accounts, amounts)
    w.db:query(([[
        begin; set local session_replication_role = replica;
        with t as (
            insert into ledger_transactions (kind, ref, order_id, created_at)
            values ('%s', gen_random_uuid(), %s, '%s') returning id
        )
        insert into ledger_postings (transaction_id, account, currency, amount_minor, created_at)
        select t.id, p.account, 'USD', p.amount, '%s'
        from t, unnest(array[%s], array[%s]::bigint[]) as p (account, amount);
        commit]]):format(kind, order_id and "'" .. order_id .. "'" or "null", at, at, accounts,
        amounts))
end

return books
