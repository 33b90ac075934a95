--- The outbox of calls that change something at Stripe. An operation is a row committed before it
--- is sent, with its key and its exact bytes; it is sent until its outcome is known, by whoever
--- needs it now or by the sweep. What the outcome does to us is committed together with the row's
--- end: kinds register what that is.
local conf = require("core.conf")
local core_stripe = require("core.stripe")
local crash = require("core.crash")
local crypto = require("core.crypto")
local json = require("core.json")
local log = require("core.log")
local parallel = require("core.parallel")
local db = require("souk.db")
local stripe_api = require("flows.stripe_api")

local stripe_ops = { kinds = {} }

local KEY_VERSION = "v1"
local LEASE_S = 60
--- Above the deadline of a job's call.
local JOB_LEASE_S = 90
local TAKE_MAX = 16
local METADATA = { count_max = 50, name_max = 40, value_max = 500 }

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
        account = spec.account,
        lane = spec.lane,
        state = spec.is_sent_now and "SENT" or "NEW",
        lease_s = spec.is_sent_now and LEASE_S or 0,
    }
end

--- Writes op; with the state that it got. A known (kind, ref_id, attempt) gives the row that is
--- there.
local function insert(op)
    local row, problem = db.one("stripe_op/insert", op.id, op.kind, op.ref_id, op.attempt,
        op.idempotency_key, op.path, op.body, op.api_version, op.state, op.lease_s, op.account,
        op.lane)
    if problem then
        return nil, problem
    elseif not row then
        return stripe_ops.latest(op.kind, op.ref_id)
    end
    op.state, op.tries = row.state, row.tries
    crash("op.added")
    return op
end

--- What Stripe refuses of metadata, which its own documents hardly say: found here, it is a bug of
--- the flow; found there, it would be a refused transfer.
local function check_metadata(metadata)
    local count = 0
    for name, content in pairs(metadata) do
        count = count + 1
        if #name > METADATA.name_max or #tostring(content) > METADATA.value_max then
            error(("metadata[%s] is longer than Stripe takes"):format(name), 3)
        end
    end
    if count > METADATA.count_max then
        error("more metadata than Stripe takes", 0)
    end
end

--- Writes an operation in the caller's transaction. spec: {kind, ref_id, attempt?, key, path,
--- params, account?, lane?, is_sent_now?}. key is what comes after the installation's name and ends
--- with the attempt. account: the connected account that it speaks for. lane: of operations with
--- the same one only the oldest open one is sent; so one that was to be sent now may have to wait
--- for the sweep (state NEW). Returns the row, or nil, err.
function stripe_ops.add(spec)
    check_metadata(spec.params.metadata or {})
    local install, problem = installation()
    if not install then
        return nil, problem
    end
    return insert(row_of(spec, install))
end

function stripe_ops.latest(kind, ref_id)
    return db.one("stripe_op/latest", kind, ref_id)
end

--- Whose address lets in whoever has it.
local LINKS = { account_link = true, login_link = true }

--- Anything of Stripe's as it may be kept: a client secret is stored nowhere, at no depth, and not
-- inside an address either (next_action has one); nor is the address of a link for one visit.
function stripe_ops.redact(object)
    if type(object) == "string" then
        return (object:gsub("_secret_%w+", "_secret_"))
    elseif type(object) ~= "table" then
        return object
    end
    local copy = json.is_array(object) and json.array({}) or json.object({})
    for name, member in pairs(object) do
        if name ~= "client_secret" and not (name == "url" and LINKS[object.object]) then
            copy[name] = stripe_ops.redact(member)
        end
    end
    return copy
end

--- Pauses before the second try, the third …, in units of stripe.resend_after_s: 30 s, 2 minutes,
--- 10 minutes, then every hour.
local PAUSES = { 1, 4, 20, 120 }

