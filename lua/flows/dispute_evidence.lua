--- What we tell the bank of a buyer who disputes a payment. It may be changed until it is
--- submitted, once; what the order itself can tell is filled in.
local json = require("core.json")
local log = require("core.log")
local audit = require("souk.audit")
local db = require("souk.db")
local err = require("souk.err")
local dispute = require("flows.dispute")
local stripe_api = require("flows.stripe_api")
local stripe_ops = require("flows.stripe_ops")

local dispute_evidence = {}

local SHORT_MAX, LONG_MAX = 5000, 20000

--- Texts that Stripe takes, and how long in bytes at most.
dispute_evidence.FIELDS = {
    access_activity_log = LONG_MAX,
    billing_address = SHORT_MAX,
    cancellation_policy_disclosure = LONG_MAX,
    cancellation_rebuttal = LONG_MAX,
    customer_email_address = SHORT_MAX,
    customer_name = SHORT_MAX,
    customer_purchase_ip = SHORT_MAX,
    duplicate_charge_explanation = LONG_MAX,
    duplicate_charge_id = SHORT_MAX,
    product_description = LONG_MAX,
    refund_policy_disclosure = LONG_MAX,
    refund_refusal_explanation = LONG_MAX,
    service_date = SHORT_MAX,
    shipping_address = SHORT_MAX,
    shipping_carrier = SHORT_MAX,
    shipping_date = SHORT_MAX,
    shipping_tracking_number = SHORT_MAX,
    uncategorized_text = LONG_MAX,
}

--- Of these, what an order tells; the last four only once something has shipped.
local FROM_ORDER = { "product_description", "customer_name" }
local FROM_SHIPMENT = {
    "shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number",
}

local value = stripe_api.value

local function fill(evidence, row, names)
    for _, name in ipairs(names) do
        evidence[name] = evidence[name] or row[name]
    end
end

local function evidence_of(given, row)
    local evidence = {}
    for name in pairs(dispute_evidence.FIELDS) do
        evidence[name] = given[name]
    end
    fill(evidence, row, FROM_ORDER)
    if row.shipping_date then
        fill(evidence, row, FROM_SHIPMENT)
    end
    return evidence
end

local function check(row)
    if not row.provider_status:find("needs_response$") then
        return nil, err.conflict("this dispute does not wait for evidence")
    elseif row.is_late then
        return nil, err.conflict("evidence for this dispute was due before now")
    end
    return true
end

local function queue(row, evidence, is_submitted)
    local last, problem = stripe_ops.latest("dispute_evidence", row.id)
    if problem then
        return nil, problem
    end
    local attempt = (last and last.attempt or 0) + 1
    return stripe_ops.add({
        kind = "dispute_evidence", ref_id = row.id, attempt = attempt,
        key = ("de:%s:%d"):format(row.id, attempt),
        path = "/v1/disputes/" .. row.provider_dispute_id, lane = row.provider_dispute_id,
        params = { evidence = evidence, submit = is_submitted },
    })
end

local function write(row, evidence, asked)
    local is_kept, problem = db.exec("dispute/keep_evidence", row.id, json.encode(evidence))
    if not is_kept then
        return nil, problem
    end
    return audit.write({
        actor = asked.actor_id, action = "dispute.evidence", object = "dispute:" .. row.id,
        after = { submit = asked.is_submitted }, request_id = asked.request_id,
    })
end

--- asked: {given = texts by name, is_submitted, actor_id, request_id}. The dispute as JSON text, or
--- nil, err.
function dispute_evidence.send(dispute_id, asked)
    return db.tx(function()
        local row, problem = db.one("dispute/lock", dispute_id)
        if not row then
            return nil, problem or err.not_found()
        end
        local is_open, refusal = check(row)
        if not is_open then
            return nil, refusal
        end
        local evidence = evidence_of(asked.given, row)
        local op, failure = queue(row, evidence, asked.is_submitted)
        if not op then
            return nil, failure
        end
        local is_written, trouble = write(row, evidence, asked)
        if not is_written then
            return nil, trouble
        end
        return db.row_json("dispute/get", dispute_id)
    end)
end

stripe_ops.register("dispute_evidence", {
    done = function(op, object)
        local row, problem = db.one("dispute/payment_of", op.ref_id)
        if not row then
            return nil, problem
        end
        return dispute.apply(row.payment_id, object)
    end,
    rejected = function(op, failure)
        log.error("dispute.evidence.rejected",
            { dispute = op.ref_id, code = value(failure.code) or value(failure.type) })
        return true
    end,
    --- The same texts under another key do the same once more.
    find = function()
        return false
    end,
})

return dispute_evidence
