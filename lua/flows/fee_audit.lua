--- Every stored fee, made again from what the policy was given, by the version that made it: GET
--- /admin/invariants asks, and so does a timer every night.
local log = require("core.log")
local db = require("souk.db")
local fees = require("flows.fees")

local fee_audit = {}

local BATCH = 500
local SAMPLE_MAX = 5

local function compare(report, row)
    local fee, why = fees.again(row.fee_policy_version, tostring(row.fee_input))
    if fee == row.fee_minor then
        return
    end
    report.violations = report.violations + 1
    if #report.sample < SAMPLE_MAX then
        table.insert(report.sample, {
            vendorOrderId = row.id, stored = row.fee_minor, again = fee, problem = why,
            version = row.fee_policy_version,
        })
    end
end

--- {name, ok, violations, sample} as the other invariants, or nil, err.
function fee_audit.report()
    local report = { name = "fees_are_reproduced", ok = true, violations = 0, sample = {} }
    local last
    repeat
        local rows, problem = db.query("invariant/fees", last, BATCH)
        if not rows then
            return nil, problem
        end
        for _, row in ipairs(rows) do
            compare(report, row)
            last = row.id
        end
    until #rows < BATCH
    report.ok = report.violations == 0
    return report
end

--- The nightly proof.
function fee_audit.run()
    local report, problem = fee_audit.report()
    if not report then
        log.warn("fees.audit.failed", { code = problem.code })
    elseif not report.ok then
        log.error("fees.not_reproduced", { violations = report.violations })
    end
end

return fee_audit
