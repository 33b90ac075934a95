--- Calls to Stripe: one logical call with the official SDK's retries, within a deadline. Never inside a database
--- transaction: a row lock must not wait for another company. What must not happen twice carries an Idempotency-Key
--- and bytes that were stored before (flows/stripe_ops.lua).
local clock = require("core.clock")
local conf = require("core.conf")
local fetch = require("core.fetch")
local json = require("core.json")
local log = require("core.log")
local sleep = require("core.sleep")
local stripe = require("core.stripe")
local db = require("souk.db")
local err = require("souk.err")

local stripe_api = {}

local ATTEMPTS_MAX = 3
--- A client waits at most http.request_timeout_ms: leave time to write down what came out.
local DEADLINE_MS = 8000
local LEAST_MS = 250
local NEVER_LEFT = { not_sent = true, tls = true, refused = true }

--- null and missing alike are nil.
function stripe_api.value(v)
    if v == json.null then
        return nil
    end
    return v
end

function stripe_api.is_live()
    return (conf("stripe.secret_key") or ""):find("^[sr]k_live_") ~= nil
end

local function is_true(text)
    return text == "true" or text == "1"
end

local function refusal()
    local key = conf("stripe.secret_key") or ""
    if key == "" then
        return "stripe.secret_key is not set"
    end
    return stripe.key_refusal(key, conf("stripe.base_url"), is_true(conf("stripe.live")))
end

local function headers_of(call)
    local headers = {
        Authorization = "Bearer " .. conf("stripe.secret_key"),
        ["Stripe-Version"] = call.api_version or conf("stripe.api_version"),
    }
    if call.method == "POST" then
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        headers["Idempotency-Key"] = call.idempotency_key
    end
    if call.account then
        headers["Stripe-Account"] = call.account
    end
    return headers
end

local function send_once(call, left_ms)
    return fetch.request({
        method = call.method,
        url = conf("stripe.base_url") .. call.path,
        headers = headers_of(call),
        body = call.body,
        timeout_ms = math.min(tonumber(conf("stripe.timeout_ms")), left_ms),
        connect_timeout_ms = math.min(3000, left_ms),
        plain = conf("stripe.base_url"):find("^http://") ~= nil,
    })
end

local function parse(answer)
    local object = answer.body and json.decode(answer.body)
    return type(object) == "table" and object or nil
end

--- What the answer of the last attempt means. kind: ok (object), rejected (error: Stripe has decided), not_sent (nothing
--- can have happened), unknown (it may have: the same key again).
local function judge(answer, is_unsent)
    local result = { status = answer.status, problem = answer.problem or answer.outcome }
    if answer.outcome ~= "answered" then
        result.kind = is_unsent and "not_sent" or "unknown"
        return result
    end
    local object = parse(answer)
    result.request_id = answer.headers("Request-Id")
    result.problem = "HTTP " .. answer.status
    if answer.status >= 200 and answer.status < 300 and object then
        result.kind, result.object = "ok", object
    elseif answer.status == 401 or answer.status == 403 or answer.status == 429 then
        result.kind = is_unsent and "not_sent" or "unknown"
    elseif answer.status >= 400 and answer.status < 500 and answer.status ~= 409 and object
        and type(object.error) == "table" then
        result.kind, result.error = "rejected", object.error
        result.problem = tostring(stripe_api.value(object.error.code) or object.error.type)
    else
        result.kind = "unknown"
    end
    return result
end

local function report(call, result)
    if result.kind == "ok" then
        return
    end
    log.warn("stripe.call.failed", {
        method = call.method, path = call.path, kind = result.kind, problem = result.problem,
        status = result.status, stripe_request_id = result.request_id,
    })
end

--- call: {method, path, body?, idempotency_key?, api_version?, account?}. Returns {kind, status, object?, error?, problem,
--- request_id?}; never raises for what the network does.
function stripe_api.run(call)
    if db.in_tx() then
        error("a call to Stripe inside a transaction: commit the intent first", 2)
    end
    local problem = refusal()
    if problem then
        log.error("stripe.refused", { problem = problem })
        return { kind = "not_sent", problem = problem }
    end
    local until_us = clock.monotonic_us() + DEADLINE_MS * 1000
    local attempt, is_unsent, answer, verdict, pause_ms = 0, true, nil, nil, nil
    repeat
        attempt = attempt + 1
        local left_ms = math.floor((until_us - clock.monotonic_us()) / 1000)
        answer = send_once(call, math.max(left_ms, LEAST_MS))
        is_unsent = is_unsent and (NEVER_LEFT[answer.outcome] or answer.status == 401
            or answer.status == 403 or answer.status == 429) or false
        verdict, pause_ms = stripe.retry(attempt, ATTEMPTS_MAX, answer)
        local is_time_left = pause_ms
            and clock.monotonic_us() + (pause_ms + LEAST_MS) * 1000 < until_us
        if verdict == "retry" and is_time_left then
            sleep(pause_ms)
        end
    until verdict ~= "retry" or not is_time_left
    local result = judge(answer, is_unsent)
    report(call, result)
    return result
end

--- A resource as it is now; or nil, err (stripe_away, or not_found when Stripe does not know it).
function stripe_api.get(path)
    local result = stripe_api.run({ method = "GET", path = path })
    if result.kind == "ok" then
        return result.object
    elseif result.status == 404 then
        return nil, err.not_found()
    end
    return nil, err.stripe_away()
end

return stripe_api
