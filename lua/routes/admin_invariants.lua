--- Whether the books are right: every rule that spans rows, asked now.
local json = require("core.json")
local db = require("souk.db")
local s = require("souk.schema")
local time = require("souk.time")
local web = require("souk.web")
local fee_audit = require("flows.fee_audit")

web.get("/api/admin/invariants", {
    id = "admin_invariants.get",
    summary = "Every invariant of stock, orders and money, checked now",
    tags = { "admin money" }, roles = { "ADMIN" },
    answers = {
        [200] = s.object({
            ok = s.boolean(),
            checkedAt = s.time(),
            data = s.array(s.object({
                name = s.string({ example = "ledger_sums_to_zero" }),
                ok = s.boolean(),
                violations = s.integer({ min = 0, example = 0 }),
                sample = s.array(s.attributes({ max = 10 })),
            })),
        }),
    },
}, function()
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
    local is_ok = true
    for _, row in ipairs(rows) do
        is_ok = is_ok and row.ok
    end
    return { ok = is_ok, checkedAt = time.rfc3339(), data = json.array(rows) }
end)
