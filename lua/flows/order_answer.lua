--- The order that was just made, as GET /orders/{id} gives it, straight as text: what it is made of
--- is known by then, and most of it is in the answer twice. Members are in order of their names,
--- as everywhere.
local json = require("core.json")
local discounts = require("flows.discounts")

local order_answer = {}

--- What follows an amount of this currency.
local function currency_tail(currency)
    return ',"currency":' .. json.encode(currency) .. "}"
end

local function money(amount, tail)
    return '{"amount":' .. amount .. tail
end

--- Ids of one process ascend (core/base/id.h), so that lines and parts are in order as they are.
local function item_text(item, tail)
    return '{"discount":' .. money(item.discount, tail)
        .. ',"id":"' .. item.id
        .. '","lineTotal":' .. money(item.total, tail)
        .. ',"name":' .. json.encode(item.name)
        .. ',"productId":"' .. item.product_id
        .. '","quantity":' .. item.quantity
        .. ',"refundedQuantity":0,"restockedQuantity":0,"unitPrice":' .. money(item.price, tail)
        .. ',"vendorId":"' .. item.vendor_id .. '"}'
end

local function fee_line_texts(lines, tail)
    local texts = {}
    for i = 1, #lines do
        texts[i] = '{"amount":' .. money(lines[i].amount, tail)
            .. ',"name":' .. json.encode(lines[i].name) .. "}"
    end
    return table.concat(texts, ",")
end

local function part_text(part, order, created_at, items, tail)
    return '{"createdAt":"' .. created_at
        .. '","earnings":' .. money(part.subtotal - part.fee_amount, tail)
        .. ',"feeLines":[' .. fee_line_texts(part.fee.lines, tail)
        .. '],"feePolicyVersion":"' .. part.fee_version
        .. '","id":"' .. part.id
        .. '","items":[' .. items
        .. '],"orderId":"' .. order.id
        .. '","platformFee":' .. money(part.fee_amount, tail)
        .. ',"shipping":' .. money(part.shipping, tail)
        .. ',"shippingAddress":' .. order.address_text
        .. ',"status":"PENDING","subtotal":' .. money(part.subtotal, tail)
        .. ',"tracking":null,"updatedAt":"' .. created_at
        .. '","vendorId":"' .. part.vendor_id .. '"}'
end

--- Texts of all lines, and of all parts.
local function list_texts(order, created_at, tail)
    local items, parts = {}, {}
    for i, part in ipairs(order.parts) do
        local own = {}
        for n, item in ipairs(part.items) do
            own[n] = item_text(item, tail)
        end
        items[i] = table.concat(own, ",")
        parts[i] = part_text(part, order, created_at, items[i], tail)
    end
    return table.concat(items, ","), table.concat(parts, ",")
end

--- order: flows.checkout's, priced; row: {number, created_at, expires_at} of the order that was
--- made of it.
function order_answer.text(order, row)
    local tail, created_at = currency_tail(order.currency), row.created_at
    local items, parts = list_texts(order, created_at, tail)
    return '{"createdAt":"' .. created_at
        .. '","discount":' .. money(order.discount, tail)
        .. ',"discounts":' .. json.encode(discounts.views(order))
        .. ',"expiresAt":"' .. row.expires_at
        .. '","id":"' .. order.id
        .. '","items":[' .. items
        .. '],"note":' .. json.encode(order.note)
        .. ',"number":"' .. row.number
        .. '","payment":null,"shipping":' .. money(order.shipping, tail)
        .. ',"shippingAddress":' .. order.address_text
        .. ',"status":"PENDING","subtotal":' .. money(order.subtotal, tail)
        .. ',"total":' .. money(order.total, tail)
        .. ',"updatedAt":"' .. created_at
        .. '","vendorOrders":[' .. parts .. "]}"
end

return order_answer
