--- What the payout policy says of a vendor, checked: it is edited by operators, so its answer is
--- input. For a version that fails or answers nonsense the last good one stands in; where there is
--- none, nothing is due and nobody is paid, and orders are placed and paid all the same. Also sets
--- when earnings are due by it.
local clock = require("core.clock")
local json = require("core.json")
local db = require("souk.db")
local err = require("souk.err")
local policies = require("flows.policies")
local time = require("souk.time")

local payout_policy = {}

local POLICY = "payout"
local KNOWN_US = 1e6
local HOLD_DAYS_MAX = 365
local MINIMUM_MAX = 1e12
local VENDORS_AT_ONCE = 500
local DAY_S = 86400
--- 1 January 1970 was a Thursday.
local EPOCH_WEEKDAY = 4

local WORDS = {
    transfer_when = { PAID = true, SHIPPED = true, DELIVERED = true, COMPLETED = true },
    provider = { stripe = true, manual = true },
    dispute_liable = { PLATFORM = true, VENDOR = true },
}
local LIMITS = { hold_days = HOLD_DAYS_MAX, minimum = MINIMUM_MAX }
local DEFAULTS = {
    transfer_when = "DELIVERED", hold_days = 0, minimum = 0, schedule = "daily",
    provider = "stripe", dispute_liable = "PLATFORM", dispute_reverses = false,
}
local DAYS = { SUN = 0, MON = 1, TUE = 2, WED = 3, THU = 4, FRI = 5, SAT = 6 }

--- {every = "daily" | "weekly" | "monthly" | "manual", day}; nil when it is none.
local function schedule_of(text)
    if text == "daily" or text == "manual" then
        return { every = text }
    end
    local every, day = tostring(text):match("^(%l+):(%w+)$")
    if every == "weekly" and DAYS[day] then
        return { every = every, day = DAYS[day] }
    elseif every == "monthly" and day:find("^%d%d?$") and tonumber(day) >= 1
        and tonumber(day) <= 31 then
        return { every = every, day = tonumber(day) }
    end
    return nil
end

local function is_whole(given, max)
    return type(given) == "number" and given >= 0 and given <= max and given % 1 == 0
end

--- What is wrong with one field; nil or false when nothing is.
local function fault_of(name, given)
    if WORDS[name] then
        return not WORDS[name][given] and "is not one of its words"
    elseif LIMITS[name] then
        return not is_whole(given, LIMITS[name])
            and "must be a whole number from 0 to " .. LIMITS[name]
    elseif name == "schedule" then
        return not schedule_of(given) and "must be daily, weekly:MON, monthly:1 or manual"
    end
    return type(given) ~= "boolean" and "must be true or false"
end

--- A policy's result with its defaults filled in, `schedule` as {every, day}; or nil and what is
--- wrong with it.
function payout_policy.check(result)
    if type(result) ~= "table" then
        return nil, "the result must be a table"
    end
    for name in pairs(result) do
        if DEFAULTS[name] == nil then
            return nil, tostring(name) .. " is not known"
        end
    end
    local checked = {}
    for name, default in pairs(DEFAULTS) do
        local given = result[name]
        if given == nil then
            given = default
        end
        local fault = fault_of(name, given)
        if fault then
            return nil, name .. " " .. fault
        end
        checked[name] = given
    end
    checked.schedule = schedule_of(checked.schedule)
    return checked
end

--- The hash that decides, looked up at most once a second: a run asks for hundreds of vendors.
local known = { at_us = 0 }

local function active_hash()
    local now_us = clock.monotonic_us()
    if now_us - known.at_us > KNOWN_US then
        local row = db.one("policy/active", POLICY, json.null)
        known = { at_us = now_us, hash = row and row.hash }
    end
    return known.hash
end

--- facts: {vendor = {id, tier, country}, currency, status?, reason?}. The checked result; or nil,
--- err, after an alert.
function payout_policy.of(facts)
    return policies.with_active(POLICY, nil, active_hash(), function(hash)
        local result, why = policies.evaluate_by(POLICY, hash, facts)
        if not result then
            return nil, why
        end
        return payout_policy.check(result)
    end)
end

--- Of a row of a query that names a vendor: {vendor_id, tier, country, currency}.
function payout_policy.of_row(row)
    return payout_policy.of({
        vendor = { id = row.vendor_id, tier = row.tier, country = row.country },
        currency = row.currency,
    })
end

local function day_of_month(at_s)
    return tonumber(time.rfc3339(at_s * 1000):sub(9, 10))
end

--- Whether a schedule has its day on the day of this second, UTC. A month without that day has its
--- last one.
function payout_policy.is_today(schedule, now_s)
    if schedule.every == "weekly" then
        return (math.floor(now_s / DAY_S) + EPOCH_WEEKDAY) % 7 == schedule.day
    elseif schedule.every == "monthly" then
        local today = day_of_month(now_s)
        return today == schedule.day
            or today < schedule.day and day_of_month(now_s + DAY_S) == 1
    end
    return schedule.every == "daily"
end

-- When earnings are due --------------------------------------------------------------------------

--- Sets when earnings of these vendors are due; order_id nil: of all that no run has taken.
local function set_due(rows, order_id)
    local vendors, currencies, whens, days = {}, {}, {}, {}
    for _, row in ipairs(rows) do
        local terms = payout_policy.of_row(row)
        if terms then
            local i = #vendors + 1
            vendors[i], currencies[i] = row.vendor_id, row.currency
            whens[i], days[i] = terms.transfer_when, terms.hold_days
        end
    end
    if #vendors == 0 then
        return true
    end
    return db.query("payout/due", db.array(vendors), db.array(currencies), db.array(whens),
        db.array(days), order_id)
end

--- In the transaction that confirms an order or takes a step of a part of it. order_id, or the id
--- of one of its vendor orders. true, or nil, err; a refused policy is no error here.
function payout_policy.set_due(order_id, vendor_order_id)
    local rows, problem = db.query("payout/vendors_of_order", order_id, vendor_order_id)
    if not rows then
        return nil, problem
    elseif #rows == 0 then
        return true
    end
    local is_set, failure = set_due(rows, rows[1].order_id)
    if not is_set then
        return nil, failure
    end
    return true
end

--- What was missed, or what a changed policy says of what no run has taken. vendor_id nil: of all.
function payout_policy.refresh(vendor_id)
    local last
    repeat
        local rows, problem = db.query("payout/vendors_waiting", vendor_id, last, VENDORS_AT_ONCE)
        local is_set = rows and db.tx(function()
            return set_due(rows)
        end)
        if not is_set then
            return nil, problem or err.busy()
        end
        last = rows[#rows] and rows[#rows].vendor_id
    until #rows < VENDORS_AT_ONCE
    return true
end

return payout_policy
