--- The order that was just made, as GET /orders/{id} gives it, straight as text: what it is made of
--- is known by then, and most of it is in the answer twice. Members are in order of their names,
--- as everywhere.
local json = require("core.json")
local discounts = require("flows.discounts")

local order_answer = {}

local TEXTS_KEPT = 2000

--- JSON by text, of what many orders share: names, countries, currencies.
local known_texts, known_count = {}, 0

--- A text as JSON.
function order_answer.quoted(text)
    local quoted = known_texts[text]
    if not quoted then
        if known_count >= TEXTS_KEPT then
            known_texts, known_count = {}, 0
        end
        quoted = json.encode(text)
        known_texts[text], known_count = quoted, known_count + 1
    end
    return quoted
end

local quoted = order_answer.quoted

--- What follows an amount of this currency, and the next member's name.
local function currency_tail(currency)
    return ',"currency":' .. quoted(currency) .. "},"
end

-- Formats, since a number that is joined to a text is written as if it had a fraction: five times
-- what %d takes. A tail is a %s: it is what follows an amount.
local ITEM = '{"discount":{"amount":%d%s"id":"%s","lineTotal":{"amount":%d%s"name":%s,'
    .. '"productId":"%s","quantity":%d,"refundedQuantity":0,"restockedQuantity":0,'
    .. '"unitPrice":{"amount":%d%s"vendorId":"%s"}'
local FEE_LINE = '{"amount":{"amount":%d%s"name":%s}'
local PART_HEAD = '{"createdAt":"%s","earnings":{"amount":%d%s"feeLines":[%s],'
    .. '"feePolicyVersion":"%s","id":"%s","items":['
local PART_END = '],"orderId":"%s","platformFee":{"amount":%d%s"shipping":{"amount":%d%s'
    .. '"shippingAddress":%s,"status":"PENDING","subtotal":{"amount":%d%s"tracking":null,'
    .. '"updatedAt":"%s","vendorId":"%s"}'
local HEAD = '{"createdAt":"%s","discount":{"amount":%d%s"discounts":%s,"expiresAt":"%s",'
    .. '"id":"%s","items":['
local MIDDLE = '],"note":%s,"number":"%s","payment":null,"shipping":{"amount":%d%s'
    .. '"shippingAddress":%s,"status":"PENDING","subtotal":{"amount":%d%s"total":{"amount":%d%s'
    .. '"updatedAt":"%s","vendorOrders":['

--- Ids of one process ascend (core/base/id.h), so that lines and parts are in order as they are.
local function item_text(item, tail)
    return ITEM:format(item.discount, tail, item.id, item.total, tail, quoted(item.name),
        item.product_id, item.quantity, item.price, tail, item.vendor_id)
end

local function fee_line_texts(lines, tail)
    local text = ""
    for i = 1, #lines do
        text = text .. (i > 1 and "," or "")
            .. FEE_LINE:format(lines[i].amount, tail, quoted(lines[i].name))
    end
    return text
end

--- What comes before and after a part's lines.
local function part_head(part, created_at, tail)
    return PART_HEAD:format(created_at, part.subtotal - part.fee_amount, tail,
        fee_line_texts(part.fee.lines, tail), part.fee_version, part.id)
end

local function part_end(part, order, created_at, tail)
    return PART_END:format(order.id, part.fee_amount, tail, part.shipping, tail,
        order.address_text, part.subtotal, tail, created_at, part.vendor_id)
end

local function item_texts(order, tail)
    local texts = { nil, nil, nil, nil }
    for _, part in ipairs(order.parts) do
        for _, item in ipairs(part.items) do
            texts[#texts + 1] = item_text(item, tail)
        end
    end
    return texts
end

--- Adds texts from first to last, with commas between them; out has `at` entries. How many it has
--- then.
local function add_texts(out, at, texts, first, last)
    for i = first, last do
        if i > first then
            at = at + 1
            out[at] = ","
        end
        at = at + 1
        out[at] = texts[i]
    end
    return at
end

local function add_parts(out, at, order, created_at, tail, texts)
    local first = 1
    for i, part in ipairs(order.parts) do
        local last = first + #part.items - 1
        if i > 1 then
            at = at + 1
            out[at] = ","
        end
        out[at + 1] = part_head(part, created_at, tail)
        at = add_texts(out, at + 1, texts, first, last) + 1
        out[at] = part_end(part, order, created_at, tail)
        first = last + 1
    end
    return at
end

local function discounts_text(order)
    return #order.discount_rows == 0 and "[]" or json.encode(discounts.views(order))
end

--- order: flows.checkout's, priced; row: {number, created_at, expires_at} of the order that was
--- made of it.
function order_answer.text(order, row)
    local tail, created_at = currency_tail(order.currency), row.created_at
    local texts = item_texts(order, tail)
    -- Joined once, at the end: whatever is joined on the way is copied again, and is garbage. The
    -- nils are room for what most orders have.
    local out = { nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
        nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil }
    out[1] = HEAD:format(created_at, order.discount, tail, discounts_text(order), row.expires_at,
        order.id)
    local at = add_texts(out, 1, texts, 1, #texts) + 1
    out[at] = MIDDLE:format(json.encode(order.note), row.number, order.shipping, tail,
        order.address_text, order.subtotal, tail, order.total, tail, created_at)
    at = add_parts(out, at, order, created_at, tail, texts)
    out[at + 1] = "]}"
    return table.concat(out)
end

return order_answer
