--- What `souk stripe-emulator` runs: the emulated account, its routes and the timers that deliver
-- its events.
local connect = require("stripe_emulator.connect.routes")
local control = require("stripe_emulator.control")
local emulators = require("stripe_emulator.emulator")
local hosts = require("stripe_emulator.host")
local idempotency = require("stripe_emulator.state.idempotency")
local pay = require("stripe_emulator.pay.routes")
local sender = require("stripe_emulator.webhooks.sender")
local server = require("stripe_emulator.wire.server")

local DEPTH_MAX = 6
local LANES = 4
local LANE_EVERY_MS = 20
local METHODS = { "GET", "POST", "DELETE" }

local function words(text)
    local out = {}
    for word in (text or ""):gmatch("[^,%s]+") do
        out[#out + 1] = word
    end
    return out
end

local function settings_of(host)
    local conf = host.conf
    local public_url = conf("http.public_url") or ""
    if public_url == "" then
        public_url = "http://localhost:" .. conf("http.port")
    end
    local webhook_url = conf("emulator.webhook_url") or ""
    local connect_url = conf("emulator.connect_webhook_url") or ""
    if connect_url == "" and webhook_url ~= "" then
        connect_url = webhook_url .. "/connect"
    end
    return {
        secret_key = conf("stripe.secret_key") or "",
        api_version = conf("stripe.api_version"),
        public_url = public_url,
        webhook_url = webhook_url,
        webhook_secrets = words(conf("stripe.webhook_secrets")),
        connect_webhook_url = connect_url,
        connect_webhook_secrets = words(conf("stripe.connect_webhook_secrets")),
        webhook_retry_ms = tonumber(conf("emulator.webhook_retry_ms")),
        fee_bps = tonumber(conf("emulator.fee_bps")),
        fee_fixed_minor = tonumber(conf("emulator.fee_fixed_minor")),
        dispute_fee_minor = tonumber(conf("emulator.dispute_fee_minor")),
    }
end

--- The API's own paths are matched by wire/registry.lua, so that a path Stripe does not know gets
-- Stripe's answer.
local function add_api(routes, emulator)
    local path = "/v1"
    for depth = 1, DEPTH_MAX do
        path = ("%s/{p%d}"):format(path, depth)
        for _, method in ipairs(METHODS) do
            routes[#routes + 1] = {
                id = ("stripe.%s.%d"):format(method:lower(), depth),
                method = method,
                path = path,
                run = function(creq)
                    return server.handle(emulator, creq)
                end,
            }
        end
    end
end

local function add(routes, emulator, more)
    for _, route in ipairs(more) do
        routes[#routes + 1] = {
            id = route.id,
            method = route.method,
            path = route.path,
            run = function(creq)
                local status, body, headers = route.run(emulator, creq)
                emulator.save()
                return status, body, headers
            end,
        }
    end
end

local function timers_of(emulator)
    local timers = {
        {
            name = "emulator.clock",
            every_ms = 1000,
            run = function()
                emulator.run_due()
                idempotency.sweep(emulator.idempotency)
                emulator.save()
            end,
        },
    }
    for lane = 1, LANES do
        timers[#timers + 1] = {
            name = "emulator.webhooks." .. lane,
            every_ms = LANE_EVERY_MS,
            run = function()
                sender.run(emulator)
            end,
        }
    end
    return timers
end

local host = hosts.new()
local emulator = emulators.new(host, settings_of(host))
local routes = {}
add_api(routes, emulator)
add(routes, emulator, control.routes)
add(routes, emulator, pay.routes)
add(routes, emulator, connect.routes)

return { routes = routes, timers = timers_of(emulator) }
