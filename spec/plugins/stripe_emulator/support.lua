--- An emulated account for specs: real code, a clock that stands still, a network that only
-- records.
local connect = require("stripe_emulator.connect.routes")
local control = require("stripe_emulator.control")
local emulators = require("stripe_emulator.emulator")
local hosts = require("stripe_emulator.host")
local json = require("core.json")
local pay = require("stripe_emulator.pay.routes")
local server = require("stripe_emulator.wire.server")

local support = {}

support.KEY = "sk_test_emulator"
support.SECRET = "whsec_emulator"
support.CONNECT_SECRET = "whsec_connect"
support.NOW_S = 1760000000

local function settings_with(changes)
    local settings = {
        secret_key = support.KEY,
        api_version = "2023-08-16",
        public_url = "http://localhost:3002",
        webhook_url = "http://localhost:3001/api/webhooks/stripe",
        webhook_secrets = { support.SECRET },
        connect_webhook_url = "http://localhost:3001/api/webhooks/stripe/connect",
        connect_webhook_secrets = { support.CONNECT_SECRET },
        webhook_retry_ms = 1000,
        fee_bps = 290,
        fee_fixed_minor = 30,
        dispute_fee_minor = 1500,
    }
    for name, value in pairs(changes or {}) do
        settings[name] = value
    end
    return settings
end

local function request(method, target, body, headers)
    local path, query = target:match("^([^?]*)%??(.*)$")
    local given = { ["authorization"] = "Bearer " .. support.KEY }
    if method == "POST" then
        given["content-type"] = "application/x-www-form-urlencoded"
    end
    for name, value in pairs(headers or {}) do
        given[name:lower()] = value
    end
    return {
        method = method,
        path = path,
        query = query,
        params = {},
        header = function(_, name)
            return given[name:lower()] or nil
        end,
        body = function()
            return body or ""
        end,
    }
end

local function answer(status, text, headers)
    local body = text and text ~= "" and json.decode(text) or nil
    return { status = status, text = text, body = body, error = body and body.error,
        headers = headers }
end

local world_meta = {}
world_meta.__index = world_meta

--- A call of the API. headers: false takes one away.
function world_meta:call(method, target, body, headers)
    return answer(server.handle(self.emulator, request(method, target, body, headers)))
end

function world_meta:post(target, body, headers)
    return self:call("POST", target, body, headers)
end

function world_meta:get(target, headers)
    return self:call("GET", target, nil, headers)
end

local function matching(routes, method, path)
    for _, route in ipairs(routes) do
        local names = {}
        local pattern = route.path:gsub("[%-.]", "%%%0"):gsub("{([%w_]+)}", function(name)
            names[#names + 1] = name
            return "([^/]+)"
        end)
        local found = { path:match("^" .. pattern .. "$") }
        if route.method == method and found[1] then
            local params = {}
            for position, name in ipairs(names) do
                params[name] = found[position]
            end
            return route, params
        end
    end
    error("no route " .. method .. " " .. path)
end

--- A call of a control or of the payment page.
function world_meta:visit(method, target, body, headers)
    local creq = request(method, target, body, headers)
    local routes = creq.path:match("^/_emu/") and control.routes
        or creq.path:match("^/connect/") and connect.routes or pay.routes
    local route, params = matching(routes, method, creq.path)
    creq.params = params
    local status, text, sent = route.run(self.emulator, creq)
    self.emulator.save()
    return { status = status, text = text, headers = sent, body = text and json.decode(text) }
end

function world_meta:control(path, value)
    return self:visit("POST", "/_emu/" .. path, value and json.encode(value) or "")
end

--- A new PaymentIntent of 100.00; more: further parameters as form text.
function world_meta:intent(more)
    local made = self:post("/v1/payment_intents", "amount=10000&currency=usd&" .. (more or ""))
    assert(made.status == 200, made.text)
    return made.body
end

function world_meta:confirm(intent, token, more)
    return self:post("/v1/payment_intents/" .. intent.id .. "/confirm",
        "payment_method=" .. token .. "&" .. (more or ""))
end

function world_meta:paid(token, more)
    local intent = self:intent(more)
    local answered = self:confirm(intent, token or "pm_card_visa")
    assert(answered.status == 200, answered.text)
    return answered.body
end

--- The types of all events so far, oldest first.
function world_meta:event_types()
    local types = {}
    for _, event in ipairs(self.emulator.store.kinds.event.ordered) do
        types[#types + 1] = event.type
    end
    return types
end

--- A state file in memory: kept = {text = what is written}; as core.state_file's.
function support.file(kept)
    local file, at, renewed = {}, 1, nil
    function file.read()
        local line, next_at = (kept.text or ""):match("^([^\n]*)\n()", at)
        at = next_at
        return line
    end
    function file.renew()
        renewed = {}
        return true
    end
    function file.append(_, text)
        if kept.refusal then
            return nil, kept.refusal
        elseif renewed then
            renewed[#renewed + 1] = text
        else
            kept.text = kept.text .. text
        end
        return true
    end
    function file.replace()
        kept.text, renewed = table.concat(renewed), nil
        return true
    end
    return file
end

--- The same account after its process was killed and started again. cut: how many bytes of the
-- file the kill has cost.
function world_meta:killed(cut)
    self.file.text = self.file.text:sub(1, #self.file.text - (cut or 0))
    return support.world(self.settings, self.file)
end

--- settings: what differs from the usual ones; file: see support.file, nil keeps nothing.
-- world.sent records deliveries, answered with world.answers[n] or 200.
function support.world(settings, file)
    local world = setmetatable({ now_ms = support.NOW_S * 1000, sent = {}, slept = {},
        answers = {}, settings = settings, file = file }, world_meta)
    local host = hosts.new()
    host.now_ms = function()
        return world.now_ms
    end
    host.open_state = function()
        return world.file and support.file(world.file)
    end
    host.sleep = function(ms)
        world.slept[#world.slept + 1] = ms
        if world.on_sleep then
            world.on_sleep()
        end
    end
    host.post = function(url, headers, body)
        world.sent[#world.sent + 1] = { url = url, headers = headers, body = body,
            event = json.decode(body) }
        local status = world.answers[#world.sent] or 200
        if status == "unreachable" then
            return nil, "not_sent"
        end
        return status
    end
    world.emulator = emulators.new(host, settings_with(settings))
    return world
end

return support
