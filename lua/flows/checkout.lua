--- From a cart to an order that holds its goods. One statement reads; the policies decide; one
--- transaction writes, together with others that want the same goods at the moment (core.stock).
--- What was read is an assumption until that transaction proves it: it takes exactly this cart,
--- reserves at exactly these prices, or refuses this order alone.
local clock = require("core.clock")
local conf = require("core.conf")
local crypto = require("core.crypto")
local geo = require("core.geo")
local json = require("core.json")
local stock = require("core.stock")
local db = require("souk.db")
local err = require("souk.err")
local money = require("souk.money")
local hooks = require("souk.plugin.hooks")
local discounts = require("flows.discounts")
local fees = require("flows.fees")
local order_terms = require("flows.order_terms")
local sold_out = require("flows.sold_out")

local checkout = {}

local TOTAL_MAX = 1e12
local ATTEMPTS_MAX = 2

local function is_stale(problem)
    return problem.code == "price_changed" or problem.code == "cart_changed"
end

--- Every line that the shelf cannot serve, as the database would tell; nil when all can be.
local function short_lines(rows)
    local details
    for _, row in ipairs(rows) do
        if row.available < row.quantity then
            details = details or {}
            details[#details + 1] = {
                field = "items",
                message = ("%d wanted, %d available"):format(row.quantity, row.available),
                productId = row.product_id,
                requested = row.quantity,
                available = row.available,
            }
        end
    end
    return details
end

local function check_cart(rows)
    if #rows == 0 then
        return nil, err.empty_cart()
    end
    local short = short_lines(rows)
    if short then
        return nil, err.insufficient_stock(nil, short)
    end
    local total = 0
    for _, row in ipairs(rows) do
        if row.currency ~= rows[1].currency then
            return nil, err.conflict("the cart mixes currencies: check out one at a time")
        end
        total = total + row.price_minor * row.quantity
    end
    if total > TOTAL_MAX then
        return nil, err.conflict("the order is worth more than one order can be")
    end
    return total
end

--- Sorted, of a product's card.
local function slugs_of(card)
    local slugs = json.array({})
    for i, category in ipairs(card and json.decode(card) or {}) do
        slugs[i] = category.slug
    end
    table.sort(slugs)
    return slugs
end

local function make_item(row, part)
    return {
        id = crypto.uuid7(),
        product_id = row.product_id,
        name = row.name,
        price = row.price_minor,
        quantity = row.quantity,
        total = row.price_minor * row.quantity, -- less discounts, once they are known
        discount = 0,
        shares = {},
        categories = slugs_of(row.categories),
        part = part,
    }
end

