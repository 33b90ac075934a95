--- The payment page's routes. Whoever has the client_secret may pay, as with Stripe; plain forms,
-- so it works without scripts too: every post answers with a redirect to the page that shows the
-- outcome.
local html = require("stripe_emulator.pay.html")
local links = require("stripe_emulator.pay.links")
local payment = require("stripe_emulator.flows.payment")
local store = require("stripe_emulator.state.store")
local view = require("stripe_emulator.pay.view")

local NONCE_LENGTH = 22
local REQUEST_ID_LENGTH = 14

local routes = {}

local function page(emulator, status, title, body)
    local text, headers = html.page(title, body, emulator.random(NONCE_LENGTH))
    return status, text, headers
end

local function see_other(address)
    return 303, "", { ["Location"] = address, ["Content-Type"] = "text/plain",
        ["Referrer-Policy"] = "no-referrer" }
end

local function intent_of(emulator, secret)
    local intent = store.get(emulator.store, "payment_intent",
        secret:match("^(pi_%w+)_secret_%w+$"))
    return intent and intent.client_secret == secret and intent or nil
end

--- Where the buyer may go afterwards: the query's address or the one given at confirmation, if it
-- is allowed.
local function back_of(emulator, creq, intent)
    local query = emulator.form_decode(creq.query or "") or {}
    local asked = query.return_url
    if type(asked) ~= "string" then
        asked = store.hidden(emulator.store, intent).return_url
    end
    return links.back(asked, { emulator.settings.public_url, emulator.settings.webhook_url })
end

--- Whether the caller is a program that wants the outcome as JSON.
local function wants_json(creq)
    return (creq:header("Accept") or ""):find("application/json", 1, true) ~= nil
end

local function show(emulator, _creq, intent, back)
    if intent.status == "requires_action" then
        return see_other(view.address(intent, "/3ds", back))
    end
    return page(emulator, 200, view.payment(emulator, intent, back))
end

local function fields_of(emulator, creq)
    return emulator.form_decode(creq:body() or "") or {}
end

--- How an attempt is answered: 303 to the page that shows it, or the form again when it was no
-- card.
local function answer_page(emulator, intent, back, wrong)
    if wrong and wrong.error.code == "resource_missing" then
        return page(emulator, 400, view.payment(emulator, intent, back, {
            title = "This is no test card.", text = "Choose one of those below.",
        }))
    end
    local suffix = intent.status == "requires_action" and "/3ds" or ""
    return see_other(view.address(intent, suffix, back))
end

local function answer_json(emulator, changed, wrong)
    local headers = { ["Content-Type"] = "application/json" }
    if wrong then
        return wrong.status, emulator.json.encode({ error = wrong.error }), headers
    end
    return 200, emulator.json.encode(changed), headers
end

local function confirm(emulator, creq, intent, back)
    local token = fields_of(emulator, creq).pm
    if type(token) ~= "string" or token == "" then
        return page(emulator, 400, view.payment(emulator, intent, back, {
            title = "No card was chosen.", text = "Choose one of the test cards.",
        }))
    end
    local call = { id = "req_" .. emulator.random(REQUEST_ID_LENGTH) }
    local changed, wrong = payment.confirm(emulator, call, intent, { payment_method = token })
    if wants_json(creq) then
        return answer_json(emulator, changed, wrong)
    end
    return answer_page(emulator, intent, back, wrong)
end

local function show_authentication(emulator, _creq, intent, back)
    if intent.status ~= "requires_action" then
        return see_other(view.address(intent, "", back))
    end
    return page(emulator, 200, view.authentication(emulator, intent, back))
end

local function authenticate(emulator, creq, intent, back)
    local ok = fields_of(emulator, creq).ok
    if intent.status == "requires_action" and (ok == "1" or ok == "0") then
        payment.complete_action(emulator, nil, intent, ok == "1")
    end
    if wants_json(creq) then
        return answer_json(emulator, intent)
    end
    return see_other(view.address(intent, "", back))
end

local function route(id, method, suffix, run)
    return {
        id = "emulator.pay." .. id,
        method = method,
        path = "/pay/{client_secret}" .. suffix,
        run = function(emulator, creq)
            emulator.run_due()
            local intent = intent_of(emulator, creq.params.client_secret)
            if not intent then
                return page(emulator, 404, view.missing())
            end
            return run(emulator, creq, intent, back_of(emulator, creq, intent))
        end,
    }
end

--- Routes whose run takes (emulator, creq); boot.lua binds the emulator.
routes.routes = {
    route("show", "GET", "", show),
    route("confirm", "POST", "/confirm", confirm),
    route("authentication", "GET", "/3ds", show_authentication),
    route("authenticate", "POST", "/3ds", authenticate),
}

return routes
