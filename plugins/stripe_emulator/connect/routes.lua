--- The pages behind account links and login links. Whoever has a link may open it once: a second
-- visit, or one too late, goes to refresh_url, where the marketplace makes a new link.
local clock = require("stripe_emulator.state.clock")
local html = require("stripe_emulator.pay.html")
local onboarding = require("stripe_emulator.flows.onboarding")
local owners = require("stripe_emulator.wire.owners")
local store = require("stripe_emulator.state.store")
local view = require("stripe_emulator.connect.view")

local NONCE_LENGTH = 22
local VISIT_LENGTH = 24

local routes = {}

--- away: an address that the page's form leads to in the end. The marketplace gave it, with its
-- secret key, so it is trusted; browsers ask to be told of it.
local function page(emulator, status, away, title, body)
    local text, headers = html.page(title, body, emulator.random(NONCE_LENGTH))
    local origin = (away or ""):match("^(https?://[%w.:%[%]%-]+)")
    if origin then
        local policy = "Content-Security-Policy"
        headers[policy] = headers[policy]:gsub("form%-action 'self'", "%0 " .. origin)
    end
    return status, text, headers
end

local function see_other(address)
    return 303, "", { ["Location"] = address, ["Content-Type"] = "text/plain",
        ["Referrer-Policy"] = "no-referrer", ["Cache-Control"] = "no-store" }
end

--- The link and its account, or nil when there is none.
local function link_of(emulator, kind, creq)
    local link = store.get(emulator.store, kind, creq.params.link)
    return link, link and owners.connected(emulator, link.account)
end

local function is_over(emulator, link)
    return clock.now(emulator.clock) >= link.expires_at
end

local function show(emulator, creq)
    local link, account = link_of(emulator, "onboarding", creq)
    if not link then
        return page(emulator, 404, nil, view.missing())
    elseif link.visit or is_over(emulator, link) or not account then
        return see_other(link.refresh_url)
    end
    link.visit = emulator.random(VISIT_LENGTH)
    local title, body = view.onboarding(emulator, account, "/connect/onboard/" .. link.id,
        link.visit)
    return page(emulator, 200, link.return_url, title, body)
end

local OUTCOMES = {
    complete = function(emulator, account)
        onboarding.apply(emulator, nil, account, {})
    end,
    missing = function(emulator, account)
        onboarding.apply(emulator, nil, account,
            { currently_due = { "individual.verification.document" } })
    end,
    leave = function() end,
}

local function finish(emulator, creq)
    local link, account = link_of(emulator, "onboarding", creq)
    if not link then
        return page(emulator, 404, nil, view.missing())
    end
    local fields = emulator.form_decode(creq:body() or "") or {}
    local act = OUTCOMES[fields.outcome]
    if not account or not act or link.is_finished or fields.visit ~= link.visit then
        return see_other(link.refresh_url)
    end
    link.is_finished = true
    act(emulator, account)
    return see_other(link.return_url)
end

local function express(emulator, creq)
    local link, account = link_of(emulator, "login", creq)
    if not account or link.is_used then
        return page(emulator, 404, nil, view.missing())
    end
    link.is_used = true
    return page(emulator, 200, nil, view.express(emulator, account))
end

local function route(id, method, path, run)
    return {
        id = "emulator.connect." .. id,
        method = method,
        path = path,
        run = function(emulator, creq)
            emulator.run_due()
            return run(emulator, creq)
        end,
    }
end

--- Routes whose run takes (emulator, creq); boot.lua binds the emulator.
routes.routes = {
    route("onboarding", "GET", "/connect/onboard/{link}", show),
    route("onboard", "POST", "/connect/onboard/{link}", finish),
    route("express", "GET", "/connect/express/{link}", express),
}

return routes
