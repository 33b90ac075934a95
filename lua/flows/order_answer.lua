--- The order that was just made, as GET /orders/{id} gives it, straight as text: what it is made of
--- is known by then, and most of it is in the answer twice. Members are in order of their names,
--- as everywhere.
local json = require("core.json")
local discounts = require("flows.discounts")

local order_answer = {}

--- What follows an amount of this currency, and the next member's name.
local function currency_tail(currency)
    return ',"currency":' .. json.encode(currency) .. "},"
end

--- Ids of one process ascend (core/base/id.h), so that lines and parts are in order as they are.
local function item_text(item, tail)
    return '{"discount":{"amount":' .. item.discount .. tail
        .. '"id":"' .. item.id
        .. '","lineTotal":{"amount":' .. item.total .. tail
        .. '"name":' .. json.encode(item.name)
        .. ',"productId":"' .. item.product_id
        .. '","quantity":' .. item.quantity
        .. ',"refundedQuantity":0,"restockedQuantity":0,"unitPrice":{"amount":' .. item.price
        .. tail .. '"vendorId":"' .. item.vendor_id .. '"}'
end

local function fee_line_texts(lines, tail)
    local texts = {}
    for i = 1, #lines do
        texts[i] = '{"amount":{"amount":' .. lines[i].amount .. tail
            .. '"name":' .. json.encode(lines[i].name) .. "}"
    end
    return table.concat(texts, ",")
end

--- What comes before and after a part's lines.
local function part_head(part, created_at, tail)
    return '{"createdAt":"' .. created_at
        .. '","earnings":{"amount":' .. part.subtotal - part.fee_amount .. tail
        .. '"feeLines":[' .. fee_line_texts(part.fee.lines, tail)
        .. '],"feePolicyVersion":"' .. part.fee_version
        .. '","id":"' .. part.id
        .. '","items":['
end

local function part_end(part, order, created_at, tail)
    return '],"orderId":"' .. order.id
        .. '","platformFee":{"amount":' .. part.fee_amount .. tail
        .. '"shipping":{"amount":' .. part.shipping .. tail
        .. '"shippingAddress":' .. order.address_text
        .. ',"status":"PENDING","subtotal":{"amount":' .. part.subtotal .. tail
        .. '"tracking":null,"updatedAt":"' .. created_at
        .. '","vendorId":"' .. part.vendor_id .. '"}'
end

local function item_texts(order, tail)
    local texts = {}
    for _, part in ipairs(order.parts) do
        for _, item in ipairs(part.items) do
            texts[#texts + 1] = item_text(item, tail)
        end
    end
    return texts
end

--- Adds texts from first to last, with commas between them.
local function add_texts(out, texts, first, last)
    local at = #out
    for i = first, last do
        out[at + 1], out[at + 2] = i > first and "," or "", texts[i]
        at = at + 2
    end
end

local function add_parts(out, order, created_at, tail, texts)
    local first = 1
    for i, part in ipairs(order.parts) do
        local last = first + #part.items - 1
        out[#out + 1] = i > 1 and "," or ""
        out[#out + 1] = part_head(part, created_at, tail)
        add_texts(out, texts, first, last)
        out[#out + 1] = part_end(part, order, created_at, tail)
        first = last + 1
    end
end

local function discounts_text(order)
    return #order.discount_rows == 0 and "[]" or json.encode(discounts.views(order))
end

--- order: flows.checkout's, priced; row: {number, created_at, expires_at} of the order that was
--- made of it.
function order_answer.text(order, row)
    local tail, created_at = currency_tail(order.currency), row.created_at
    local texts = item_texts(order, tail)
    -- Joined once, at the end: whatever is joined on the way is copied again, and is garbage.
    local out = { '{"createdAt":"' .. created_at
        .. '","discount":{"amount":' .. order.discount .. tail
        .. '"discounts":' .. discounts_text(order)
        .. ',"expiresAt":"' .. row.expires_at
        .. '","id":"' .. order.id
        .. '","items":[' }
    add_texts(out, texts, 1, #texts)
    out[#out + 1] = '],"note":' .. json.encode(order.note)
        .. ',"number":"' .. row.number
        .. '","payment":null,"shipping":{"amount":' .. order.shipping .. tail
        .. '"shippingAddress":' .. order.address_text
        .. ',"status":"PENDING","subtotal":{"amount":' .. order.subtotal .. tail
        .. '"total":{"amount":' .. order.total .. tail
        .. '"updatedAt":"' .. created_at
        .. '","vendorOrders":['
    add_parts(out, order, created_at, tail, texts)
    out[#out + 1] = "]}"
    return table.concat(out)
end

return order_answer
