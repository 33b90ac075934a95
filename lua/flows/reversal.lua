--- Taking transfers back, for refunds and disputes. The buyer's money never waits for it: what a
--- vendor's balance does not cover stays a debt in its open payout. What Stripe has answered is
--- believed, and asked again for what there is, a few times.
local log = require("core.log")
local crash = require("core.crash")
local db = require("souk.db")
local stripe_api = require("flows.stripe_api")
local stripe_ops = require("flows.stripe_ops")

local reversal = {}

local SHORT_MAX = 20
local ATTEMPTS_MAX = 5
local NOT_COVERED = "balance_insufficient"

local value = stripe_api.value

--- Queues the call for a reversal that is PENDING, in the caller's transaction.
local function queue(id)
    local facts, problem = db.one("reversal/facts", id)
    if not facts then
        return nil, problem
    end
    local last, failure = stripe_ops.latest("reversal_create", id)
    if failure then
        return nil, failure
    end
    local attempt = math.max(facts.attempt, (last and last.attempt or 0) + 1)
    return stripe_ops.add({
        kind = "reversal_create", ref_id = id, attempt = attempt,
        key = ("rv:%s:%d"):format(id, attempt),
        path = ("/v1/transfers/%s/reversals"):format(facts.provider_transfer_id),
        lane = facts.provider_transfer_id,
        params = {
            amount = facts.asked_minor,
            metadata = {
                reversal_id = id, refund_id = facts.refund_id, dispute_id = facts.dispute_id,
            },
        },
    })
end

local function open_one(vendor_order_id, amount, refund_id, dispute_id)
    local rows, problem = db.query("reversal/open", vendor_order_id, amount, refund_id, dispute_id)
    if not rows then
        return nil, problem
    end
    for _, row in ipairs(rows) do
        local op, failure = queue(row.id)
        if not op then
            return nil, failure
        end
    end
    return true
end

local function open_all(parts, refund_id, dispute_id)
    for _, part in ipairs(parts) do
        local is_open, problem = open_one(part.vendor_order_id, part.amount_minor,
            refund_id or part.refund_id, dispute_id or part.dispute_id)
        if not is_open then
            return nil, problem
        end
    end
    return true
end

--- Opens what a refund (or else a dispute) takes back of transfers that were made, and queues the
--- calls, in the transaction of the caller, who holds the order's lock. Again, it opens what is
--- missing. true, or nil, err.
function reversal.open(refund_id, dispute_id)
    local parts, problem = db.query("reversal/parts", refund_id, dispute_id)
    if not parts then
        return nil, problem
    end
    return open_all(parts, refund_id, dispute_id)
end

--- What came up while a transfer was on its way, in the transaction that ends it.
function reversal.open_missing(transfer_id)
    local parts, problem = db.query("reversal/missing", transfer_id)
    if not parts then
        return nil, problem
    end
    return open_all(parts)
end

local function give_up(id, code)
    log.error("reversal.carried", { reversal = id, code = code })
    return db.query("reversal/yield", id, 0, code)
end

stripe_ops.register("reversal_create", {
    done = function(op, object)
        return db.query("reversal/finish", op.ref_id, object.id)
    end,
    rejected = function(op, failure)
        local code = value(failure.code) or value(failure.type)
        if code == NOT_COVERED then
            return db.query("reversal/yield", op.ref_id, nil, code)
        end
        return give_up(op.ref_id, code)
    end,
    find = function(op)
        return stripe_api.find(op.path .. "?", function(object)
            local metadata = value(object.metadata)
            return metadata and metadata.reversal_id == op.ref_id
        end)
    end,
})

local function amount_of(entries, currency)
    for _, entry in ipairs(entries or {}) do
        if entry.currency:upper() == currency then
            return entry.amount
        end
    end
    return 0
end

--- What there is to take back in a vendor's account; nil when Stripe cannot be asked. What is on
--- its way there is counted the first time: whether Stripe takes it, Stripe decides.
local function there(row)
    local result = stripe_api.run({ method = "GET", path = "/v1/balance",
        account = row.destination })
    if result.kind == "rejected" then
        return 0
    elseif result.kind ~= "ok" then
        return nil
    end
    local amount = amount_of(result.object.available, row.currency)
    if row.attempt == 1 then
        amount = amount + amount_of(result.object.pending, row.currency)
    end
    return math.max(0, amount)
end

local function ask_again(row)
    local amount = 0
    if row.attempt < ATTEMPTS_MAX then
        amount = there(row)
    end
    if not amount then
        return
    end
    local _, problem = db.tx(function()
        local after, failure = db.one("reversal/yield", row.id, amount, nil)
        if not after then
            return nil, failure
        end
        crash("reversal.short")
        if after.status == "PENDING" then
            return queue(row.id)
        end
        return true
    end)
    if problem then
        log.warn("reversal.short.failed", { reversal = row.id, code = problem.code })
    end
end

--- Asks vendors' accounts for what there is, or gives the rest up as a debt.
function reversal.sweep()
    for _, row in ipairs(db.query("reversal/short", SHORT_MAX) or {}) do
        ask_again(row)
    end
end

return reversal
