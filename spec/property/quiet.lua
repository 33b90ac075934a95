--- The end of a history: what was broken is mended, what waits is let go, and once nothing moves
--- any more the books are compared with each other and with Stripe's.
local client = require("spec.support.client")
local crash = require("spec.support.crash")
local emulator = require("spec.support.emulator")
local shell = require("spec.support.shell")
local socket = require("socket")

local quiet = {}

local WAIT_S = 45
--- Bank debits, refunds on their way and balances on hold are settled after so long.
local DAYS_S = 9 * 86400

--- Pauses between tries are skipped, and what was told to wait for news is asked about.
local HURRY = [[
update stripe_ops set next_at = now() where state in ('NEW', 'SENT', 'UNKNOWN') and next_at > now();
update stripe_events set next_at = now() where state = 'NEW' and next_at > now();
update payments set checked_at = succeeded_at
where fee_minor is null and succeeded_at is not null and checked_at > succeeded_at;
]]

local OPEN = "select count(*) from stripe_ops where state in ('NEW', 'SENT', 'UNKNOWN')"
local UNREAD = "select count(*) from stripe_events where state = 'NEW'"

--- What still moves: name and how many.
local MOVING = {
    { "operations", OPEN },
    { "events", UNREAD },
    { "dead events", "select count(*) from stripe_events where state = 'DEAD'" },
    { "refunds", "select count(*) from refunds where status = 'PENDING'" },
    { "transfers", "select count(*) from transfers where status = 'PENDING'" },
    { "reversals",
        "select count(*) from transfer_reversals where status in ('PENDING', 'SHORT')" },
    {
        "fees",
        "select count(*) from payments where succeeded_at is not null and fee_minor is null",
    },
    { "payouts", "select count(*) from payouts where status = 'PROCESSING' "
        .. "and exists (select 1 from transfers where transfers.payout_id = payouts.id)" },
}

local function moving_sql()
    local selects = {}
    for i, entry in ipairs(MOVING) do
        selects[i] = ("select '%s', (%s)"):format(entry[1], entry[2])
    end
    return table.concat(selects, " union all ")
end

