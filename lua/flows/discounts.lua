--- What plugins take off an order: their hooks at checkout.price say how much, for which lines, and
--- who bears it; here it is cut over the lines, exactly. VENDOR: the vendor earns less. PLATFORM:
--- the platform's fee is less, and the discount ends where that fee does.
local json = require("core.json")
local err = require("souk.err")
local hooks = require("souk.plugin.hooks")
local money = require("souk.money")

local discounts = {}

local POINT = "checkout.price"
local DISCOUNTS_MAX = 20
local NAME_MAX = 100
local BEARERS = { VENDOR = true, PLATFORM = true }

local function lines_of(items)
    local lines = json.array({})
    for i, item in ipairs(items) do
        lines[i] = {
            productId = item.product_id, vendorId = item.vendor_id,
            categories = item.categories, quantity = item.quantity, unitPrice = item.price,
            total = item.price * item.quantity,
        }
    end
    return lines
end

--- What hooks of a checkout are told of an order.
function discounts.facts(order)
    return {
        buyerId = order.buyer_id, currency = order.currency, code = order.code,
        subtotal = order.subtotal, lines = lines_of(order.items),
    }
end

local function problem_of(given)
    if type(given) ~= "table" or type(given.name) ~= "string" or given.name == ""
        or #given.name > NAME_MAX then
        return "a discount needs a name"
    elseif type(given.amount) ~= "number" or given.amount % 1 ~= 0 or given.amount < 0 then
        return "the amount of a discount is a whole number of minor units, at least 0"
    elseif not BEARERS[given.bearer] then
        return "a discount is borne by VENDOR or PLATFORM"
    end
    return nil
end

--- Adds what one hook gives to what those before it gave: the new value; or nil and what is wrong.
local function merge(value, changed, plugin)
    local given = type(changed) == "table" and (changed.discounts or {})
    if type(given) ~= "table" then
        return nil, "checkout.price answers {discounts = {…}}"
    end
    for _, discount in ipairs(given) do
        local problem = problem_of(discount)
        if problem then
            return nil, problem
        elseif #value.discounts >= DISCOUNTS_MAX then
            return nil, "too many discounts"
        end
        table.insert(value.discounts, {
            name = discount.name, amount = discount.amount, bearer = discount.bearer,
            productId = discount.productId, vendorId = discount.vendorId, plugin = plugin,
        })
    end
    return value
end

local function is_for(discount, item)
    return (discount.productId == nil or discount.productId == item.product_id)
        and (discount.vendorId == nil or discount.vendorId == item.vendor_id)
end

--- Cuts a discount over its lines by what is left of them.
local function spread(discount, items)
    local eligible, left, sum = {}, {}, 0
    for _, item in ipairs(items) do
        if is_for(discount, item) and item.total > 0 then
            eligible[#eligible + 1], left[#left + 1] = item, item.total
            sum = sum + item.total
        end
    end
    local amounts = money.split(math.min(discount.amount, sum), left)
    for i, item in ipairs(eligible) do
        if amounts[i] > 0 then
            item.total = item.total - amounts[i]
            item.discount = item.discount + amounts[i]
            item.shares = #item.shares > 0 and item.shares or {}
            table.insert(item.shares, { discount = discount, amount = amounts[i] })
        end
    end
end

--- Asks the plugins and takes off what they give: each item's total is then what its buyer pays for
--- it. true, or nil, err.
function discounts.apply(order)
    if not hooks.any(POINT) then
        if order.code then
            return nil, err.plugin_refused("no codes are taken here")
        end
        return true
    end
    local value = discounts.facts(order)
    value.discounts = json.array({})
    local priced, refusal = hooks.run(POINT, value, merge)
    if not priced then
        return nil, refusal
    end
    for _, discount in ipairs(priced.discounts) do
        spread(discount, order.items)
    end
    return true
end

local function shares_of(part, bearer)
    local shares = {}
    for _, item in ipairs(part.items) do
        for _, share in ipairs(item.shares) do
            if share.discount.bearer == bearer then
                shares[#shares + 1] = { item = item, share = share }
            end
        end
    end
    return shares
end

--- What the platform bears of an item, so far.
function discounts.of_platform(item)
    local sum = 0
    for _, share in ipairs(item.shares) do
        if share.discount.bearer == "PLATFORM" then
            sum = sum + share.amount
        end
    end
    return sum
end

--- Lowers what the platform bears of a part to what its fee allowed.
function discounts.limit(part, allowed)
    local shares, wanted = shares_of(part, "PLATFORM"), {}
    for i, entry in ipairs(shares) do
        wanted[i] = entry.share.amount
    end
    if #shares == 0 then
        return
    end
    for i, amount in ipairs(money.split(allowed, wanted)) do
        local item, share = shares[i].item, shares[i].share
        item.total = item.total + share.amount - amount
        item.discount = item.discount - share.amount + amount
        share.amount = amount
    end
end

local NO_ROWS = {}

--- One row a discount of a part: {order_id, part_id, position, plugin, name, bearer, amount}.
function discounts.rows(order)
    if order.discount == 0 then
        return NO_ROWS
    end
    local rows = {}
    for _, part in ipairs(order.parts) do
        local by_discount, position = {}, 0
        for _, item in ipairs(part.items) do
            for _, share in ipairs(item.shares) do
                local row = by_discount[share.discount]
                if not row and share.amount > 0 then
                    position = position + 1
                    row = {
                        order_id = order.id, part_id = part.id, position = position, amount = 0,
                        plugin = share.discount.plugin, name = share.discount.name,
                        bearer = share.discount.bearer,
                    }
                    by_discount[share.discount] = row
                    rows[#rows + 1] = row
                end
                if row then
                    row.amount = row.amount + share.amount
                end
            end
        end
    end
    return rows
end

--- What an order costs less, by name and bearer, as order_discounts_json has it.
function discounts.views(order)
    local views, at = json.array({}), {}
    for _, row in ipairs(order.discount_rows) do
        local key = row.name .. "\n" .. row.bearer
        if not at[key] then
            views[#views + 1] = {
                name = row.name, bearer = row.bearer, amount = money.of(0, order.currency),
            }
            at[key] = views[#views]
        end
        at[key].amount.amount = at[key].amount.amount + row.amount
    end
    return views
end

return discounts
