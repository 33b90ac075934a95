--- `souk ledger ORDER`: what was posted for an order, a column an account, with the balances after
--- each transaction. `souk ledger` alone: every account's balance.
local db = require("souk.db")
local ledger_table = require("flows.ledger_table")

local USAGE = "usage: souk ledger [ORDER]: the id or the number of an order; none: all balances"

--- The order of columns; vendors stand where "vendor" does, by name.
local PLACES = {}
for place, account in ipairs({
    "stripe", "bank", "vendor", "platform_fee", "stripe_fee", "dispute_hold", "dispute_fee",
    "loss", "unapplied", "rounding",
}) do
    PLACES[account] = place
end

local function place_of(column)
    return PLACES[column.account:match("^[%l_]+")] or 0
end

--- The accounts of rows as columns {account, name}, in their order.
local function columns_of(rows)
    local columns, seen = {}, {}
    for _, row in ipairs(rows) do
        if not seen[row.account] then
            seen[row.account] = true
            columns[#columns + 1] = { account = row.account, name = ledger_table.name(row.name) }
        end
    end
    table.sort(columns, function(a, b)
        if place_of(a) ~= place_of(b) then
            return place_of(a) < place_of(b)
        end
        return a.name .. a.account < b.name .. b.account
    end)
    return columns
end

local function head_of(columns)
    local head = { "time (UTC)", "event" }
    for i, column in ipairs(columns) do
        head[i + 2] = column.name
    end
    return head
end

--- One line: amounts = {account = minor units}; what is not in it stays empty.
local function line_of(time, word, columns, amounts, exponent)
    local line = { time, word }
    for i, column in ipairs(columns) do
        local minor = amounts[column.account]
        line[i + 2] = minor and ledger_table.amount(minor, exponent) or ""
    end
    return line
end

--- Postings as transactions {time, kind, amounts}, in their order.
local function transactions_of(rows)
    local found = {}
    for _, row in ipairs(rows) do
        local last = found[#found]
        if not last or last.id ~= row.transaction_id then
            last = { id = row.transaction_id, time = row.time, kind = row.kind, amounts = {} }
            found[#found + 1] = last
        end
        last.amounts[row.account] = row.amount_minor
    end
    return found
end

local function closing_words(sum, currency, exponent)
    local text = ledger_table.amount(sum, exponent) .. " " .. currency
    return sum == 0 and "all accounts together: " .. text
        or "THE ACCOUNTS DO NOT ADD UP: " .. text .. " too much"
end

--- The table of one currency.
local function table_of(rows, currency)
    local exponent = rows[1].exponent
    local columns, balances, sum = columns_of(rows), {}, 0
    local lines, transactions = { head_of(columns), "rule" }, transactions_of(rows)
    for n, transaction in ipairs(transactions) do
        for account, minor in pairs(transaction.amounts) do
            balances[account] = (balances[account] or 0) + minor
            sum = sum + minor
        end
        lines[#lines + 1] = line_of(transaction.time, transaction.kind, columns,
            transaction.amounts, exponent)
        if n < #transactions then
            lines[#lines + 1] = line_of("", "=", columns, balances, exponent)
        end
    end
    lines[#lines + 1] = "rule"
    lines[#lines + 1] = line_of("", "balance", columns, balances, exponent)
    return ledger_table.text(lines, 2) .. "\n\n" .. closing_words(sum, currency, exponent)
end

--- Rows by their currency, in the order in which currencies first appear.
local function by_currency(rows)
    local parts, by_name = {}, {}
    for _, row in ipairs(rows) do
        local part = by_name[row.currency]
        if not part then
            part = { currency = row.currency, rows = {} }
            by_name[row.currency], parts[#parts + 1] = part, part
        end
        table.insert(part.rows, row)
    end
    return parts
end

local function of_order(name)
    local order, problem = db.one("ledger/order", name)
    if not order then
        return nil, problem or {
            message = ("there is no order %s: name its id or its number"):format(
                ledger_table.name(name)),
        }
    end
    local rows, failure = db.query("ledger/of_order", order.id)
    if not rows then
        return nil, failure
    end
    local texts = { ("order %s   %s   %s %s"):format(
        order.number, order.status, order.total, order.currency) }
    for _, part in ipairs(by_currency(rows)) do
        texts[#texts + 1] = table_of(part.rows, part.currency)
    end
    if #rows == 0 then
        texts[2] = "nothing was posted for it: no money has moved"
    end
    return table.concat(texts, "\n\n")
end

local function trial_balance()
    local rows, problem = db.query("ledger/balances")
    if not rows then
        return nil, problem
    end
    local texts = {}
    for _, part in ipairs(by_currency(rows)) do
        local lines, sum = { { "account", "vendor", part.currency }, "rule" }, 0
        for _, row in ipairs(part.rows) do
            lines[#lines + 1] = {
                row.account, ledger_table.name(row.name),
                ledger_table.amount(row.amount_minor, row.exponent),
            }
            sum = sum + row.amount_minor
        end
        texts[#texts + 1] = ledger_table.text(lines, 2) .. "\n\n"
            .. closing_words(sum, part.currency, part.rows[1].exponent)
    end
    return #texts > 0 and table.concat(texts, "\n\n") or "the ledger is empty"
end

return function(...)
    local arguments = { ... }
    if #arguments > 1 or (arguments[1] or ""):find("^%-") then
        return nil, { message = USAGE }
    elseif arguments[1] then
        return of_order(arguments[1])
    end
    return trial_balance()
end