local function resend_after_s(tries)
    return tonumber(conf("stripe.resend_after_s")) * PAUSES[math.max(1, math.min(tries, #PAUSES))]
end

--- What we did not let out (result.is_held) was no try, and waits for Stripe to be back only.
local function postpone(op, result)
    local state = result.kind == "not_sent" and "NEW" or "UNKNOWN"
    local is_held = state == "NEW" and result.is_held or false
    local pause_s = is_held and math.max(1, core_stripe.away_s()) or resend_after_s(op.tries)
    return db.exec("stripe_op/postpone", op.id, state, result.status, result.problem, pause_s,
        is_held)
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

--- The same call under a new key, in place of one that certainly left nothing at Stripe.
local function supersede(op, result)
    log.warn("stripe.op.superseded", { op = op.id, kind = op.kind, problem = result.problem })
    return db.tx(function()
        local row, problem = db.one("stripe_op/supersede", op.id, result.problem)
        if problem then
            return nil, problem
        elseif not row then
            return true
        end
        local attempt = op.attempt + 1
        return insert({
            id = crypto.uuid7(), kind = op.kind, ref_id = op.ref_id, attempt = attempt,
            idempotency_key = ("%s~%d"):format(op.idempotency_key:gsub("~%d+$", ""), attempt),
            path = op.path, body = op.body, api_version = op.api_version, account = op.account,
            lane = op.lane, state = "NEW", lease_s = resend_after_s(attempt - 1),
        })
    end)
end

--- Sending again can tell nothing any more: Stripe has forgotten the key after a day, and would do
--- it once more; or it has kept a failure of its own, and answers the key with that. So one
--- looks, and takes what is there, or knows that nothing is (kind gone). A kind without `find`
--- stays as it is: somebody must look.
local function look(op, result)
    local handlers = stripe_ops.kinds[op.kind]
    local object = handlers and handlers.find and handlers.find(op)
    if object then
        log.warn("stripe.op.adopted", { op = op.id, kind = op.kind, object = object.id })
        return { kind = "ok", status = 200, object = object, request_id = result.request_id }
    elseif object == false then
        return { kind = "gone", problem = result.problem }
    end
    return result
end

local function ask(op, options)
    if op.is_old then
        return look(op, { kind = "unknown", problem = "too old to be sent again" })
    end
    crash("op.sent")
    local result = stripe_api.run({
        method = "POST", path = op.path, body = op.body, idempotency_key = op.idempotency_key,
        api_version = op.api_version, account = op.account, lane = op.lane,
        is_job = options and options.is_job,
    })
    if result.kind == "unknown" and result.is_replayed then
        return look(op, result)
    end
    return result
end

local ENDS = { ok = finish, rejected = finish, gone = supersede }

--- Sends an operation that the caller holds (added as is_sent_now, or taken) and writes down what
--- came out. Returns the result of stripe_api.run with `outcome`, what the kind's handler returned
--- (true when another sending was faster), or nil, err when that could not be written down: then
--- the sweep sends it again. kind may also be gone: another attempt is queued. options.is_job:
--- nobody waits for it.
function stripe_ops.send(op, options)
    if op.state == "NEW" then
        return { kind = "not_sent", problem = "waits for its lane" }
    end
    local result = ask(op, options)
    crash("op.answered")
    local is_written, problem = (ENDS[result.kind] or postpone)(op, result)
    if not is_written then
        return nil, problem
    end
    crash("op.finished")
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

local function sender(op)
    return function()
        local _, failure = stripe_ops.send(op, { is_job = true })
        if failure then
            log.error("stripe.op.not_recorded", { op = op.id, kind = op.kind, code = failure.code })
        end
    end
end

--- What was not sent yet, or whose outcome is not known. While Stripe is left alone nothing is
--- taken.
function stripe_ops.sweep()
    local taken, problem
    repeat
        if core_stripe.away_s() > 0 then
            return
        end
        taken, problem = db.tx(function()
            return db.query("stripe_op/take_due", TAKE_MAX, JOB_LEASE_S)
        end)
        if not taken then
            log.warn("stripe.sweep.failed", { code = problem.code })
            return
        end
        local senders = {}
        for i, op in ipairs(taken) do
            senders[i] = sender(op)
        end
        if #senders > 0 then
            parallel(unpack(senders))
        end
    until #taken < TAKE_MAX
end

return stripe_ops
