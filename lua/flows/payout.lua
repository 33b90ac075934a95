--- Paying vendors what is due. A run takes a vendor's open payout in one transaction, together with
--- the calls that send it; who cannot be paid keeps everything, with the reason. Decisions are the
--- policy's (flows/payout_policy.lua), arithmetic is sql/functions/payout_*.sql.
local clock = require("core.clock")
local crash = require("core.crash")
local log = require("core.log")
local audit = require("souk.audit")
local db = require("souk.db")
local err = require("souk.err")
local payout_policy = require("flows.payout_policy")
local transfer = require("flows.transfer")

local payout = {}

local VENDORS_AT_ONCE = 200
--- A run that a client waits for says so when there is more.
local DEADLINE_US = 6000000
--- Refusals of a transfer that a changed account may mend.
local OF_ACCOUNT = {
    "account_invalid", "transfers_not_allowed", "capability_not_active",
    "insufficient_capabilities_for_transfer",
}

--- Runs the payout of one vendor and currency: {outcome, payout_id, amount_minor}; or nil, err.
local function run_one(row, terms, is_forced)
    local taken, problem = db.tx(function()
        local made, failure = db.one("payout/run", row.vendor_id, row.currency, terms.provider,
            is_forced and 1 or terms.minimum)
        if not made then
            return nil, failure
        elseif made.outcome == "TAKEN" then
            local is_queued, refusal = transfer.queue_all(made.payout_id)
            if not is_queued then
                return nil, refusal
            end
            crash("payout.taken")
        end
        return made
    end)
    if not taken then
        log.error("payout.run.failed", { vendor = row.vendor_id, code = problem.code })
        return nil, problem
    end
    taken.vendor_id, taken.currency = row.vendor_id, row.currency
    return taken
end

--- Runs those of rows whose turn it is; adds what came of each to results.
local function run_rows(rows, options, results)
    for _, row in ipairs(rows) do
        local terms = payout_policy.of_row(row)
        if terms and (not options.is_turn or options.is_turn(row, terms)) then
            local taken = run_one(row, terms, options.is_forced)
            results[#results + 1] = taken
        end
        if options.until_us and clock.monotonic_us() > options.until_us then
            return false
        end
    end
    return true
end

--- options: {vendor_id (nil: all), is_forced (below the minimum too), is_turn(row, terms),
--- until_us}. Returns the results, and whether all vendors had their turn; or nil, err.
local function run(options)
    local results, last, count = {}
    repeat
        local rows, problem = db.query(
            "payout/vendors_due", options.vendor_id, last, VENDORS_AT_ONCE)
        if not rows then
            return nil, problem
        elseif not run_rows(rows, options, results) then
            return results, false
        end
        count = #rows
        last = rows[count] and rows[count].vendor_id
    until count < VENDORS_AT_ONCE
    return results, true
end

--- What an administrator asks for: whatever day it is. {vendor_id, is_forced}. Results and whether
--- they are all; or nil, err.
function payout.run(options)
    local is_fresh, problem = payout_policy.refresh(options.vendor_id)
    if not is_fresh then
        return nil, problem
    end
    return run({
        vendor_id = options.vendor_id, is_forced = options.is_forced,
        until_us = clock.monotonic_us() + DEADLINE_US,
    })
end

--- One turn of the timer: what has become due, and the payouts of those whose day it is.
function payout.turn()
    local now_s = math.floor(clock.now_ms() / 1000)
    local is_fresh = payout_policy.refresh()
    local results = is_fresh and run({
        is_turn = function(row, terms)
            return not row.is_taken_today and payout_policy.is_today(terms.schedule, now_s)
        end,
    })
    if not results then
        log.warn("payout.turn.failed")
    end
end

--- A vendor can be paid (again): what Stripe refused because of its account is tried anew, and what
--- waited goes out, unless its policy leaves that to a person. true, or nil, err.
function payout.wake(vendor_id)
    local failed, problem = db.query("payout/failed_for_account", vendor_id, db.array(OF_ACCOUNT))
    for _, row in ipairs(failed or {}) do
        local is_open, refusal = db.tx(function()
            return db.one("payout/reopen", row.id, "FAILED")
        end)
        problem = problem or (not is_open and refusal) or nil
    end
    if problem then
        return nil, problem
    end
    local results, failure = run({
        vendor_id = vendor_id,
        is_turn = function(_, terms)
            return terms.schedule.every ~= "manual"
        end,
    })
    if not results then
        return nil, failure
    end
    return true
end

--- What an administrator does to one payout. change: {id, action, query, args, reason, actor_id,
--- request_id}. The id of the payout that has its items afterwards; or nil, err.
local function change(order)
    return db.tx(function()
        local row, problem = db.one(order.query, order.id, unpack(order.args))
        if not row then
            return nil, problem or err.internal()
        end
        local is_written, failure = audit.write({
            actor = order.by.id, action = "payout." .. order.action,
            object = "payout:" .. order.id, reason = order.reason,
            request_id = order.by.request_id,
        })
        if not is_written then
            return nil, failure
        end
        return row.id or order.id
    end)
end

--- by, here and below: {id, request_id} of who asks.
function payout.hold(id, reason, by)
    return change({
        id = id, action = "hold", query = "payout/hold", args = { reason }, reason = reason,
        by = by,
    })
end

function payout.release(id, reason, by)
    return change({
        id = id, action = "release", query = "payout/reopen", args = { "ON_HOLD" },
        reason = reason, by = by,
    })
end

function payout.retry(id, reason, by)
    return change({
        id = id, action = "retry", query = "payout/reopen", args = { "FAILED" }, reason = reason,
        by = by,
    })
end

function payout.mark_paid(id, reference, by)
    return change({
        id = id, action = "mark_paid", query = "payout/mark", args = { "PAID", reference },
        reason = reference, by = by,
    })
end

function payout.mark_failed(id, reason, by)
    return change({
        id = id, action = "mark_failed", query = "payout/mark", args = { "FAILED", reason },
        reason = reason, by = by,
    })
end

return payout
