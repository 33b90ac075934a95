--- The Stripe emulator as a process, and a buyer's browser on its payment page.
local client = require("spec.support.client")
local server = require("spec.support.server")

local emulator = {}

emulator.KEY = "sk_test_souk_specs"
emulator.WEBHOOK_SECRET = "whsec_souk_specs"
emulator.CONNECT_WEBHOOK_SECRET = "whsec_souk_specs_connect"

--- options: port, webhook_url ("" sends nothing), set.
function emulator.start(options)
    options = options or {}
    local set = {
        ["stripe.secret_key"] = emulator.KEY,
        ["stripe.webhook_secrets"] = emulator.WEBHOOK_SECRET,
        ["stripe.connect_webhook_secrets"] = emulator.CONNECT_WEBHOOK_SECRET,
        ["emulator.webhook_url"] = options.webhook_url or "",
        ["http.request_timeout_ms"] = 10000, -- when it stops, what hangs is waited for so long
    }
    for key, value in pairs(options.set or {}) do
        set[key] = value
    end
    return server.start({
        name = "emulator", subcommand = "stripe-emulator", port = options.port, set = set,
        ready = "/health",
    })
end

--- The settings with which a server talks to it.
function emulator.settings(process)
    return {
        ["stripe.base_url"] = process.url,
        ["stripe.secret_key"] = emulator.KEY,
        ["stripe.webhook_secrets"] = emulator.WEBHOOK_SECRET,
        ["stripe.connect_webhook_secrets"] = emulator.CONNECT_WEBHOOK_SECRET,
    }
end

local FORM = "application/x-www-form-urlencoded"

--- Pays as a browser does that has the payment's client secret. The emulator's answer.
function emulator.pay(process, client_secret, card)
    return client.request({
        port = process.port, method = "POST", path = "/pay/" .. client_secret .. "/confirm",
        headers = { Accept = "application/json", ["Content-Type"] = FORM },
        body = "pm=" .. (card or "pm_card_visa"),
    })
end

--- Finishes the step that pm_card_authenticationRequired asks for.
function emulator.authenticate(process, client_secret, is_ok)
    return client.request({
        port = process.port, method = "POST", path = "/pay/" .. client_secret .. "/3ds",
        headers = { Accept = "application/json", ["Content-Type"] = FORM },
        body = "ok=" .. (is_ok == false and "0" or "1"),
    })
end

--- A call of Stripe's API with the platform's key; body is form text.
function emulator.call(process, method, path, body, headers)
    local all = { Authorization = "Bearer " .. emulator.KEY }
    if body then
        all["Content-Type"] = FORM
    end
    for name, value in pairs(headers or {}) do
        all[name] = value
    end
    return client.request({
        port = process.port, method = method, path = path, body = body, headers = all,
    })
end

return emulator
