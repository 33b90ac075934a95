--- Buyers who press on after they were told that there is not enough: the database has said so,
--- and nothing has risen since, so it is not asked again. A hint that may only refuse. It ends
--- when stock of a short product rises (the feed tells every node) or the cart changes (on this
--- node at once); it is never older than cache.stock_ms, which bounds what no feed tells: a cart
--- that was changed through another node, a vendor who is back.
local clock = require("core.clock")
local conf = require("core.conf")
local shared = require("core.shared")

local sold_out = {}

local TTL_US = tonumber(conf("cache.stock_ms")) * 1000
local KEPT_MAX = 10000

local kept, count = {}, 0

--- To be noted before the cart is read.
function sold_out.now()
    return shared.count()
end

--- problem: insufficient_stock, with a line for each product that is short.
function sold_out.keep(buyer_id, since, problem)
    if count >= KEPT_MAX then
        kept, count = {}, 0
    end
    count = count + (kept[buyer_id] and 0 or 1)
    kept[buyer_id] = { problem = problem, since = since, at_us = clock.monotonic_us() }
end

local function is_true(entry, buyer_id)
    if clock.monotonic_us() - entry.at_us > TTL_US
        or not shared.holds(entry.since, "cart", buyer_id) then
        return false
    end
    for _, line in ipairs(entry.problem.details) do
        if not shared.holds(entry.since, "product", line.productId) then
            return false
        end
    end
    return true
end

--- What this buyer was told, when it is still so; nil: ask.
function sold_out.refusal(buyer_id)
    local entry = kept[buyer_id]
    if not entry then
        return nil
    elseif is_true(entry, buyer_id) then
        return entry.problem
    end
    kept[buyer_id], count = nil, count - 1
    return nil
end

--- After the commit of what changed a cart.
function sold_out.cart_changed(buyer_id)
    shared.changed("cart", buyer_id)
end

return sold_out
