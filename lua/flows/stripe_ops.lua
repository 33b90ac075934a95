--- The outbox of calls that change something at Stripe. An operation is a row committed before it
--- is sent, with its key and its exact bytes; it is sent until its outcome is known, by whoever
--- needs it now or by the sweep. What the outcome does to us is committed together with the row's
--- end: kinds register what that is.
local conf = require("core.conf")
local core_stripe = require("core.stripe")
local crypto = require("core.crypto")
local json = require("core.json")
local log = require("core.log")
local db = require("souk.db")
local stripe_api = require("flows.stripe_api")

local stripe_ops = { kinds = {} }

local KEY_VERSION = "v1"
local LEASE_S = 60
local RESEND_MAX_S = 3600
local TAKE_MAX = 20

local installation_id

--- Part of every key: two databases on one Stripe account never answer each other's calls.
local function installation()
    if not installation_id then
        local row, problem = db.one("installation/get")
        if not row then
            return nil, problem
        end
        installation_id = row.id
    end
    return installation_id
end

--- handlers: {done = function(op, object), rejected = function(op, error)}; both run in the
--- transaction that ends the operation and return true, or nil, err. find = function(op), outside
--- of any: what the operation made, if it did: the object, false, or nil, err.
function stripe_ops.register(kind, handlers)
    stripe_ops.kinds[kind] = handlers
end

local function row_of(spec, install)
    return {
        id = crypto.uuid7(), kind = spec.kind, ref_id = spec.ref_id, attempt = spec.attempt or 1,
        idempotency_key = ("%s:%s:%s"):format(KEY_VERSION, install, spec.key),
        path = spec.path,
        body = core_stripe.form(spec.params),
        api_version = conf("stripe.api_version"),
        state = spec.is_sent_now and "SENT" or "NEW",
        tries = spec.is_sent_now and 1 or 0,
        lease_s = spec.is_sent_now and LEASE_S or 0,
    }
end

--- Writes an operation in the caller's transaction. spec: {kind, ref_id, attempt, key, path,
--- params, is_sent_now}. key is what comes after the installation's name. Returns the row, or nil,
--- err.
function stripe_ops.add(spec)
    local install, problem = installation()
    if not install then
        return nil, problem
    end
    local op = row_of(spec, install)
    local row, failure = db.one("stripe_op/insert", op.id, op.kind, op.ref_id, op.attempt,
        op.idempotency_key, op.path, op.body, op.api_version, op.state, op.lease_s)
    if failure then
        return nil, failure
    end
    return row and op or stripe_ops.latest(op.kind, op.ref_id)
end

function stripe_ops.latest(kind, ref_id)
    return db.one("stripe_op/latest", kind, ref_id)
end

--- Anything of Stripe's as it may be kept: a client secret is stored nowhere, at no depth, and not
-- inside an address either (next_action has one).
function stripe_ops.redact(object)
    if type(object) == "string" then
        return (object:gsub("_secret_%w+", "_secret_"))
    elseif type(object) ~= "table" then
        return object
    end
    local copy = json.is_array(object) and json.array({}) or json.object({})
    for name, member in pairs(object) do
        if name ~= "client_secret" then
            copy[name] = stripe_ops.redact(member)
        end
    end
    return copy
end

local function resend_after_s(tries)
    local base_s = tonumber(conf("stripe.resend_after_s"))
    return math.min(base_s * 2 ^ math.max(0, tries - 1), math.max(base_s, RESEND_MAX_S))
end

local function postpone(op, result)
    local state = result.kind == "not_sent" and "NEW" or "UNKNOWN"
    return db.exec("stripe_op/postpone", op.id, state, result.status, result.problem,
        resend_after_s(op.tries))
end

--- Ends the operation and does what its end means, at once or not at all.
local function finish(op, result)
    local handlers = stripe_ops.kinds[op.kind] or error("no handlers for kind " .. op.kind)
    local is_ok = result.kind == "ok"
    return db.tx(function()
        local response = stripe_ops.redact(is_ok and result.object or result.error)
        local row, problem = db.one("stripe_op/finish", op.id, is_ok and "DONE" or "REJECTED",
            result.status, json.encode(response), result.request_id)
        if problem then
            return nil, problem
        elseif not row then
            return true
        elseif is_ok then
            return handlers.done(op, result.object)
        end
        return handlers.rejected(op, result.error)
    end)
end

--- Stripe keeps even a failure of its own for 24 hours, and answers the key with it: sending again
--- can tell nothing any more. So one looks, and takes what is there, or knows that nothing is.
local function look(op, result)
    local handlers = stripe_ops.kinds[op.kind]
    local object = handlers and handlers.find and handlers.find(op)
    if object then
        log.warn("stripe.op.adopted", { op = op.id, kind = op.kind, object = object.id })
        return { kind = "ok", status = 200, object = object, request_id = result.request_id }
    elseif object == false then
        return {
            kind = "rejected", status = result.status, request_id = result.request_id,
            problem = "replayed_failure", error = { type = "api_error", code = "replayed_failure" },
        }
    end
    return result
end

--- Sends an operation that the caller holds (added as is_sent_now, or taken) and writes down what
--- came out. Returns the result of stripe_api.run with `outcome`, what the kind's handler returned
--- (true when another sending was faster), or nil, err when that could not be written down: then
--- the sweep sends it again.
function stripe_ops.send(op)
    local result = stripe_api.run({
        method = "POST", path = op.path, body = op.body, idempotency_key = op.idempotency_key,
        api_version = op.api_version, account = op.account,
    })
    if result.kind == "unknown" and result.is_replayed then
        result = look(op, result)
    end
    local is_written, problem
    if result.kind == "ok" or result.kind == "rejected" then
        is_written, problem = finish(op, result)
    else
        is_written, problem = postpone(op, result)
    end
    if not is_written then
        return nil, problem
    end
    result.outcome = is_written
    return result
end

--- Sends an operation that is wanted now, whoever sent it before. nil without an err: it has ended
--- already.
function stripe_ops.send_again(op)
    local taken, problem = db.tx(function()
        local row, failure = db.one("stripe_op/take", op.id, LEASE_S)
        if failure then
            return nil, failure
        end
        return row or false
    end)
    if not taken then
        return nil, problem
    end
    return stripe_ops.send(taken)
end

--- What was not sent yet, or whose outcome is not known.
function stripe_ops.sweep()
    local taken, problem = db.tx(function()
        return db.query("stripe_op/take_due", TAKE_MAX, LEASE_S)
    end)
    if not taken then
        log.warn("stripe.sweep.failed", { code = problem.code })
        return
    end
    for _, op in ipairs(taken) do
        local _, failure = stripe_ops.send(op)
        if failure then
            log.error("stripe.op.not_recorded", { op = op.id, kind = op.kind, code = failure.code })
        end
    end
end

return stripe_ops