--- nil when nothing moves, else what does.
local function moving(place)
    local found = {}
    for _, row in ipairs(place.w.db:query(moving_sql())) do
        if row[2] ~= "0" then
            found[#found + 1] = row[2] .. " " .. row[1]
        end
    end
    return #found > 0 and table.concat(found, ", ") or nil
end

-- The books ---------------------------------------------------------------------------------------

local function invariants(place)
    local report = place.w:expect(200, "GET", "/api/admin/invariants", place.w:admin())
    for _, row in ipairs(report.data) do
        if not row.ok then
            return ("invariant %s: %d, such as %s"):format(row.name, row.violations,
                client.json.encode(row.sample))
        end
    end
end

local function total_of(balance, currency)
    local sum = 0
    for _, list in ipairs({ balance.available, balance.pending }) do
        for _, entry in ipairs(list) do
            sum = sum + (entry.currency == currency and entry.amount or 0)
        end
    end
    return sum
end

--- The ledger's account of what lies at Stripe is what Stripe says, to the unit.
local function balance(place)
    local ours = {}
    for _, row in ipairs(place.w.db:query("select lower(currency), sum(amount_minor) from "
        .. "ledger_postings where account = 'stripe' group by 1")) do
        ours[row[1]] = tonumber(row[2])
    end
    local theirs = place:stripe("GET", "/v1/balance")
    for currency, amount in pairs(ours) do
        local held = total_of(theirs, currency)
        if held ~= amount then
            return ("the ledger has %d %s at Stripe, Stripe %d"):format(amount, currency, held)
        end
    end
end

--- Nobody lets us look into an account that was disconnected, and the news of it may be lost.
local function is_closed(place, account)
    return emulator.call(place.w.stripe, "GET", "/v1/accounts/" .. account).status == 403
end

--- What each vendor holds at Stripe is what was transferred and not taken back.
local function vendor_balances(place)
    for _, row in ipairs(place.w.db:query([[
        select destination, lower(currency), sum(amount_minor - reversed_minor)
        from transfers where status = 'DONE' group by 1, 2]])) do
        local account, currency, amount = row[1], row[2], tonumber(row[3])
        local is_open, paid_out = not is_closed(place, account), 0
        for _, payout in ipairs(is_open and place:stripe_all("/v1/payouts", account) or {}) do
            local is_gone = payout.status ~= "failed" and payout.status ~= "canceled"
            paid_out = paid_out + (is_gone and payout.amount or 0)
        end
        local held = is_open
            and total_of(place:stripe("GET", "/v1/balance", account), currency) + paid_out
        if is_open and held ~= amount then
            return ("we transferred %d %s to %s, who has %d"):format(amount, currency, account,
                held)
        end
    end
end

--- An order's money was taken once: a second payment was given back whole.
local function paid_once(place)
    local taken = {}
    for _, charge in ipairs(place:stripe_all("/v1/charges")) do
        local order = charge.transfer_group
        if charge.paid and charge.captured and charge.amount_refunded < charge.amount then
            if taken[order] then
                return ("%s was paid by %s and %s"):format(order, taken[order], charge.id)
            end
            taken[order] = charge.id
        end
    end
end

--- A transfer of ours exists once at Stripe, with our amount.
local function transferred_once(place)
    local seen = {}
    for _, transfer in ipairs(place:stripe_all("/v1/transfers")) do
        local id = transfer.metadata.transfer_id or "none"
        if seen[id] then
            return ("transfer %s was made as %s and %s"):format(id, seen[id].id, transfer.id)
        end
        seen[id] = transfer
    end
    for _, row in ipairs(place.w.db:query("select id, status, amount_minor, reversed_minor, "
        .. "provider_transfer_id from transfers")) do
        local transfer = seen[row[1]]
        local is_done = row[2] == "DONE"
        if is_done ~= (transfer ~= nil) then
            return ("transfer %s is %s, at Stripe %s"):format(row[1], row[2],
                transfer and transfer.id or "nothing")
        elseif is_done and (transfer.amount ~= tonumber(row[3])
            or transfer.amount_reversed ~= tonumber(row[4]) or transfer.id ~= row[5]) then
            return ("transfer %s differs: %s, reversed %s; at Stripe %d, %d"):format(
                row[1], row[3], row[4], transfer.amount, transfer.amount_reversed)
        end
        seen[row[1]] = nil
    end
    local id = next(seen)
    return id and "a transfer that we do not know: " .. id or nil
end

--- Refunds of ours exist once at Stripe.
local function refunded_once(place)
    local seen = {}
    for _, refund in ipairs(place:stripe_all("/v1/refunds")) do
        local id = refund.metadata.refund_id or "none"
        if seen[id] then
            return ("refund %s was made as %s and %s"):format(id, seen[id], refund.id)
        end
        seen[id] = refund.id
    end
end

local CHECKS = {
    moving, balance, paid_once, refunded_once, transferred_once, vendor_balances, invariants,
}

--- What is wrong now, or nil.
local function problem_of(place)
    for _, check in ipairs(CHECKS) do
        local problem = check(place)
        if problem then
            return problem
        end
    end
end

--- Whether no call to Stripe is out and no event waits: so much must be when time is turned.
local function unsent(place)
    local count = place.w.db:value(("select (%s) + (%s)"):format(OPEN, UNREAD))
    return count > 0 and count .. " operations and events" or nil
end

--- Waits until find(place) finds nothing wrong; what still is when time is up, or nil.
local function wait(place, find, note)
    local deadline_s = socket.gettime() + WAIT_S
    local pause_s, last = 0.05, nil
    while true do
        place:supervise()
        place.w.db:query(HURRY)
        local problem = find(place)
        if problem ~= last then
            note("quiet: " .. (problem or "yes"))
            last = problem
        end
        if not problem or socket.gettime() > deadline_s then
            return problem
        end
        socket.sleep(pause_s)
        pause_s = math.min(0.5, pause_s * 1.3)
    end
end

--- Mends everything that steps have broken.
function quiet.heal(place)
    crash.disarm(place.w.server)
    crash.disarm(place.w.stripe)
    place:supervise()
    shell.wait_until("the database in every worker", 20, function()
        return place.w:request("GET", "/ready").status == 200
    end)
    assert(place:emulator("DELETE", "/faults").status == 200)
    assert(place:emulator("POST", "/webhooks",
        { duplicate = 1, drop = 0, before_response = false, release = true }).status == 200)
end

--- Mends, waits, lets days pass, pays out, and waits again; note(line) is told on the way. nil when
-- all is right.
function quiet.settle(place, note)
    quiet.heal(place)
    local problem = wait(place, unsent, note)
    if problem then
        return problem
    end
    assert(place:emulator("POST", "/clock", { advance = DAYS_S }).status == 200)
    place.w:request("POST", "/api/admin/payouts/run", place.w:admin(),
        { force = true, reason = "history" })
    return wait(place, problem_of, note)
end

return quiet
