--- Checkouts that need no database to be refused: it has said that there is nothing left, nothing
--- has risen since, and what the buyer's cart holds was seen a moment ago. A hint that may only
--- refuse. It ends when stock of a product rises (the feed tells every node) or the cart changes
--- (on this node at once); it is never older than cache.stock_ms, which bounds what no feed tells:
--- a cart that was changed through another node, a vendor who is back.
local clock = require("core.clock")
local conf = require("core.conf")
local json = require("core.json")
local err = require("souk.err")
local shared = require("core.shared")

local sold_out = {}

local TTL_US = tonumber(conf("cache.stock_ms")) * 1000
local KEPT_MAX = 10000
local LINES_MAX = 20

local function new_store()
    return { entries = {}, count = 0 }
end

--- By buyer: what they were told; what was in their cart. By product: that there was none.
local told, carts, gone = new_store(), new_store(), new_store()

local function keep(store, id, entry)
    if store.count >= KEPT_MAX then
        store.entries, store.count = {}, 0
    end
    store.count = store.count + (store.entries[id] and 0 or 1)
    store.entries[id] = entry
end

local function drop(store, id)
    if store.entries[id] then
        store.entries[id], store.count = nil, store.count - 1
    end
end

--- The entry of id when it is not too old, and nothing of this kind and id has changed since.
local function fresh(store, kind, id, now_us)
    local entry = store.entries[id]
    if entry and now_us - entry.at_us <= TTL_US
        and shared.holds(entry.since, kind, id) then
        return entry
    end
    drop(store, id)
    return nil
end

--- To be noted before the cart is read.
function sold_out.now()
    return shared.count()
end

local function detail_of(product_id, quantity, available)
    return {
        field = "items",
        message = quantity .. " wanted, " .. available .. " available",
        productId = product_id,
        requested = quantity,
        available = available,
    }
end

--- What the shelf cannot serve of a line.
function sold_out.detail(line, available)
    return detail_of(line.product_id, line.quantity, available)
end

--- What the database itself has told is text.
local function lines_of(problem)
    local details = problem.details
    return type(details[1]) == "table" and details or json.decode(tostring(details))
end

--- problem: insufficient_stock, with a line for each product that is short.
function sold_out.keep(buyer_id, since, problem)
    local at_us, lines = clock.monotonic_us(), lines_of(problem)
    keep(told, buyer_id, { problem = problem, lines = lines, since = since, at_us = at_us })
    for _, line in ipairs(lines) do
        if line.available == 0 then
            keep(gone, line.productId, { since = since, at_us = at_us })
        end
    end
end

local function by_place(a, b)
    if a.vendor_id ~= b.vendor_id then
        return a.vendor_id < b.vendor_id
    end
    return a.product_id < b.product_id
end

--- rows: all that is in a cart, as it was read after since was noted.
function sold_out.seen(buyer_id, since, rows)
    drop(told, buyer_id) -- of what may have been another cart, as the one that was seen before
    drop(carts, buyer_id)
    if #rows == 0 or #rows > LINES_MAX then
        return
    end
    local flat = {} -- many are kept: a list takes a fifth of what a table for each line does
    for _, row in ipairs(rows) do
        local at = #flat
        flat[at + 1], flat[at + 2], flat[at + 3] = row.vendor_id, row.product_id, row.quantity
    end
    keep(carts, buyer_id, { flat = flat, since = since, at_us = clock.monotonic_us() })
end

--- What nothing is left of, in the order in which the database tells.
local function details_of(flat)
    if #flat == 3 then
        local detail = detail_of(flat[2], flat[3], 0)
        return { detail }
    end
    local lines, details = {}, {}
    for at = 1, #flat, 3 do
        lines[#lines + 1] = {
            vendor_id = flat[at], product_id = flat[at + 1], quantity = flat[at + 2],
        }
    end
    table.sort(lines, by_place)
    for i, line in ipairs(lines) do
        details[i] = sold_out.detail(line, 0)
    end
    return details
end

local function told_before(buyer_id, now_us)
    local entry = fresh(told, "cart", buyer_id, now_us)
    for _, line in ipairs(entry and entry.lines or {}) do
        if not shared.holds(entry.since, "product", line.productId) then
            return nil
        end
    end
    return entry and entry.problem
end

--- Of a cart of which nothing is left. What is left of others only the database knows.
local function nothing_left(buyer_id, now_us)
    local cart = fresh(carts, "cart", buyer_id, now_us)
    if not cart then
        return nil
    end
    for at = 2, #cart.flat, 3 do
        if not fresh(gone, "product", cart.flat[at], now_us) then
            return nil
        end
    end
    return err.insufficient_stock(nil, details_of(cart.flat))
end

--- What this buyer was told or would be, when it is still so; nil: ask.
function sold_out.refusal(buyer_id)
    local now_us = clock.monotonic_us()
    return told_before(buyer_id, now_us) or nothing_left(buyer_id, now_us)
end

--- After the commit of what changed a cart.
function sold_out.cart_changed(buyer_id)
    shared.changed("cart", buyer_id)
end

return sold_out
