--- Whether the books are right: every rule that spans rows, asked now.
local json = require("core.json")
local s = require("souk.schema")
local time = require("souk.time")
local web = require("souk.web")
local invariants = require("flows.invariants")

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
    local rows, problem = invariants.check()
    if not rows then
        return nil, problem
    end
    local is_ok = true
    for _, row in ipairs(rows) do
        is_ok = is_ok and row.ok
    end
    return { ok = is_ok, checkedAt = time.rfc3339(), data = json.array(rows) }
end)
