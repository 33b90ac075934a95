--- Sending a vendor its share. Transfers are rows of a payout that a run has taken, and queued with
--- it; what becomes of them ends the payout (sql/functions/transfer_finish.sql).
local crypto = require("core.crypto")
local log = require("core.log")
local crash = require("core.crash")
local db = require("souk.db")
local inbox = require("flows.inbox")
local reversal = require("flows.reversal")
local stripe_api = require("flows.stripe_api")
local stripe_ops = require("flows.stripe_ops")

local transfer = {}

local MESSAGE_MAX = 500

local value = stripe_api.value

local function group_of(row)
    return row.order_id and "order_" .. row.order_id or "payout_" .. row.payout_id
end

--- row: of transfer/of_payout. In the transaction of the run.
local function queue(row)
    return stripe_ops.add({
        kind = "transfer_create", ref_id = row.id, key = ("tr:%s:1"):format(row.id),
        path = "/v1/transfers",
        params = {
            amount = row.amount_minor, currency = row.currency:lower(),
            destination = row.destination, source_transaction = row.charge_id,
            transfer_group = group_of(row),
            metadata = {
                transfer_id = row.id, payout_id = row.payout_id,
                vendor_order_id = row.vendor_order_id,
            },
        },
    })
end

--- Queues the transfers of a payout that was just taken. true, or nil, err.
function transfer.queue_all(payout_id)
    local rows, problem = db.query("transfer/of_payout", payout_id)
    if not rows then
        return nil, problem
    end
    for _, row in ipairs(rows) do
        local op, failure = queue(row)
        if not op then
            return nil, failure
        end
    end
    return true
end

--- What Stripe answered to a call that asked for something else would be a bug or a forgery: it is
--- not booked, and the transfer stays on its way until somebody has looked.
local function is_ours(row, object)
    return object.amount == row.amount_minor and object.currency == row.currency:lower()
        and object.destination == row.destination
end

local function finish(id, object)
    local row, problem = db.one("transfer/get", id)
    if not row then
        return nil, problem
    elseif not is_ours(row, object) then
        log.error("transfer.mismatch", { transfer = id, object = object.id })
        return true
    end
    local ended, failure = db.one("transfer/finish", id, object.id, nil, nil)
    if not ended then
        return nil, failure
    elseif not ended.is_news then
        return true
    end
    local is_open, refusal = reversal.open_missing(id)
    if not is_open then
        return nil, refusal
    end
    crash("transfer.finished")
    return true
end

stripe_ops.register("transfer_create", {
    done = function(op, object)
        return finish(op.ref_id, object)
    end,
    rejected = function(op, failure)
        local code = value(failure.code) or value(failure.type)
        log.error("transfer.failed", { transfer = op.ref_id, code = code })
        local message = tostring(value(failure.message) or code):sub(1, MESSAGE_MAX)
        return db.query("transfer/finish", op.ref_id, nil, code, message)
    end,
    find = function(op)
        local row = db.one("transfer/get", op.ref_id)
        return row and stripe_api.find("/v1/transfers?transfer_group=" .. group_of(row),
            function(object)
                local metadata = value(object.metadata)
                return metadata and metadata.transfer_id == op.ref_id
            end)
    end,
})

-- What Stripe tells -------------------------------------------------------------------------------

local function find(object)
    local id = (value(object.metadata) or {}).transfer_id
    return db.one("transfer/find", object.id, crypto.is_uuid(id) and id or nil)
end

--- Ours are booked by the answer of their call; others are made by hand at Stripe.
local function on_transfer(object)
    local row, problem = find(object)
    if problem then
        return nil, problem
    elseif not row then
        log.error("transfer.unknown", { object = object.id })
        return "IGNORED", "no transfer of ours"
    end
    return "DONE", row.status
end

--- More taken back than we have asked for: somebody did it at Stripe. It is told and found by the
--- reconciliation, and not booked: only a person knows what it was for.
local function on_reversed(object)
    local row, problem = find(object)
    if problem then
        return nil, problem
    elseif not row then
        return "IGNORED", "no transfer of ours"
    elseif (value(object.amount_reversed) or 0) > row.reversed_minor + row.underway_minor then
        log.error("transfer.reversed_elsewhere", {
            transfer = row.id, ours = row.reversed_minor, theirs = object.amount_reversed,
        })
        return "DONE", "reversed elsewhere"
    end
    return "DONE", "known"
end

inbox.register({
    ["transfer.created"] = on_transfer,
    ["transfer.updated"] = on_transfer,
    ["transfer.reversed"] = on_reversed,
}, "platform")

return transfer
