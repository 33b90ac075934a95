--- Events from Stripe. Each is a row before it is answered, and its effect is one that can be tried
--- again; what cannot be done now stays NEW for the drain. Order of arrival means nothing: a state
--- that is not final is only a hint to ask Stripe. What an event means is said by the flow that it
--- concerns: inbox.register.
local clock = require("core.clock")
local conf = require("core.conf")
local core_stripe = require("core.stripe")
local crash = require("core.crash")
local json = require("core.json")
local log = require("core.log")
local parallel = require("core.parallel")
local db = require("souk.db")
local err = require("souk.err")
local stripe_api = require("flows.stripe_api")
local stripe_ops = require("flows.stripe_ops")

local inbox = {}

local TOLERANCE_S = 300
local LEASE_S = 30
local TRIES_MAX = 8
local DRAIN_MAX = 16
local ROUNDS_MAX = 200

local SECRETS = { platform = "stripe.webhook_secrets", connect = "stripe.connect_webhook_secrets" }

local value = stripe_api.value

-- What events do ---------------------------------------------------------------------------------

local handlers = { platform = {}, connect = {} }

--- Flows register at load what events of one endpoint ("platform", or "connect": those of vendors'
--- accounts) mean: {[type] = function(object, event)}, which returns what became of the event,
--- "DONE" or "IGNORED", and a remark; or nil, err to be tried again. The object is a snapshot, it
--- may be old, it may come twice and before an older one.
function inbox.register(list, endpoint)
    local known = handlers[endpoint] or error("no endpoint " .. tostring(endpoint), 2)
    for kind, handler in pairs(list) do
        if known[kind] then
            error(("%s events of the %s endpoint have a handler"):format(kind, endpoint), 2)
        end
        known[kind] = handler
    end
end

--- Whether some flow wants events of this type.
function inbox.is_wanted(endpoint, kind)
    return handlers[endpoint][kind] ~= nil
end

local OTHER = { platform = "connect", connect = "platform" }

--- The handler of an event, or nil and why nobody wants it; nil, nil, err.
local function handler_of(endpoint, event)
    local account = value(event.account)
    if (account ~= nil) ~= (endpoint == "connect") then
        return nil, "belongs to the other endpoint"
    end
    local handler = handlers[endpoint][event.type]
    if not handler then
        return nil, handlers[OTHER[endpoint]][event.type] and "belongs to the other endpoint"
            or "no use for this type"
    elseif account then
        local row, problem = db.one("stripe_event/find_account", account)
        if problem then
            return nil, nil, problem
        elseif not row then
            return nil, "no account of ours"
        end
    end
    return handler
end

local function outcome_of(endpoint, event)
    local handler, remark, problem = handler_of(endpoint, event)
    if handler then
        return handler(event.data.object, event)
    elseif problem then
        return nil, problem
    end
    return "IGNORED", remark
end

--- Does what an event means and ends its row. Returns true, or nil, err when it must be tried
--- again.
local function handle(endpoint, event)
    local state, remark = outcome_of(endpoint, event)
    if not state then
        -- Somebody being away for an hour says nothing of the event.
        db.exec("stripe_event/fail", event.id, remark.code, TRIES_MAX, remark.status ~= 503)
        return nil, remark
    end
    crash("event.handled")
    local is_finished, problem = db.exec("stripe_event/finish", event.id, state, remark)
    crash("event.finished")
    return is_finished, problem
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

--- Writes an event down: "new" or "known"; or nil, err. lease_s: for how long the drain leaves it
--- to the caller.
function inbox.keep(endpoint, event, lease_s)
    return db.tx(function()
        local row, problem = db.one("stripe_event/insert", event.id, endpoint, event.type,
            value(event.data.object.id), value(event.account), event.livemode == true,
            value(event.api_version), json.encode(stripe_ops.redact(event)), event.created, lease_s)
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
    local state, problem = inbox.keep(endpoint, event, LEASE_S)
    if not state then
        return nil, problem
    end
    crash("event.kept")
    if state == "known" then
        local row, failure = db.one("stripe_event/get", event.id)
        if not row then
            return nil, failure or err.internal()
        elseif row.state ~= "NEW" then
            return true
        end
    end
    return handle(endpoint, event)
end

local function handler_for(row)
    return function()
        local event = json.decode(tostring(row.payload))
        if event then
            handle(row.endpoint, event)
        end
    end
end

--- Events that were kept but not finished: of each object only the oldest one, so that news of one
--- object has its effects in the order in which it happened.
function inbox.drain()
    for _ = 1, ROUNDS_MAX do
        local rows = db.tx(function()
            return db.query("stripe_event/take_due", DRAIN_MAX, LEASE_S)
        end)
        local turns = {}
        for i, row in ipairs(rows or {}) do
            turns[i] = handler_for(row)
        end
        if #turns == 0 then
            return
        end
        parallel(unpack(turns))
    end
end

return inbox
