--- A vendor's numbers at a glance.
local conf = require("core.conf")
local db = require("souk.db")
local err = require("souk.err")
local json = require("core.json")
local kept = require("souk.kept")
local s = require("souk.schema")
local time = require("souk.time")
local web = require("souk.web")

local DAY_MS = 86400000
local DAYS_DEFAULT = 30
local DAYS_MAX = 366

--- Sales, payments and payouts of others are shown so late at most; the vendor's own steps at once.
local TTL_US = tonumber(conf("cache.dashboard_ms")) * 1000
local KEPT_MAX = conf("cache.size_mb") == "0" and 0 or 1000

local boards = kept.new({ kind = "dashboard", ttl_us = TTL_US, max = KEPT_MAX })

local day = s.string({ format = "date" })
local count = s.integer({ min = 0 })
local amount = s.integer({ min = -1e15, max = 1e15, example = 5400 })

local function day_of(ms)
    return time.rfc3339(ms):sub(1, 10)
end

--- Days since 1970 of YYYY-MM-DD (the civil calendar's formula).
local function number_of(text)
    local y, m, d = text:match("^(%d+)-(%d+)-(%d+)")
    y, m, d = tonumber(y), tonumber(m), tonumber(d)
    if m <= 2 then
        y = y - 1
    end
    local era = math.floor(y / 400)
    local yoe = y - era * 400
    local doy = math.floor((153 * (m + (m > 2 and -3 or 9)) + 2) / 5) + d - 1
    return era * 146097 + yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + doy - 719468
end

--- First and last day; or nil, err.
local function span(query)
    local to = query.to or day_of(time.now_ms())
    local from = query.from or day_of((number_of(to) - DAYS_DEFAULT + 1) * DAY_MS)
    local length = number_of(to) - number_of(from) + 1
    if length < 1 or length > DAYS_MAX then
        return nil, err.field("from", "must be 0 to " .. (DAYS_MAX - 1) .. " days before to")
    end
    return from, to
end

--- JSON text; or nil, err.
local function board(id, from, to)
    local currency = conf("currency")
    local results, problem = db.batch({
        { "vendor_order/daily", id, from, to, currency, json = true },
        { "vendor_order/top_products", id, from, to, json = true },
        { "vendor_order/open", id },
        { "vendor_money/balance", id, currency, json = true },
        { "vendor_order/rating", id },
    })
    if not results then
        return nil, problem
    end
    return json.encode({
        from = from,
        to = to,
        days = web.json(results[1]),
        topProducts = web.json(results[2]),
        openOrders = results[3][1],
        balance = web.json(results[4]),
        rating = results[5][1],
    })
end

web.get("/api/vendor/dashboard", {
    id = "vendor_dashboard.get",
    summary = "Sales per day, top products, open orders, balance, rating",
    tags = { "vendor money" }, roles = { "VENDOR" },
    query = s.object({ from = s.optional(day), to = s.optional(day) }),
    answers = {
        [200] = s.object({
            from = day,
            to = day,
            days = s.array(s.object({
                day = day, orders = count, sales = s.money(), earnings = s.money(),
            })),
            topProducts = s.array(s.object({
                productId = s.uuid(), name = s.string(), quantity = count, sales = s.money(),
            })),
            openOrders = s.object({ confirmed = count, processing = count, shipped = count }),
            balance = s.array(s.object({
                currency = s.string({ format = "currency" }),
                pending = amount, payable = amount, paid = amount, owed = amount,
            })),
            rating = s.rating(),
        }),
    },
}, function(req)
    local from, to = span(req.query)
    if not from then
        return nil, to
    end
    local id = req.user.vendor_id
    if KEPT_MAX == 0 then
        return board(id, from, to)
    end
    return boards:get(id .. from .. to, function()
        return board(id, from, to)
    end, id)
end)
