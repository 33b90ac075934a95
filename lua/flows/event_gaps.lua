--- Events that did not arrive: Stripe gives up after days, and a wrong secret or a wrong address
--- loses them for good. So Stripe is asked what happened since all was complete, and what is not
--- here is kept as if it had come, for the drain. Vendors' accounts are not asked one by one:
--- flows/stripe_account.lua asks about an account without news.
local clock = require("core.clock")
local conf = require("core.conf")
local log = require("core.log")
local stripe = require("core.stripe")
local db = require("souk.db")
local inbox = require("flows.inbox")
local stripe_api = require("flows.stripe_api")

local event_gaps = {}

--- Clocks differ, and an event may be listed a little after it happened.
local OVERLAP_S = 600
local FIRST_AFTER_S = 30

local next_s

local function now_s()
    return math.floor(clock.now_ms() / 1000)
end

--- Those of a page that somebody wants and that are not here, as {[id] = event}; or nil, err.
local function missing_of(page)
    local ids, by_id = {}, {}
    for _, event in ipairs(page) do
        if inbox.is_wanted("platform", event.type) then
            ids[#ids + 1] = event.id
            by_id[event.id] = event
        end
    end
    local rows, problem = db.query("stripe_event/missing", db.array(ids))
    if not rows then
        return nil, problem
    end
    local missing = {}
    for i, row in ipairs(rows) do
        missing[i] = by_id[row.id]
    end
    return missing
end

local function keep_all(events)
    for _, event in ipairs(events) do
        local is_kept, problem = inbox.keep("platform", event, 0)
        if not is_kept then
            return nil, problem
        end
    end
    return #events
end

--- Looks once, whatever the time. Returns how many were missing; or nil, err.
function event_gaps.fill()
    local from_s = now_s()
    local row, problem = db.one("stripe_event/complete_until")
    if not row then
        return nil, problem
    end
    local found = 0
    local path = "/v1/events?created[gte]=" .. (row.seconds - OVERLAP_S)
    local is_read, failure = stripe_api.each_page(path, function(page)
        local missing, trouble = missing_of(page)
        local kept
        if missing then
            kept, trouble = keep_all(missing)
        end
        found = found + (kept or 0)
        return kept, trouble
    end, { is_job = true })
    if not is_read then
        return nil, failure
    end
    local is_noted, refusal = db.exec("stripe_event/set_complete_until", from_s)
    if not is_noted then
        return nil, refusal
    end
    if found > 0 then
        log.warn("stripe.events.missed", { found = found, since = row.seconds })
    end
    return found
end

--- One turn of the timer: some seconds after the start, then every stripe.events_every_s.
function event_gaps.turn()
    local every_s = tonumber(conf("stripe.events_every_s"))
    next_s = next_s or now_s() + math.min(every_s, FIRST_AFTER_S)
    if now_s() < next_s or stripe.away_s() > 0 or (conf("stripe.secret_key") or "") == "" then
        return
    end
    local found, problem = event_gaps.fill()
    next_s = now_s() + every_s
    if not found then
        next_s = now_s() + math.min(every_s, FIRST_AFTER_S)
        log.warn("stripe.events.not_asked", { code = problem.code })
    end
end

return event_gaps
