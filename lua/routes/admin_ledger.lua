--- The ledger as administrators read it: transactions, and every account's balance.
local db = require("souk.db")
local err = require("souk.err")
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")

local TAGS = { "admin money" }
local ROLES = { "ADMIN" }
local CSV_MAX = 50000

local currency = s.string({ format = "currency" })
local balance = s.integer({ min = -1e15, max = 1e15, example = -5400 })
local format = s.optional(s.enum({ "json", "csv" }), "json")

local function file_of(filters)
    local row, problem = db.one("ledger/csv", CSV_MAX, unpack(filters, 1, filters.n))
    if not row then
        return nil, problem
    elseif row.is_cut then
        return nil, err.field("from", ("more than %d postings: ask for less"):format(CSV_MAX))
    end
    return web.csv("ledger.csv", row.text)
end

web.get("/api/admin/ledger", {
    id = "admin_money.ledger", summary = "Ledger transactions with their postings, newest first",
    description = "from is within, to is not. format=csv: all postings that fit, oldest first, as "
        .. "a file by RFC 4180.",
    tags = TAGS, roles = ROLES,
    query = page.query({
        account = s.optional(s.string({ min = 1, max = 60 })),
        orderId = s.optional(s.uuid()),
        kind = s.optional(s.string({ min = 1, max = 60 })),
        from = s.optional(s.time()),
        to = s.optional(s.time()),
        format = format,
    }),
    media = { [200] = "text/csv" },
    answers = {
        [200] = page.of(s.object({
            id = s.uuid(),
            kind = s.string({ example = "paid" }),
            ref = s.string(),
            orderId = s.nullable(s.uuid()),
            postings = s.array(s.object({ account = s.string(), amount = s.signed_money() })),
            createdAt = s.time(),
        })),
    },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    local q = req.query
    local filters = page.args(q.account, q.orderId, q.kind, q.from, q.to)
    if q.format == "csv" then
        return file_of(filters)
    end
    return page.list(req, {
        query = "ledger/list", total = "ledger/count", args = filters, cursor = { "sort", "id" },
    })
end)

web.get("/api/admin/ledger/trial-balance", {
    id = "admin_money.trial_balance", summary = "Every account's balance; the sums are 0",
    tags = TAGS, roles = ROLES,
    query = s.object({ asOf = s.optional(s.time()), format = format }),
    media = { [200] = "text/csv" },
    answers = {
        [200] = s.object({
            data = s.array(s.object({
                account = s.string(), currency = currency, balance = balance,
            })),
            sums = s.array(s.object({ currency = currency, balance = balance })),
        }),
    },
}, function(req)
    local as_of = req.query.asOf
    if req.query.format == "csv" then
        local row, problem = db.one("ledger/trial_balance_csv", as_of)
        if not row then
            return nil, problem
        end
        return web.csv("trial-balance.csv", row.text)
    end
    local results, problem = db.batch({
        { "ledger/trial_balance", as_of, json = true },
        { "ledger/sums", as_of, json = true },
    })
    if not results then
        return nil, problem
    end
    return { data = web.json(results[1]), sums = web.json(results[2]) }
end)
