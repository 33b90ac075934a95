--- Every stored fee, made again from what the policy was given: GET /admin/invariants. Only fees
--- of the text of today can be checked without the older texts; the others are counted by version
--- there.
local db = require("souk.db")
local fees = require("flows.fees")

local fee_audit = {}

local BATCH = 500
local SAMPLE_MAX = 5

--- {name, ok, violations, sample} as the other invariants, or nil, err.
function fee_audit.report()
    local version, last = fees.version(), nil
    local report = { name = "fees_are_reproduced", ok = true, violations = 0, sample = {} }
    repeat
        local rows, problem = db.query("invariant/fees", version, last, BATCH)
        if not rows then
            return nil, problem
        end
        for _, row in ipairs(rows) do
            local fee = fees.again(tostring(row.fee_input))
            if fee ~= row.fee_minor then
                report.violations = report.violations + 1
                if #report.sample < SAMPLE_MAX then
                    table.insert(report.sample,
                        { vendorOrderId = row.id, stored = row.fee_minor, again = fee })
                end
            end
            last = row.id
        end
    until #rows < BATCH
    report.ok = report.violations == 0
    return report
end

return fee_audit
