--- Tells others what happens here: events of souk as signed POSTs to endpoints that administrators
--- name. In order for each endpoint, at least once, tried again for a day, kept in a log, replayed
--- on demand. Only public addresses are connected to (souk.fetch).
local s = require("souk.schema")
local endpoints = require("webhooks_out.endpoints")
local queue = require("webhooks_out.queue")

local PATH = endpoints.PATH
local ONE = PATH .. "/{id}"
local DELIVERY = ONE .. "/deliveries/{delivery}"
local LANES = 4

local event_type = s.string({ min = 1, max = 100, is_line = true, example = "order.confirmed" })
local url = s.string({ min = 1, max = 2000, is_line = true, example = "https://example.com/hooks" })
local described = s.string({ max = 200, is_line = true, example = "the warehouse" })
local wanted = s.array(event_type, { min = 1, max = 100 })
local secret = s.string({ example = "whsec_…" })

local endpoint = s.object({
    id = s.uuid(), url = url, events = wanted, description = s.nullable(described),
    isActive = s.boolean(), pausedReason = s.nullable(s.string()), pausedAt = s.nullable(s.time()),
    waiting = s.integer({ min = 0 }), dropped = s.integer({ min = 0 }), createdAt = s.time(),
})
local state = s.enum({ "NEW", "DONE", "DEAD" })
local delivery = s.object({
    id = s.integer(), messageId = s.string({ example = "evt_42" }), type = event_type,
    state = state, attempts = s.integer({ min = 0 }), status = s.nullable(s.integer()),
    problem = s.nullable(s.string()), answer = s.nullable(s.string()),
    nextAt = s.nullable(s.time()), createdAt = s.time(), finishedAt = s.nullable(s.time()),
})
local id = { id = s.uuid() }
local id_and_delivery = { id = s.uuid(), delivery = s.integer({ min = 1 }) }
local nothing = { [204] = s.string() }

--- A route of administrators; more: what differs.
local function route(name, method, path, summary, more)
    local made = {
        id = "webhooks_out." .. name, method = method, path = path, summary = summary,
        roles = { "ADMIN" }, handler = endpoints[name],
        errors = path ~= PATH and { "not_found" } or nil,
    }
    for key, value in pairs(more) do
        made[key] = value
    end
    return made
end

local routes = {
    route("list", "GET", PATH, "Who is told", { answers = {
        [200] = s.object({ data = s.array(endpoint) }),
    } }),
    route("create", "POST", PATH, "Tell somebody; the secret is shown this once", {
        body = s.object({
            url = url, events = wanted, description = s.optional(s.nullable(described)),
        }),
        answers = { [201] = s.object({ endpoint = endpoint, secret = secret }) },
        errors = { "conflict" },
        example = { url = "https://example.com/hooks", events = { "order.confirmed" } },
    }),
    route("get", "GET", ONE, "One endpoint", { params = id, answers = { [200] = endpoint } }),
    route("update", "PATCH", ONE, "Change it, pause it, or let it go on where it stopped", {
        params = id, answers = { [200] = endpoint },
        body = s.object({
            url = s.optional(url), events = s.optional(wanted),
            description = s.optional(described), isActive = s.optional(s.boolean()),
        }),
        example = { isActive = true },
    }),
    route("remove", "DELETE", ONE, "Tell nobody there any more", {
        params = id, answers = nothing,
    }),
    route("new_secret", "POST", ONE .. "/secret",
        "A new secret, shown this once; the one before signs too for a day", {
            params = id, answers = { [200] = s.object({ secret = secret }) },
        }),
    route("test", "POST", ONE .. "/test", "Send an event that says nothing", {
        params = id, answers = { [202] = s.object({ deliveryId = s.integer() }) },
    }),
    route("log", "GET", ONE .. "/deliveries", "What was and will be sent, newest first", {
        params = id, answers = { [200] = s.object({ data = s.array(delivery) }) },
        query = s.object({
            state = s.optional(state), before = s.optional(s.integer({ min = 1 })),
            limit = s.optional(s.integer({ min = 1, max = 200 }), 50),
        }),
    }),
    route("replay_since", "POST", ONE .. "/replay",
        "Send again all that was made since a time, in its order, at most 10000", {
            params = id, body = s.object({ since = s.time() }),
            answers = { [200] = s.object({ replayed = s.integer({ min = 0 }) }) },
        }),
    route("replay", "POST", DELIVERY .. "/replay", "Send one again, or now", {
        params = id_and_delivery, answers = nothing,
    }),
    route("skip", "POST", DELIVERY .. "/skip", "Give one up, so that the next gets its turn", {
        params = id_and_delivery, answers = nothing,
    }),
}

local timers = { { name = "sweep", every_ms = 3600000, run = queue.sweep } }
for lane = 1, LANES do
    timers[#timers + 1] = { name = "lane_" .. lane, every_ms = 1000, run = queue.run }
end

return {
    name = "webhooks_out", version = "1.0.0", api = 1, title = "Outgoing webhooks",
    needs = { "db", "events", "fetch", "timers" },
    settings = s.object({
        attempts = s.optional(s.integer({ min = 1, max = 50 }), 30),
        firstPauseS = s.optional(s.integer({ min = 1, max = 3600 }), 5),
        timeoutMs = s.optional(s.integer({ min = 100, max = 10000 }), 10000),
    }),
    on = { ["*"] = queue.keep }, routes = routes, timers = timers,
}
