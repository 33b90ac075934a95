--- Calls to Stripe: one logical call with the official SDK's retries, within a deadline. Never
--- inside a database transaction: a row lock must not wait for another company. What must not
--- happen twice carries an Idempotency-Key and bytes that were stored before
--- (flows/stripe_ops.lua).
local clock = require("core.clock")
local conf = require("core.conf")
local json = require("core.json")
local log = require("core.log")
local sleep = require("core.sleep")
local stripe = require("core.stripe")
local db = require("souk.db")
local err = require("souk.err")

local stripe_api = {}

local ATTEMPTS_MAX = 3
--- Of a whole call, waiting for its turn and pauses included.
local DEADLINE_MS, JOB_DEADLINE_MS = 20000, 60000
--- A client waits at most http.request_timeout_ms: leave time to write down what came out.
local WRITING_MS = 2000
local CONNECT_MS = 3000
local LEAST_MS = 250
--- A job may wait for a Stripe that limits our rate; a client is told.
local LIMITED_PAUSE_MS = 1000
--- A day of the largest marketplaces and a backlog of months; a list that never ends is a fault.
local PAGES_MAX = 20000
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
    return stripe.send({
        method = call.method,
        url = conf("stripe.base_url") .. call.path,
        headers = headers_of(call),
        body = call.body,
        timeout_ms = tonumber(conf("stripe.timeout_ms")),
        connect_timeout_ms = CONNECT_MS,
        plain = conf("stripe.base_url"):find("^http://") ~= nil,
        deadline_ms = left_ms,
        lane = call.lane,
        background = call.is_job,
    })
end

local function parse(answer)
    local object = answer.body and json.decode(answer.body)
    return type(object) == "table" and object or nil
end

--- Refused at the door: whatever was asked has not been done.
local NOT_DONE = { [401] = true, [403] = true, [429] = true }

local function is_not_done(answer)
    return NEVER_LEFT[answer.outcome] or NOT_DONE[answer.status] or false
end

local function kind_of(answer, object, is_unsent)
    local status = answer.status
    if answer.outcome ~= "answered" or NOT_DONE[status] then
        return is_unsent and "not_sent" or "unknown"
    end
    local class = object and math.floor(status / 100)
    if class == 2 then
        return "ok"
    elseif class == 4 and status ~= 409 and object.error then
        return "rejected"
    end
    return "unknown"
end

--- What the answer of the last attempt means. kind: ok (object), rejected (error: Stripe has
--- decided), not_sent (nothing can have happened; is_held: we did not let it out), unknown (it may
--- have: the same key again).
local function judge(answer, is_unsent)
    if answer.outcome ~= "answered" then
        return {
            kind = kind_of(answer, nil, is_unsent), problem = answer.problem or answer.outcome,
            is_held = answer.outcome == "refused",
        }
    end
    local object = parse(answer)
    local result = {
        kind = kind_of(answer, object, is_unsent), status = answer.status,
        request_id = answer.headers("Request-Id"), problem = "HTTP " .. answer.status,
        is_replayed = answer.headers("Idempotent-Replayed") == "true",
    }
    if result.kind == "ok" then
        result.object = object
    elseif result.kind == "rejected" then
        result.error = object.error
        result.problem = tostring(stripe_api.value(object.error.code) or object.error.type)
    end
    return result
end

local function report(call, result)
    if result.kind == "ok" or result.problem == "breaker_open" then
        return
    end
    log.warn("stripe.call.failed", {
        method = call.method, path = call.path, kind = result.kind, problem = result.problem,
        status = result.status, stripe_request_id = result.request_id,
    })
end

local function deadline_ms(call)
    if call.is_job then
        return JOB_DEADLINE_MS
    end
    return math.min(DEADLINE_MS, tonumber(conf("http.request_timeout_ms")) - WRITING_MS)
end

--- The pause before another attempt, or nil for none: the official SDK's rule, and jobs wait for a
--- rate limit too.
local function pause_of(call, attempt, answer)
    local verdict, pause_ms = stripe.retry(attempt, ATTEMPTS_MAX, answer)
    if verdict == "retry" then
        return pause_ms
    elseif call.is_job and answer.status == 429 and attempt < ATTEMPTS_MAX then
        return LIMITED_PAUSE_MS * 2 ^ (attempt - 1) * (0.5 + 0.5 * math.random())
    end
end

--- Attempts until the retry rule or the deadline ends them. Returns the last answer, and whether
--- none of them can have been executed.
local function attempt_all(call)
    local until_us = clock.monotonic_us() + deadline_ms(call) * 1000
    local is_unsent = true
    local function left_ms()
        return math.floor((until_us - clock.monotonic_us()) / 1000)
    end
    for attempt = 1, ATTEMPTS_MAX do
        local answer = send_once(call, math.max(left_ms(), LEAST_MS))
        is_unsent = is_unsent and is_not_done(answer)
        local pause_ms = pause_of(call, attempt, answer)
        if not pause_ms or left_ms() < pause_ms + LEAST_MS then
            return answer, is_unsent
        end
        sleep(pause_ms)
    end
end

--- call: {method, path, body?, idempotency_key?, api_version?, account? (it speaks for), lane? (one
--- at a time in it), is_job? (nobody waits for it)}. Returns {kind, status, object?, error?,
--- problem, request_id?}; never raises for what the network does.
function stripe_api.run(call)
    if db.in_tx() then
        error("a call to Stripe inside a transaction: commit the intent first", 2)
    end
    local problem = refusal()
    if problem then
        log.error("stripe.refused", { problem = problem })
        return { kind = "not_sent", problem = problem }
    end
    local result = judge(attempt_all(call))
    report(call, result)
    return result
end

local function read(path, options)
    return stripe_api.run({
        method = "GET", path = path, account = options and options.account,
        is_job = options and options.is_job,
    })
end

--- A resource as it is now; or nil, err (stripe_away, or not_found when Stripe does not know it).
--- options: {account, is_job}.
function stripe_api.get(path, options)
    local result = read(path, options)
    if result.kind == "ok" then
        return result.object
    elseif result.status == 404 and result.error and result.error.code == "resource_missing" then
        return nil, err.not_found()
    end
    local problem = err.stripe_away()
    problem.is_forbidden = result.status == 403
    return nil, problem
end

--- A list page by page, newest first: on_page(data) until it returns false (enough) or nil, err.
--- path holds the filters ("/v1/refunds?payment_intent=…"); options: {account, is_job}. How many
--- objects there were until the end was reached or on_page had enough; or nil, err.
function stripe_api.each_page(path, on_page, options)
    local after, count = "", 0
    for _ = 1, PAGES_MAX do
        local list, away = stripe_api.get(path .. "&limit=100" .. after, options)
        if not list then
            return nil, away
        end
        local goes_on, problem = on_page(list.data)
        if problem then
            return nil, problem
        end
        count = count + #list.data
        if not goes_on or not list.has_more or #list.data == 0 then
            return count
        end
        after = "&starting_after=" .. list.data[#list.data].id
    end
    return nil, err.stripe_away()
end

--- The newest object of a list that is_wanted(object): the object, false when none is wanted, or
--- nil, err. path and options as for each_page.
function stripe_api.find(path, is_wanted, options)
    local found = false
    local is_read, problem = stripe_api.each_page(path, function(page)
        for _, object in ipairs(page) do
            if is_wanted(object) then
                found = object
                return false
            end
        end
        return true
    end, options)
    if not is_read then
        return nil, problem
    end
    return found
end

return stripe_api
