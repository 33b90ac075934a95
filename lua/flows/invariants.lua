--- Whether the books are right: every rule that spans rows, asked by GET /admin/invariants and,
--- every invariants.every_s, by the leader itself, which tells /metrics and the log.
local clock = require("core.clock")
local conf = require("core.conf")
local json = require("core.json")
local log = require("core.log")
local metric = require("core.metric")
local db = require("souk.db")
local fee_audit = require("flows.fee_audit")

local invariants = {}

--- A report that takes long is asked for less often: at most a twentieth of the time goes into it.
local PAUSE_FACTOR = 20

local next_us = 0

--- {name, ok, violations, sample} of every rule; or nil, err.
function invariants.check()
    local results, problem = db.batch({ { "invariant/patience" }, { "invariant/report" } })
    if not results then
        return nil, problem
    end
    local rows = results[2]
    local fees, failure = fee_audit.report()
    if not fees then
        return nil, failure
    end
    fees.sample = json.array(fees.sample)
    rows[#rows + 1] = fees
    return rows
end

local function tell(row)
    metric.set("souk_invariant_violations", row.violations, ('name="%s"'):format(row.name))
    if not row.ok then
        log.error("invariant.broken", {
            name = row.name, violations = row.violations, sample = row.sample,
        })
    end
end

--- One turn of the timer.
function invariants.watch()
    local every_s, began_us = tonumber(conf("invariants.every_s")), clock.monotonic_us()
    if every_s == 0 or began_us < next_us then
        return
    end
    local rows, problem = invariants.check()
    if not rows then
        log.warn("invariants.unknown", { code = problem.code })
    end
    for _, row in ipairs(rows or {}) do
        tell(row)
    end
    local took_us = clock.monotonic_us() - began_us
    next_us = began_us + math.max(every_s * 1000000, took_us * PAUSE_FACTOR)
end

return invariants
