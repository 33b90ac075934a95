--- A vendor's account at Stripe, which its earnings are transferred to.
local conf = require("core.conf")
local err = require("souk.err")
local s = require("souk.schema")
local web = require("souk.web")
local stripe_account = require("flows.stripe_account")

local TAGS = { "vendor money" }
local VENDOR = { "VENDOR" }
local HTML_HEADERS = {
    ["Content-Type"] = "text/html; charset=utf-8",
    ["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; "
        .. "base-uri 'none'; form-action 'none'",
}

s.define("StripeAccount", s.object({
    connected = s.boolean(),
    status = s.enum({ "NONE", "CREATING", "OPEN", "DEAUTHORIZED", "FAILED" }),
    accountId = s.nullable(s.string({ example = "acct_1Q4fGh2eZvKYlo2C" })),
    chargesEnabled = s.boolean(),
    payoutsEnabled = s.boolean(),
    transfersEnabled = s.boolean(),
    detailsSubmitted = s.boolean(),
    currentlyDue = s.array(s.string({ example = "external_account" })),
    disabledReason = s.nullable(s.string({ example = "requirements.past_due" })),
    failureMessage = s.nullable(s.string({ example = "Stripe does not serve this country" })),
    transfersBlockedBy = s.nullable(s.string({ example = "the vendor has no Stripe account" })),
    checkedAt = s.nullable(s.time()),
}))

-- Where Stripe may send a person back to ----------------------------------------------------------

local function public_url()
    local url = conf("http.public_url") or ""
    return url ~= "" and url:gsub("/+$", "") or "http://localhost:" .. conf("http.port")
end

--- The origin of an address as browsers read it; nil of anything that they might read otherwise.
local function origin_of(url)
    local origin, rest = url:match("^([Hh][Tt][Tt][Pp][Ss]?://[%w%.%-]+)(.*)$")
    local port, path
    if origin then
        port, path = rest:match("^(:%d+)(.*)$")
        path = path or rest
    end
    if not origin or path:find("[^\33-\126]") or path:find("[\\\"<>]")
        or path ~= "" and not path:find("^[/?#]") then
        return nil
    end
    return (origin .. (port or "")):lower()
end

local function is_ours(url)
    local origin = origin_of(url)
    if not origin then
        return false
    elseif origin == origin_of(public_url()) then
        return true
    end
    for known in (conf("http.cors_origins") or ""):gmatch("[^,%s]+") do
        if origin == known:lower() then
            return true
        end
    end
    return false
end

local FIELDS = {
    refreshUrl = "/api/stripe/onboarding/expired", returnUrl = "/api/stripe/onboarding/done",
}

--- What flows.stripe_account.link wants; or nil, err.
local function addresses(body)
    local wanted, faults = { country = body.country }, {}
    for field, page in pairs(FIELDS) do
        wanted[field] = body[field] or public_url() .. page
        if body[field] and not is_ours(body[field]) then
            faults[#faults + 1] = {
                field = field,
                message = "must be of http.public_url, or of an origin in http.cors_origins",
            }
        end
    end
    if #faults > 0 then
        return nil, err.invalid(nil, faults)
    end
    return wanted
end

-- Routes -----------------------------------------------------------------------------------------

local address = s.optional(s.string({ min = 8, max = 2000,
    example = "http://localhost:3001/api/stripe/onboarding/done" }))

web.post("/api/vendor/stripe/account-link", {
    id = "vendor_stripe.account_link", summary = "A link to tell Stripe who one is",
    description = "The account at Stripe is opened on first use (201), in country or else the "
        .. "profile's. The link is good for one visit and a few minutes, and is stored nowhere: "
        .. "asked again, it is a new one. Afterwards Stripe sends the person to returnUrl, or to "
        .. "refreshUrl when the link was used up.",
    tags = TAGS, roles = VENDOR,
    body = s.object({
        refreshUrl = address, returnUrl = address,
        country = s.optional(s.string({ format = "country" })),
    }),
    answers = {
        [200] = s.ref("StripeLink"), [201] = s.ref("StripeLink"),
    },
    errors = { "conflict", "account_not_ready", "stripe_away" },
    example = { country = "US" },
}, function(req)
    local wanted, refusal = addresses(req.body)
    if not wanted then
        return nil, refusal
    end
    local link, is_opened = stripe_account.link(req.user.vendor_id, wanted)
    if not link then
        return nil, is_opened
    elseif is_opened then
        return web.created("/api/vendor/stripe/status", link)
    end
    return link
end)

s.define("StripeLink", s.object({
    url = s.string({ example = "https://connect.stripe.com/setup/e/acct_1Q4f/Zx8" }),
    expiresAt = s.time(),
}))

web.get("/api/vendor/stripe/status", {
    id = "vendor_stripe.status", summary = "What Stripe knows, and what it still wants to know",
    tags = TAGS, roles = VENDOR,
    answers = { [200] = s.ref("StripeAccount") },
}, function(req)
    local text, problem = stripe_account.status(req.user.vendor_id)
    if not text then
        return nil, problem or err.not_found()
    end
    return web.json(text)
end)

web.post("/api/vendor/stripe/login-link", {
    id = "vendor_stripe.login_link", summary = "A link into one's own dashboard at Stripe",
    tags = TAGS, roles = VENDOR,
    answers = {
        [200] = s.object({
            url = s.string({ example = "https://connect.stripe.com/express/acct_1Q4f/Zx8" }),
        }),
    },
    errors = { "account_not_ready", "stripe_away" },
}, function(req)
    return stripe_account.login_link(req.user.vendor_id)
end)

-- Where a person lands who was given no other address ---------------------------------------------

local PAGE = [[<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>%s</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root { color-scheme: light dark } body { font: 1.1rem/1.5 system-ui, sans-serif;
max-width: 32rem; margin: 15vh auto; padding: 0 1rem }</style></head>
<body><h1>%s</h1><p>%s</p></body></html>
]]

local function page(path, id, title, text)
    web.get(path, {
        id = id, summary = title, tags = TAGS, roles = false, media = { [200] = "text/html" },
        answers = { [200] = true },
    }, function()
        local headers = {}
        for name, value in pairs(HTML_HEADERS) do
            headers[name] = value
        end
        return web.reply(200, PAGE:format(title, title, text), headers)
    end)
end

page(FIELDS.returnUrl, "vendor_stripe.done", "Back from Stripe",
    "Stripe has what you told it. Your shop shows whether it wants to know more.")
page(FIELDS.refreshUrl, "vendor_stripe.expired", "This link is used up",
    "A link to Stripe is good for one visit. Ask your shop for a new one.")
