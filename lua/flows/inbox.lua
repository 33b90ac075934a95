--- Events from Stripe. Each is a row before it is answered, and its effect is one that can be tried
--- again; what cannot be done now stays NEW for the drain. Order of arrival means nothing: a state
--- that is not final is only a hint to ask Stripe.
local clock = require("core.clock")
local conf = require("core.conf")
local core_stripe = require("core.stripe")
local crypto = require("core.crypto")
local json = require("core.json")
local log = require("core.log")
local db = require("souk.db")
local err = require("souk.err")
local payment = require("flows.payment")
local refund = require("flows.refund")
local stripe_api = require("flows.stripe_api")
local stripe_ops = require("flows.stripe_ops")

local inbox = {}

local TOLERANCE_S = 300
local LEASE_S = 30
local TRIES_MAX = 8
local DRAIN_MAX = 50

local SECRETS = { platform = "stripe.webhook_secrets", connect = "stripe.connect_webhook_secrets" }

local value = stripe_api.value

--- The row of ours that an object's metadata names: it may not have heard of its object yet.
local function named(object, field)
    local id = (value(object.metadata) or {})[field]
    return crypto.is_uuid(id) and id or nil
end

-- What events do ---------------------------------------------------------------------------------

local FINAL = { succeeded = true, canceled = true }

--- Returns what became of the event, DONE or IGNORED, and a remark; or nil, err.
local function on_payment_intent(intent)
    local payment_id = named(intent, "payment_id")
    local row, problem = db.one("payment/find", intent.id, payment_id)
    if problem then
        return nil, problem
    elseif not row then
        if intent.status == "succeeded" then
            log.error("payment.unknown", { intent = intent.id, payment = payment_id })
        end
        return "IGNORED", "no payment of ours"
    end
    if not FINAL[intent.status] then
        local now, failure = stripe_api.get("/v1/payment_intents/" .. intent.id)
        if not now then
            return nil, failure
        end
        intent = now
    end
    local outcome, refusal = payment.apply(row.id, intent)
    if not outcome then
        return nil, refusal
    end
    return "DONE", outcome
end

local function on_refund(object)
    local row, problem = db.one("refund/find", object.id, named(object, "refund_id"))
    if problem then
        return nil, problem
    elseif not row then
        return "IGNORED", "no refund of ours"
    end
    local is_applied, failure = refund.apply(row.id, object)
    if not is_applied then
        return nil, failure
    end
    return "DONE", nil
end

local HANDLERS = {
    ["payment_intent.succeeded"] = on_payment_intent,
    ["payment_intent.payment_failed"] = on_payment_intent,
    ["payment_intent.canceled"] = on_payment_intent,
    ["payment_intent.processing"] = on_payment_intent,
    ["payment_intent.requires_action"] = on_payment_intent,
    ["refund.updated"] = on_refund,
    ["refund.failed"] = on_refund,
    ["charge.refund.updated"] = on_refund,
}

--- Does what an event means and ends its row. Returns true, or nil, err when it must be tried
--- again.
local function handle(event)
    local handler = HANDLERS[event.type]
    local state, remark = "IGNORED", "no use for this type"
    if handler then
        state, remark = handler(event.data.object)
        if not state then
            db.exec("stripe_event/fail", event.id, remark.code, TRIES_MAX)
            return nil, remark
        end
    end
    return db.exec("stripe_event/finish", event.id, state, remark)
end

-- Arrival ----------------------------------------------------------------------------------------

local function secrets_of(endpoint)
    local secrets = {}
    for secret in (conf(SECRETS[endpoint]) or ""):gmatch("[^,%s]+") do
        secrets[#secrets + 1] = secret
    end
    return secrets
end

local function is_event(event)
    return type(event) == "table" and type(event.id) == "string" and #event.id <= 255
        and type(event.type) == "string" and type(event.created) == "number"
        and type(event.data) == "table" and type(event.data.object) == "table"
end

local function keep(endpoint, event)
    return db.tx(function()
        local row, problem = db.one("stripe_event/insert", event.id, endpoint, event.type,
            value(event.data.object.id), value(event.account), event.livemode == true,
            value(event.api_version), json.encode(stripe_ops.redact(event)), event.created, LEASE_S)
        if problem then
            return nil, problem
        end
        return row and "new" or "known"
    end)
end

--- body and header as they came. true when the event is ours for good: committed, and its effect
--- too unless Stripe must be asked first and cannot. nil, err: Stripe shall send it again.
function inbox.receive(endpoint, body, header)
    local now_s = math.floor(clock.now_ms() / 1000)
    local refusal = core_stripe.webhook_refusal(
        body, header, secrets_of(endpoint), now_s, TOLERANCE_S)
    if refusal then
        log.warn("stripe.event.refused", { endpoint = endpoint, problem = refusal })
        return nil, err.bad_signature()
    end
    local event = json.decode(body)
    if not is_event(event) then
        return nil, err.bad_request("the body is no Stripe event")
    end
    local state, problem = keep(endpoint, event)
    if not state then
        return nil, problem
    elseif state == "known" then
        local row, failure = db.one("stripe_event/get", event.id)
        if not row then
            return nil, failure or err.internal()
        elseif row.state ~= "NEW" then
            return true
        end
    end
    return handle(event)
end

--- Events that were kept but not finished.
function inbox.drain()
    local rows = db.tx(function()
        return db.query("stripe_event/take_due", DRAIN_MAX, LEASE_S)
    end)
    for _, row in ipairs(rows or {}) do
        local event = json.decode(tostring(row.payload))
        if event then
            handle(event)
        end
    end
end

return inbox
