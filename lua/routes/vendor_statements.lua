--- A vendor's account by months: for the vendor, and for admins who are asked about it.
local db = require("souk.db")
local err = require("souk.err")
local s = require("souk.schema")
local web = require("souk.web")
local statement = require("flows.statement")

local signed = s.integer({ min = -1e15, max = 1e15, example = 5400 })
local sum = s.integer({ min = 0, max = 1e15, example = 6000 })
local currency = s.string({ format = "currency" })
local month = s.string({ min = 7, max = 7, example = "2026-01" })

s.define("Statement", s.object({
    month = month,
    asOf = s.time(),
    data = s.array(s.object({
        currency = currency,
        opening = signed, credits = sum, debits = sum, closing = signed,
        lines = s.array(s.object({
            createdAt = s.time(),
            kind = s.string({ example = "SALE" }),
            orderNumber = s.nullable(s.string()),
            note = s.string(),
            amount = signed,
            balance = signed,
        })),
    })),
}))

local query = s.object({
    asOf = s.optional(s.time()),
    format = s.optional(s.enum({ "json", "csv" }), "json"),
})

local DESCRIPTION = "Months are UTC. closing = opening + the lines, to the unit; + is earned. A "
    .. "statement as of an instant that is past stays the same for ever; asOf in the answer is the "
    .. "instant it speaks of, a moment ago when none was asked for. format=csv: a file by RFC 4180."

local function answer(req, vendor_id)
    local asked = req.query
    if asked.format == "csv" then
        local text, problem = statement.csv(vendor_id, req.params.month, asked.asOf)
        if not text then
            return nil, problem
        end
        return web.csv(("statement-%s.csv"):format(req.params.month), text)
    end
    local text, problem = statement.json(vendor_id, req.params.month, asked.asOf)
    if not text then
        return nil, problem
    end
    return web.json(text)
end

web.get("/api/vendor/statements", {
    id = "vendor_statements.months", summary = "One's own months that have movements, newest first",
    tags = { "vendor money" }, roles = { "VENDOR" },
    answers = {
        [200] = s.object({
            data = s.array(s.object({
                month = month, currency = currency,
                opening = signed, credits = sum, debits = sum, closing = signed,
            })),
        }),
    },
}, function(req)
    local text, problem = statement.months(req.user.vendor_id)
    if not text then
        return nil, problem
    end
    return { data = web.json(text) }
end)

web.get("/api/vendor/statements/{month}", {
    id = "vendor_statements.get", summary = "The statement of a month", description = DESCRIPTION,
    tags = { "vendor money" }, roles = { "VENDOR" },
    params = { month = month }, query = query,
    media = { [200] = "text/csv" },
    answers = { [200] = s.ref("Statement") },
    errors = { "not_found" },
}, function(req)
    return answer(req, req.user.vendor_id)
end)

web.get("/api/admin/vendors/{id}/statements/{month}", {
    id = "vendor_statements.get_for_admin", summary = "The statement of any vendor",
    description = DESCRIPTION, tags = { "admin money" }, roles = { "ADMIN" },
    params = { id = s.uuid(), month = month }, query = query,
    media = { [200] = "text/csv" },
    answers = { [200] = s.ref("Statement") },
    errors = { "not_found" },
}, function(req)
    local vendor, problem = db.one("statement/vendor", req.params.id)
    if not vendor then
        return nil, problem or err.not_found()
    end
    return answer(req, vendor.id)
end)
