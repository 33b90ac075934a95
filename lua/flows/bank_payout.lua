--- Payouts from a Stripe balance to a bank. The platform's own move the books; a vendor's are its
--- own affair, and only shown.
local json = require("core.json")
local log = require("core.log")
local db = require("souk.db")
local inbox = require("flows.inbox")
local stripe_api = require("flows.stripe_api")

local bank_payout = {}

local value = stripe_api.value

local STATUSES = {
    pending = "PENDING", in_transit = "IN_TRANSIT", paid = "PAID", failed = "FAILED",
    canceled = "CANCELLED",
}

local FINAL = { paid = true, failed = true, canceled = true }

--- Takes over a payout's state, whoever brings it. vendor_id: nil for the platform's own. Returns
--- an event's end (DONE or IGNORED, remark), or nil, err.
function bank_payout.apply(vendor_id, object)
    local status = STATUSES[object.status]
    if not status then
        log.error("bank_payout.status.unknown", { payout = object.id, status = object.status })
        return "IGNORED", "an unknown status"
    end
    local facts = {
        id = object.id, amount = object.amount, currency = object.currency, status = status,
        failureMessage = value(object.failure_message) or value(object.failure_code),
        arrivesAt = value(object.arrival_date), createdAt = object.created,
    }
    local row, problem = db.tx(function()
        return db.one("bank_payout/apply", vendor_id, json.encode(facts))
    end)
    if not row then
        return nil, problem
    elseif row.is_changed and status == "FAILED" then
        log.error("bank_payout.failed", { payout = object.id, vendor = vendor_id })
    end
    return "DONE", row.is_changed and status or "known"
end

--- The platform's own: what is not final may be overtaken already, so Stripe is asked.
local function on_platform(object)
    if FINAL[object.status] then
        return bank_payout.apply(nil, object)
    end
    local now, problem = stripe_api.get("/v1/payouts/" .. object.id)
    if not now then
        if problem.code == "not_found" then
            return "IGNORED", "not known to Stripe"
        end
        return nil, problem
    end
    return bank_payout.apply(nil, now)
end

--- A vendor's: only told, so old news is dropped and nothing is asked.
local function on_connect(object, event)
    local row, problem = db.one("stripe_account/find", event.account)
    if problem then
        return nil, problem
    elseif not row then
        return "IGNORED", "no account of ours"
    end
    return bank_payout.apply(row.vendor_id, object)
end

inbox.register({
    ["payout.created"] = on_platform,
    ["payout.updated"] = on_platform,
    ["payout.paid"] = on_platform,
    ["payout.failed"] = on_platform,
    ["payout.canceled"] = on_platform,
    ["payout.reconciliation_completed"] = on_platform,
}, "platform")

inbox.register({
    ["payout.created"] = on_connect,
    ["payout.updated"] = on_connect,
    ["payout.paid"] = on_connect,
    ["payout.failed"] = on_connect,
    ["payout.canceled"] = on_connect,
}, "connect")

return bank_payout
