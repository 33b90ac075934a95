--- What specs of payouts in SQL have in common: vendors that can be paid, orders that are due, and
--- transfers that Stripe has made. A wrapper of spec/sql/fixture.lua.
local fixture = require("spec.sql.fixture")

local payout_fixture = setmetatable({}, { __index = fixture })
payout_fixture.__index = payout_fixture

local READY = [[
insert into stripe_accounts (vendor_id, provider_account_id, status, transfers_capability)
select id, 'acct_' || slug, 'OPEN', 'active' from vendors]]

function payout_fixture.new()
    local self = setmetatable(fixture.new(), payout_fixture)
    self.db:query(READY)
    return self
end

function payout_fixture:reset()
    fixture.reset(self)
    self.db:query(READY)
end

--- The id of vendor 1 (its part is 60.00) or 2 (40.00).
function payout_fixture.vendor(number)
    return "00000000-0000-4000-8001-00000000000" .. number
end

--- A paid order whose earnings are due; numbers: of which vendors (both).
function payout_fixture:due(...)
    local id = self:paid()
    local numbers = select("#", ...) > 0 and { ... } or { 1, 2 }
    for _, number in ipairs(numbers) do
        self.db:query(("update payout_items set due_at = now() where kind = 'EARNING' "
            .. "and vendor_order_id = '%s'"):format(self:part(id, number)))
    end
    return id
end

function payout_fixture.run_sql(number, provider, minimum)
    return ("select outcome, payout_id, amount_minor from payout_run('%s', 'USD', '%s', %d)")
        :format(payout_fixture.vendor(number), provider or "stripe", minimum or 1)
end

--- {outcome, payout id, amount} of a run for a vendor.
function payout_fixture:run(number, provider, minimum)
    local row = self.db:query(self.run_sql(number, provider, minimum))[1]
    return { row[1], row[2], tonumber(row[3]) }
end

--- Stripe makes the transfers on their way, or refuses those of a vendor order (refused).
function payout_fixture:send(refused)
    for _, row in ipairs(self.db:query("select id, coalesce(vendor_order_id::text, '') "
        .. "from transfers where status = 'PENDING' order by id")) do
        if row[2] == refused then
            self.db:query(("select transfer_finish('%s', null, 'account_invalid', 'no')")
                :format(row[1]))
        else
            self.db:query(("select transfer_finish('%s', 'tr_%s', null, null)")
                :format(row[1], row[1]))
        end
    end
end

--- Refunds so much of a vendor's part and opens the reversals of it; the refund's id.
function payout_fixture:refund(order_id, number, amount)
    local part = self:part(order_id, number)
    local refund = self.db:value(("select refund_open('%s', 'ADMIN', 'spec', "
        .. "array['%s']::uuid[], array[%d]::bigint[], null)"):format(order_id, part, amount))
    self.db:query(("select reversal_open(p.vendor_order_id, p.earnings_minor, p.refund_id, null) "
        .. "from refund_parts as p where p.refund_id = '%s'"):format(refund))
    return refund
end

--- Every row of a query as a list of texts joined by a space.
function payout_fixture:rows(sql)
    local found = {}
    for i, row in ipairs(self.db:query(sql)) do
        found[i] = table.concat(row, " ")
    end
    return found
end

--- What the ledger says of an account: a vendor's number, or a name.
function payout_fixture:balance(account)
    if type(account) == "number" then
        account = "vendor:" .. self.vendor(account)
    end
    return self.db:value(("select coalesce(sum(amount_minor), 0) from ledger_postings "
        .. "where account = '%s'"):format(account))
end

return payout_fixture
