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
local hooks = require("souk.plugin.hooks")
local discounts = require("flows.discounts")
local fees = require("flows.fees")
local order_answer = require("flows.order_answer")
local order_terms = require("flows.order_terms")
local sold_out = require("flows.sold_out")

local checkout = {}

local TOTAL_MAX = 1e12
local ATTEMPTS_MAX = 2
local CARDS_KEPT = 1000
local FEE_BPS = tonumber(conf("fee.bps"))
local EXPIRES_S = tonumber(conf("order.expires_after_s"))

--- Of lines that no discount is for; nobody adds to it.
local NONE = {}

--- A list with room for as many as most orders have: growing one by one costs more than filling it.
local function room()
    return { nil, nil, nil, nil }
end

local function is_stale(problem)
    return problem.code == "price_changed" or problem.code == "cart_changed"
end

--- Every line that the shelf cannot serve, as the database would tell; nil when all can be.
local function short_lines(rows)
    local details
    for _, row in ipairs(rows) do
        if row.available < row.quantity then
            details = details or {}
            details[#details + 1] = sold_out.detail(row, row.available)
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

--- {slugs, text} by the text of a card, which many lines share. Nobody changes one.
local known_cards, known_count = {}, 0

local function read_card(card)
    local slugs = json.array({})
    for i, category in ipairs(json.decode(card)) do
        slugs[i] = category.slug
    end
    table.sort(slugs)
    return { slugs = slugs, text = json.encode(slugs) }
end

--- The categories of a product's card: slugs, sorted, and those as JSON.
local function categories_of(card)
    card = card or "[]"
    local known = known_cards[card]
    if not known then
        if known_count >= CARDS_KEPT then
            known_cards, known_count = {}, 0
        end
        known = read_card(card)
        known_cards[card], known_count = known, known_count + 1
    end
    return known.slugs, known.text
end

local function make_item(row, part, order)
    local slugs, slugs_text = categories_of(row.categories)
    return {
        id = crypto.uuid7(), order_id = order.id, buyer_id = order.buyer_id, part_id = part.id,
        vendor_id = part.vendor_id,
        product_id = row.product_id,
        name = row.name,
        price = row.price_minor,
        quantity = row.quantity,
        total = row.price_minor * row.quantity, -- less discounts, once they are known
        discount = 0,
        shares = NONE,
        categories = slugs, categories_text = slugs_text,
        part = part,
    }
end

local function make_part(row, order)
    return {
        id = crypto.uuid7(), order_id = order.id, vendor_id = row.vendor_id,
        currency = order.currency, items = room(), row = row,
        -- What policies say, once they were asked.
        subtotal = 0, shipping = 0, fee = false, fee_amount = 0, fee_version = false,
        fee_reason = false, fee_input = false,
    }
end

--- Fills order.parts and order.items. Rows come with a vendor's lines together; a part is what
--- becomes a vendor order.
local function add_lines(order, rows)
    local parts, items, part = room(), room(), nil
    for i, row in ipairs(rows) do
        if not part or part.vendor_id ~= row.vendor_id then
            part = make_part(row, order)
            parts[#parts + 1] = part
        end
        items[i] = make_item(row, part, order)
        part.items[#part.items + 1] = items[i]
    end
    order.parts, order.items = parts, items
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
    local items, subtotal, wanted = room(), 0, 0
    for i, item in ipairs(part.items) do
        local borne = discounts.of_platform(item)
        items[i] = {
            product_id = item.product_id, categories = item.categories, quantity = item.quantity,
            unit_price = item.price, line_total = item.total + borne,
        }
        subtotal, wanted = subtotal + item.total + borne, wanted + borne
    end
    return {
        subtotal = subtotal,
        currency = order.currency,
        items = items,
        vendor = { id = part.vendor_id, tier = part.row.tier, country = part.row.country },
        buyer = order.buyer_facts,
        distance_km = distance_km(part.row, order.address),
        placed_on = order.placed_on,
        fee_bps = FEE_BPS,
        platform_discount = wanted > 0 and wanted or nil,
    }
end

-- Formats: see order_answer.
local ITEM_INPUT = '{"categories":%s,"line_total":%d,"product_id":"%s","quantity":%d,'
    .. '"unit_price":%d}'
local INPUT = '{"buyer":{"country":%s},"currency":"%s"%s,"fee_bps":%d,"items":[%s],'
    .. '"placed_on":"%s"%s,"subtotal":%d,"vendor":{%s"id":"%s","tier":"%s"}}'

local function item_input_text(given, item)
    return ITEM_INPUT:format(item.categories_text, given.line_total, given.product_id,
        given.quantity, given.unit_price)
end

--- What json.encode makes of policy_input, which is kept with the vendor order.
local function input_text(input, part, order)
    local items, wanted, country = "", input.platform_discount, part.row.country
    for i, given in ipairs(input.items) do
        items = items .. (i > 1 and "," or "") .. item_input_text(given, part.items[i])
    end
    return INPUT:format(order.country_text, input.currency,
        input.distance_km and ',"distance_km":' .. json.encode(input.distance_km) or "",
        input.fee_bps, items, input.placed_on,
        wanted and (',"platform_discount":%d'):format(wanted) or "",
        input.subtotal, country and '"country":' .. order_answer.quoted(country) .. "," or "",
        part.vendor_id, part.row.tier)
end

local function add_fees(order, inputs)
    local texts = room()
    for i, part in ipairs(order.parts) do
        texts[i] = input_text(inputs[i], part, order)
    end
    local list, problem = fees.of(inputs, order.buyer_id, order.known.fee_policy, texts)
    if not list then
        return nil, problem
    end
    order.fee = 0
    for i, part in ipairs(order.parts) do
        local fee = list[i]
        part.fee, part.fee_amount, part.fee_version = fee, fee.fee, fee.version
        part.fee_reason, part.fee_input = fee.reason, fee.input
        order.fee = order.fee + fee.fee
        if inputs[i].platform_discount then
            discounts.limit(part, fee.platform_discount)
        end
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
        buyer = { id = order.buyer_id, country = order.address.country },
    }, order.buyer_id, order.known.limits_policy)
    if not is_allowed then
        return nil, refusal
    end
    return not hooks.any("checkout.check") or hooks.ask("checkout.check", discounts.facts(order))
end

local STEPS = { add_fees, add_shipping, check_limits }

--- Everything that decides what the order costs, and whether it may be placed. true, or nil, err.
local function price(order)
    local is_done, problem = discounts.apply(order)
    if not is_done then
        return nil, problem
    end
    local inputs = room()
    for i, part in ipairs(order.parts) do
        inputs[i] = policy_input(part, order)
    end
    for _, step in ipairs(STEPS) do
        is_done, problem = step(order, inputs)
        if not is_done then
            return nil, problem
        end
    end
    return true
end

local function all_fee_lines(order)
    local lines = room()
    for _, part in ipairs(order.parts) do
        for i, line in ipairs(part.fee.lines) do
            line.order_id, line.part_id, line.position = order.id, part.id, i
            lines[#lines + 1] = line
        end
    end
    return lines
end

-- Columns of checkout/place: fields of an order, its parts, its lines, and so on.
local ORDER = {
    "id", "buyer_id", "currency", "subtotal", "discount", "shipping", "fee", "address_text", "note",
    "expires_s",
}
local PART = {
    "id", "order_id", "vendor_id", "currency", "subtotal", "fee_amount", "fee_version",
    "fee_reason", "fee_input", "shipping",
}
local LINE = {
    "id", "order_id", "buyer_id", "part_id", "vendor_id", "product_id", "name", "price", "quantity",
    "discount",
}
local FEE = { "order_id", "part_id", "position", "name", "amount" }
local DISCOUNT = { "order_id", "part_id", "position", "plugin", "name", "bearer", "amount" }

--- What db.columns and stock.place take.
local function columns_of(order)
    return ORDER, { order }, PART, order.parts, LINE, order.items, FEE, all_fee_lines(order),
        DISCOUNT, order.discount_rows
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
    local ids = room()
    for i, item in ipairs(items) do
        ids[i] = item.product_id
    end
    return ids
end

--- Alone in a transaction, when plugins have a part in it or it is the caller's; else with all
--- that are on their way at the moment. Each is made as if it were alone.
local function write(order)
    order.discount_rows = discounts.rows(order)
    if not db.in_tx() and not hooks.any("order.created") then
        return made(stock.place("checkout/place", order.buyer_id, goods_of(order.items),
            columns_of(order)))
    end
    return db.tx(function()
        local row, problem = made(db.one("checkout/place", db.columns(columns_of(order))))
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

local function new_order(buyer_id, input, rows, total)
    local order = {
        id = crypto.uuid7(), buyer_id = buyer_id, currency = rows[1].currency, subtotal = total,
        address = input.shippingAddress, address_text = json.encode(input.shippingAddress),
        note = input.note or json.null, code = input.couponCode, known = rows[1],
        country_text = order_answer.quoted(input.shippingAddress.country),
        buyer_facts = { country = input.shippingAddress.country },
        placed_on = clock.rfc3339():sub(1, 10), expires_s = EXPIRES_S,
        -- What comes later: a table that grows costs more than all that is put into it.
        parts = false, items = false, fee = 0, discount = 0, shipping = 0, total = 0,
        discount_rows = false,
    }
    add_lines(order, rows)
    return order
end

--- What is in the cart. Many read at a time, and then together; in a transaction it is read there.
local function read(buyer_id)
    if db.in_tx() then
        return db.query("checkout/read", db.array({ buyer_id }))
    end
    return db.query_of("checkout/read", buyer_id)
end

local function attempt(buyer_id, input)
    local rows, problem = read(buyer_id)
    if not rows then
        return nil, problem
    end
    local total, refusal = check_cart(rows)
    if not total then
        return nil, refusal
    end
    local order = new_order(buyer_id, input, rows, total)
    local is_priced, obstacle = price(order)
    if not is_priced then
        return nil, obstacle
    end
    local row, failure = write(order)
    if not row then
        return nil, failure
    end
    return order.id, order_answer.text(order, row)
end

--- input: {shippingAddress, note, couponCode}. The order's id, and the order as its buyer sees it,
--- as JSON; or nil, err. When a price or the cart changed between reading and writing it is read
--- once more; in a transaction of the caller's, which is lost by then, that is told.
function checkout.place(buyer_id, input)
    local attempts = db.in_tx() and 1 or ATTEMPTS_MAX
    local known = sold_out.refusal(buyer_id)
    if known then
        return nil, known
    end
    local since, id, text
    for _ = 1, attempts do
        since = sold_out.now()
        id, text = attempt(buyer_id, input)
        if id or not is_stale(text) then
            break
        end
    end
    if not id and text.code == "insufficient_stock" then
        sold_out.keep(buyer_id, since, text)
    end
    return id, text
end

return checkout