--- Rows come with a vendor's lines together. A part is what becomes a vendor order.
local function make_parts(rows)
    local parts, part = {}, nil
    for _, row in ipairs(rows) do
        if not part or part.vendor_id ~= row.vendor_id then
            part = { id = crypto.uuid7(), vendor_id = row.vendor_id, items = {}, row = row }
            parts[#parts + 1] = part
        end
        local item = make_item(row, part)
        part.items[#part.items + 1] = item
    end
    return parts
end

local function distance_km(row, address)
    if not (row.lat_deg and address.lat and address.lng) then
        return nil
    end
    return geo.distance_m(row.lat_deg, row.lon_deg, address.lat, address.lng) / 1000
end

local function sum_of(list, field)
    local sum = 0
    for _, entry in ipairs(list) do
        sum = sum + entry[field]
    end
    return sum
end

--- What the policies are told of a part: its lines as its vendor sells them, after the discounts
--- that the vendor bears.
local function policy_input(part, order)
    local items = json.array({})
    for i, item in ipairs(part.items) do
        items[i] = {
            product_id = item.product_id, categories = item.categories, quantity = item.quantity,
            unit_price = item.price, line_total = item.total + discounts.of_platform(item),
        }
    end
    local wanted = discounts.wanted_of_platform(part)
    return {
        subtotal = sum_of(items, "line_total"),
        currency = order.currency,
        items = items,
        vendor = { id = part.vendor_id, tier = part.row.tier, country = part.row.country },
        buyer = json.object({ country = order.address.country }),
        distance_km = distance_km(part.row, order.address),
        placed_on = clock.rfc3339():sub(1, 10),
        fee_bps = tonumber(conf("fee.bps")),
        platform_discount = wanted > 0 and wanted or nil,
    }
end

local function add_fees(order, inputs)
    local list, problem = fees.of(inputs, order.buyer_id, order.known.fee_policy)
    if not list then
        return nil, problem
    end
    for i, part in ipairs(order.parts) do
        part.fee = list[i]
        discounts.limit(part, part.fee.platform_discount)
    end
    return true
end

local function add_shipping(order, inputs)
    local list, problem = order_terms.shipping(inputs, order.buyer_id, order.known.shipping_policy)
    if not list then
        return nil, problem
    end
    for i, part in ipairs(order.parts) do
        part.shipping = list[i]
        part.subtotal = sum_of(part.items, "total") + part.shipping
    end
    order.discount = sum_of(order.items, "discount")
    order.shipping = sum_of(order.parts, "shipping")
    order.total = order.subtotal - order.discount + order.shipping
    return true
end

local function check_limits(order)
    local is_allowed, refusal = order_terms.limits({
        total = order.total, subtotal = order.subtotal, currency = order.currency,
        lines = #order.items, units = sum_of(order.items, "quantity"), vendors = #order.parts,
        buyer = json.object({ id = order.buyer_id, country = order.address.country }),
    }, order.buyer_id, order.known.limits_policy)
    if not is_allowed then
        return nil, refusal
    end
    return hooks.ask("checkout.check", discounts.facts(order))
end

--- Everything that decides what the order costs, and whether it may be placed. true, or nil, err.
local function price(order)
    local is_done, problem = discounts.apply(order)
    if not is_done then
        return nil, problem
    end
    local inputs = {}
    for i, part in ipairs(order.parts) do
        inputs[i] = policy_input(part, order)
    end
    for _, step in ipairs({ add_fees, add_shipping, check_limits }) do
        is_done, problem = step(order, inputs)
        if not is_done then
            return nil, problem
        end
    end
    order.fee = 0
    for _, part in ipairs(order.parts) do
        order.fee = order.fee + part.fee.fee
    end
    return true
end

local function all_items(parts)
    local items = {}
    for _, part in ipairs(parts) do
        for _, item in ipairs(part.items) do
            items[#items + 1] = item
        end
    end
    return items
end

local function all_fee_lines(parts)
    local lines = {}
    for _, part in ipairs(parts) do
        for i, line in ipairs(part.fee.lines) do
            lines[#lines + 1] = {
                part_id = part.id, position = i, name = line.name, amount = line.amount,
            }
        end
    end
    return lines
end

-- Columns of checkout/place: the name of a field, or what reads one of an entry and its order. Made
-- once: functions that are made for each order keep the compiler out.

local function id_of_order(_, order)
    return order.id
end

local ORDER = {
    "id", "buyer_id", "currency", "subtotal", "discount", "shipping", "fee",
    function(order) return json.encode(order.address) end,
    function(order) return order.note or json.null end,
    function() return tonumber(conf("order.expires_after_s")) end,
}
local PART = {
    "id", id_of_order, "vendor_id", function(_, order) return order.currency end, "subtotal",
    function(part) return part.fee.fee end,
    function(part) return part.fee.version end,
    function(part) return part.fee.reason end,
    function(part) return part.fee.input end, "shipping",
}
local LINE = {
    "id", id_of_order, function(_, order) return order.buyer_id end,
    function(item) return item.part.id end,
    function(item) return item.part.vendor_id end,
    "product_id", "name", "price", "quantity", "discount",
}
local FEE = { id_of_order, "part_id", "position", "name", "amount" }
local DISCOUNT = { id_of_order, "part_id", "position", "plugin", "name", "bearer", "amount" }

--- Puts columns of the list behind those that are there, each as an array for unnest.
local function add_columns(arrays, readers, list, order)
    for n = 1, #readers do
        local read, column = readers[n], {}
        local is_field = type(read) == "string"
        for i = 1, #list do
            column[i] = is_field and list[i][read] or not is_field and read(list[i], order)
        end
        arrays[#arrays + 1] = db.array(column)
    end
end

local function values_of(order)
    local arrays = {}
    add_columns(arrays, ORDER, { order }, order)
    add_columns(arrays, PART, order.parts, order)
    add_columns(arrays, LINE, order.items, order)
    add_columns(arrays, FEE, all_fee_lines(order.parts), order)
    add_columns(arrays, DISCOUNT, order.discount_rows, order)
    return arrays
end

--- What plugins do with an order in the transaction that makes it.
local function tell_created(order)
    local told = json.array({})
    for i, row in ipairs(order.discount_rows) do
        told[i] = {
            plugin = row.plugin, name = row.name, amount = row.amount, bearer = row.bearer,
        }
    end
    return hooks.ask("order.created", {
        orderId = order.id, buyerId = order.buyer_id, currency = order.currency,
        code = order.code, total = order.total, discount = order.discount, discounts = told,
    })
end

local REFUSALS = {
    SK410 = err.insufficient_stock, SK420 = err.price_changed, SK421 = err.cart_changed,
}

--- The row of an order that was made; or nil, err.
local function made(row, problem)
    if not row then
        return nil, problem
    elseif row.refusal then
        return nil, REFUSALS[row.refusal](row.message, row.details)
    end
    return row
end

local function goods_of(items)
    local ids = {}
    for i, item in ipairs(items) do
        ids[i] = item.product_id
    end
    return ids
end

--- Alone in a transaction, when plugins have a part in it or it is the caller's; else with all
--- that are on their way at the moment. Each is made as if it were alone.
local function write(order)
    order.discount_rows = discounts.rows(order.parts)
    local values = values_of(order)
    if not db.in_tx() and #hooks.names("order.created") == 0 then
        return made(stock.place("checkout/place", order.buyer_id, goods_of(order.items),
            unpack(values)))
    end
    return db.tx(function()
        local row, problem = made(db.one("checkout/place", unpack(values)))
        if not row then
            return nil, problem
        end
        local is_fine, refusal = tell_created(order)
        if not is_fine then
            return nil, refusal
        end
        return row
    end)
end

-- The answer, equal to what GET /orders/{id} gives -----------------------------------------------

local function by_id(a, b)
    return a.id < b.id
end

local function item_views(items, currency)
    local views = json.array({})
    for i, item in ipairs(items) do
        views[i] = {
            id = item.id, productId = item.product_id, vendorId = item.part.vendor_id,
            name = item.name,
            unitPrice = money.of(item.price, currency), quantity = item.quantity,
            discount = money.of(item.discount, currency),
            lineTotal = money.of(item.total, currency),
            refundedQuantity = 0,
            restockedQuantity = 0,
        }
    end
    table.sort(views, by_id)
    return views
end

local function fee_line_views(lines, currency)
    local views = json.array({})
    for i, line in ipairs(lines) do
        views[i] = { name = line.name, amount = money.of(line.amount, currency) }
    end
    return views
end

local function part_view(part, order, created_at)
    return {
        id = part.id, orderId = order.id, vendorId = part.vendor_id, status = "PENDING",
        subtotal = money.of(part.subtotal, order.currency),
        shipping = money.of(part.shipping, order.currency),
        platformFee = money.of(part.fee.fee, order.currency),
        earnings = money.of(part.subtotal - part.fee.fee, order.currency),
        feeLines = fee_line_views(part.fee.lines, order.currency),
        feePolicyVersion = part.fee.version,
        items = item_views(part.items, order.currency),
        shippingAddress = order.address,
        tracking = json.null,
        createdAt = created_at, updatedAt = created_at,
    }
end

local function view(order, row)
    local parts = json.array({})
    for i, part in ipairs(order.parts) do
        parts[i] = part_view(part, order, row.created_at)
    end
    table.sort(parts, by_id)
    return {
        id = order.id, number = row.number, status = "PENDING",
        subtotal = money.of(order.subtotal, order.currency),
        discount = money.of(order.discount, order.currency),
        discounts = discounts.views(order),
        shipping = money.of(order.shipping, order.currency),
        total = money.of(order.total, order.currency),
        items = item_views(order.items, order.currency),
        vendorOrders = parts,
        payment = json.null,
        shippingAddress = order.address,
        note = order.note or json.null,
        expiresAt = row.expires_at, createdAt = row.created_at, updatedAt = row.created_at,
    }
end

local function attempt(buyer_id, input)
    local since = sold_out.now()
    local rows, problem = db.query("checkout/read", buyer_id)
    if not rows then
        return nil, problem
    end
    local total, refusal = check_cart(rows)
    if not total then
        if refusal.code == "insufficient_stock" then
            sold_out.keep(buyer_id, since, refusal)
        end
        return nil, refusal
    end
    local order = {
        id = crypto.uuid7(), buyer_id = buyer_id, currency = rows[1].currency, subtotal = total,
        address = input.shippingAddress, note = input.note, code = input.couponCode,
        parts = make_parts(rows), known = rows[1],
    }
    order.items = all_items(order.parts)
    local is_priced
    is_priced, problem = price(order)
    if not is_priced then
        return nil, problem
    end
    local row, failure = write(order)
    if not row then
        return nil, failure
    end
    return view(order, row)
end

--- input: {shippingAddress, note, couponCode}. The order as its buyer sees it, or nil, err. When a
--- price or the cart changed between reading and writing it is read once more; in a transaction of
--- the caller's, which is lost by then, that is told.
function checkout.place(buyer_id, input)
    local attempts = db.in_tx() and 1 or ATTEMPTS_MAX
    local order, problem = nil, sold_out.refusal(buyer_id)
    if problem then
        return nil, problem
    end
    for _ = 1, attempts do
        order, problem = attempt(buyer_id, input)
        if order or not is_stale(problem) then
            break
        end
    end
    return order, problem
end

return checkout
