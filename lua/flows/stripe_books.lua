--- Reading Stripe's own books: its balance, and the lines of which that is the sum. Lines are
--- gathered as they are; what they mean to us, reconciliation says.
local json = require("core.json")
local db = require("souk.db")
local stripe_api = require("flows.stripe_api")

local stripe_books = {}

local value = stripe_api.value

--- source may come expanded, or be null for what has no object.
local function line_of(object)
    local source = value(object.source)
    return {
        id = object.id, type = object.type, amount = object.amount, fee = object.fee,
        net = object.net, currency = object.currency, created = object.created,
        available_on = object.available_on,
        source = type(source) == "table" and source.id or source,
    }
end

local function keep(objects)
    local lines = json.array({})
    for i, object in ipairs(objects) do
        lines[i] = line_of(object)
    end
    return db.tx(function()
        return db.one("balance_transaction/insert", json.encode(lines))
    end)
end

--- Gathers the lines since then (seconds). How many were read; or nil, err.
function stripe_books.gather(since_s)
    local path = ("/v1/balance_transactions?created[gte]=%.0f"):format(since_s)
    return stripe_api.each_page(path, keep)
end

--- Gathers the lines of one object, however old.
function stripe_books.gather_of(object_id)
    return stripe_api.each_page("/v1/balance_transactions?source=" .. object_id, keep)
end

--- {CURRENCY = available and pending together}; or nil, err.
function stripe_books.balances()
    local balance, problem = stripe_api.get("/v1/balance")
    if not balance then
        return nil, problem
    end
    local sums = {}
    for _, part in ipairs({ balance.available, balance.pending }) do
        for _, line in ipairs(part) do
            local currency = line.currency:upper()
            sums[currency] = (sums[currency] or 0) + line.amount
        end
    end
    return sums
end

return stripe_books
