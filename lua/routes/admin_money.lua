--- The money of the marketplace: payouts, refunds, and what waits in the background.
local db = require("souk.db")
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")

local TAGS = { "admin money" }
local ROLES = { "ADMIN" }
local ERRORS = { "bad_cursor", "offset_too_deep" }

local count = s.integer({ min = 0 })

web.get("/api/admin/payouts", {
    id = "admin_money.payouts", summary = "All payouts, newest first", tags = TAGS, roles = ROLES,
    query = page.query({
        vendorId = s.optional(s.uuid()),
        status = s.optional(s.enum({ "PENDING", "PROCESSING", "PAID", "FAILED", "ON_HOLD" })),
    }),
    answers = { [200] = page.of(s.ref("Payout")) },
    errors = ERRORS,
}, function(req)
    return page.list(req, {
        query = "payout/list", total = "payout/count",
        args = page.args(req.query.vendorId, req.query.status), cursor = { "sort", "id" },
    })
end)

web.get("/api/admin/jobs", {
    id = "admin_money.jobs", summary = "What waits in the background, and what needs somebody",
    tags = TAGS, roles = ROLES,
    answers = {
        [200] = s.object({
            data = s.array(s.object({
                name = s.string(), waiting = count, stuck = count,
                oldestAt = s.nullable(s.time()),
            })),
            stuck = s.array(s.object({
                kind = s.string(), id = s.string(), type = s.string(), state = s.string(),
                tries = count, problem = s.nullable(s.string()), updatedAt = s.time(),
            })),
        }),
    },
}, function()
    local results, problem = db.batch({
        { "job/report", json = true },
        { "job/stuck", json = true },
    })
    if not results then
        return nil, problem
    end
    return { data = web.json(results[1]), stuck = web.json(results[2]) }
end)
