--- A vendor's account by months (UTC): opening balance, lines, closing balance. The ledger only
--- grows, so a statement as of an instant that is past is the same for ever; "now" is the last
--- instant before which nothing can appear any more.
local db = require("souk.db")
local err = require("souk.err")
local time = require("souk.time")

local statement = {}

--- "YYYY-MM" as its first day, or nil, err. A month that has not begun is not there.
local function first_day(month)
    local year, number = month:match("^(%d%d%d%d)%-(%d%d)$")
    if not year or tonumber(year) < 1970 or tonumber(number) < 1 or tonumber(number) > 12 then
        return nil, err.field("month", "must be a month such as 2026-01")
    elseif month > time.rfc3339():sub(1, 7) then
        return nil, err.not_found("this month has not begun")
    end
    return month .. "-01"
end

--- The instant of an answer, as text; or nil, err.
local function settled(as_of)
    local row, problem = db.one("statement/settled", as_of)
    return row and row.as_of, problem
end

--- Runs get(first day, instant) for a month as of an instant; or nil, err.
local function of(month, as_of, get)
    local day, refusal = first_day(month)
    if not day then
        return nil, refusal
    end
    local instant, problem = settled(as_of)
    if not instant then
        return nil, problem
    end
    return get(day, instant)
end

--- The statement of a month ("2026-01") as of an instant (RFC 3339; nil: now), as JSON text; or
--- nil, err.
function statement.json(vendor_id, month, as_of)
    return of(month, as_of, function(day, instant)
        return db.row_json("statement/get", vendor_id, day, instant)
    end)
end

--- The same as the text of a CSV file.
function statement.csv(vendor_id, month, as_of)
    return of(month, as_of, function(day, instant)
        local row, problem = db.one("statement/csv", vendor_id, day, instant)
        return row and row.text, problem
    end)
end

--- The months of a vendor that have lines, newest first, as JSON text; or nil, err.
function statement.months(vendor_id)
    local as_of, problem = settled()
    if not as_of then
        return nil, problem
    end
    return db.json("statement/months", vendor_id, as_of)
end

return statement
