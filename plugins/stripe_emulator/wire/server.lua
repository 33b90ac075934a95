--- One request to the API, from its head to its answer. The order of the steps is Stripe's, and
-- it decides what an idempotency key saves: key of the account, path, fault, saved answer,
-- parameters, then execution.
local errors = require("stripe_emulator.wire.errors")
local expand = require("stripe_emulator.wire.expand")
local faults = require("stripe_emulator.wire.faults")
local idempotency = require("stripe_emulator.state.idempotency")
local journal = require("stripe_emulator.state.journal")
local owners = require("stripe_emulator.wire.owners")
local params = require("stripe_emulator.wire.params")
local registry = require("stripe_emulator.wire.registry")
local store = require("stripe_emulator.state.store")

local server = {}

local NO_FAULT = { kind = "none" }

local BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function from_base64(text)
    local bits, count, out = 0, 0, {}
    for char in text:gmatch("[%w+/]") do
        bits = bits * 64 + BASE64:find(char, 1, true) - 1
        count = count + 6
        if count >= 8 then
            count = count - 8
            out[#out + 1] = string.char(math.floor(bits / 2 ^ count))
            bits = bits % 2 ^ count
        end
    end
    return table.concat(out)
end

--- The key from "Bearer key" or from the user name of "Basic base64(key:)".
local function key_of(header)
    local bearer = header:match("^[Bb]earer%s+(%S+)$")
    if bearer then
        return bearer
    end
    local basic = header:match("^[Bb]asic%s+(%S+)$")
    return basic and from_base64(basic):match("^([^:]*)")
end

local function unauthorized(message)
    return errors.new(401, { message = message })
end

local function authorize(emulator, request)
    local key = request.authorization and key_of(request.authorization)
    if not key or key == "" then
        return unauthorized("You did not provide an API key. You need to provide your API key in "
            .. "the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            .. "YOUR_SECRET_KEY').")
    end
    if key ~= emulator.settings.secret_key or not key:match("^sk_test_") then
        return unauthorized("Invalid API Key provided: " .. errors.shown_key(key))
    end
    if request.version and not request.version:match("^%d%d%d%d%-%d%d%-%d%d[%w._;= -]*$") then
        return errors.invalid(nil, nil, "Invalid Stripe API version: " .. request.version)
    end
end

--- Stripe-Account: the account exists, and the operation is one that the emulator does on behalf.
local function check_account(emulator, request)
    if not request.account then
        return nil
    end
    local account, wrong = owners.connected(emulator, request.account)
    if not account then
        return wrong
    elseif not request.operation.takes_account then
        return errors.invalid(nil, "unsupported_by_emulator", ("Stripe knows %s %s on behalf of a "
            .. "connected account, this emulator does not."):format(request.method, request.path))
    end
end

local function decode(emulator, request)
    local text = request.method == "POST" and request.body or request.query
    if request.method == "POST" and text ~= "" then
        local content_type = request.content_type or ""
        if not content_type:lower():match("^application/x%-www%-form%-urlencoded") then
            return errors.invalid(nil, nil, "Invalid request (check that your POST content type "
                .. "is application/x-www-form-urlencoded). If you have questions, we can help at "
                .. "https://support.stripe.com/.")
        end
    end
    local values, wrong = emulator.form_decode(text)
    if not values then
        return errors.invalid(nil, nil, wrong)
    end
    request.values = values
end

local function encode_error(emulator, request, err)
    err.error.request_log_url = "https://dashboard.stripe.com/test/logs/" .. request.id
    local headers
    if err.error.code == "lock_timeout" then
        headers = { ["Stripe-Should-Retry"] = "true" }
    end
    local body = emulator.json.encode({ error = err.error })
    return { status = err.status, body = body, headers = headers }
end

--- Runs the operation; a bug in one is a 500 as Stripe's own would be.
local function execute(emulator, request)
    local is_fine, object, err = pcall(request.operation.run, emulator, request)
    if request.method == "GET" then
        store.untouch(emulator.store) -- it was only looked at
    end
    if not is_fine then
        local message = tostring(object)
        emulator.log.error("stripe_emulator.bug", { request = request.id, message = message })
        return encode_error(emulator, request, errors.api())
    end
    if not object then
        return encode_error(emulator, request, err)
    end
    local shown = expand.apply(emulator, request.operation, emulator.view(object), request.tree)
    return { status = 200, body = emulator.json.encode(shown) }
end

--- Parameters and expansions, the last checks whose failure a key does not remember.
local function check(emulator, request)
    local wrong
    request.params, wrong = params.check(request.operation.params, request.values)
    if wrong then
        return wrong
    end
    local operation = request.operation
    request.tree, wrong = expand.plan(emulator.registry.expandable, operation,
        request.params.expand)
    if wrong then
        return wrong
    end
    return operation.check and operation.check(request.params)
end

--- Executes, with what a fault does meanwhile; what this gives is what a key replays.
local function execute_with_fault(emulator, request, fault)
    if fault.kind == "slow" then
        emulator.sleep(fault.ms)
    end
    local answer = execute(emulator, request)
    if fault.kind == "error_after" then
        return encode_error(emulator, request, errors.api())
    end
    return answer
end

--- Executes under the key, if there is one, and gives what the client gets.
local function run(emulator, request)
    local key, fault = request.key, request.fault or NO_FAULT
    if key then
        idempotency.begin(emulator.idempotency, key, request)
    end
    local answer = execute_with_fault(emulator, request, fault)
    request.is_executed = true
    if key then
        local saved = { status = answer.status, body = answer.body, request_id = request.id }
        idempotency.save(emulator.idempotency, key, saved)
    end
    return faults.deform(fault, answer, emulator.json)
end

--- The state is saved; what a test wants to happen before the answer leaves.
local function send_off(emulator, request)
    local is_change = request.is_executed and request.method ~= "GET"
    if is_change then
        emulator.crash("emulator.executed")
    end
    emulator.save()
    if is_change then
        emulator.crash("emulator.saved")
    end
    if not request.is_executed then
        return
    end
    emulator.before_response()
    if request.fault and request.fault.kind == "hang" then
        emulator.sleep(request.fault.ms)
    end
end

local function replay(request, saved)
    request.is_replayed = true
    return {
        status = saved.status,
        body = saved.body,
        headers = { ["Idempotent-Replayed"] = "true", ["Original-Request"] = saved.request_id },
    }
end

--- The steps up to execution: an answer, or nil and an error, or nothing when all is well.
local function prepare(emulator, request)
    local wrong = authorize(emulator, request)
    if wrong then
        return nil, wrong
    end
    request.operation, request.ids = registry.match(emulator.registry, request.method, request.path)
    if not request.operation then
        return nil, errors.new(404, {
            message = ("Unrecognized request URL (%s: %s). If you are trying to list objects, "
                .. "remove the trailing slash. If you are trying to retrieve an object, make "
                .. "sure you passed a valid (non-empty) identifier in your "
                .. "code."):format(request.method, request.path),
        })
    end
    wrong = check_account(emulator, request) or decode(emulator, request)
    if wrong then
        return nil, wrong
    end
    request.fault = faults.take(emulator.faults, request.method, request.path)
    if request.fault and request.fault.stage == "before" then
        return faults.refuse(request.fault)
    end
    if request.key then
        local saved, refused = idempotency.find(emulator.idempotency, request.key, request)
        if saved then
            return replay(request, saved)
        elseif refused then
            return nil, refused
        end
    end
    return nil, check(emulator, request)
end

local function read(emulator, creq)
    local method = creq.method
    local key, account = creq:header("Idempotency-Key"), creq:header("Stripe-Account")
    return {
        id = "req_" .. emulator.random(14),
        method = method,
        path = creq.path,
        query = creq.query or "",
        body = creq:body() or "",
        authorization = creq:header("Authorization"),
        content_type = creq:header("Content-Type"),
        version = creq:header("Stripe-Version"),
        account = account ~= "" and account or nil,
        key = method == "POST" and key ~= "" and key or nil,
    }
end

local function note(emulator, request, status)
    journal.add(emulator.journal, {
        at_ms = emulator.clock.now_ms(),
        request_id = request.id,
        method = request.method,
        path = request.path,
        query = request.query,
        body = request.body,
        account = request.account,
        version = request.version,
        idempotency_key = request.key,
        status = status,
        executed = request.is_executed or false,
        replayed = request.is_replayed or false,
        fault = request.fault and request.fault.kind,
    })
end

--- creq as the engine gives it -> status, body, headers.
function server.handle(emulator, creq)
    local request = read(emulator, creq)
    emulator.run_due()
    local answer, wrong = prepare(emulator, request)
    if wrong then
        answer = encode_error(emulator, request, wrong)
    elseif not answer then
        answer = run(emulator, request)
    end
    note(emulator, request, answer.status)
    send_off(emulator, request)
    local headers = answer.headers or {}
    headers["Content-Type"] = headers["Content-Type"] or "application/json"
    headers["Request-Id"] = request.id
    headers["Stripe-Version"] = request.version or emulator.settings.api_version
    headers["Idempotency-Key"] = request.key
    headers["Stripe-Account"] = request.account
    return answer.status, answer.body, headers
end

return server
