--- Orders that end without a sale, and what plugins do about it (the hook order.closed), in the
--- transaction that ends them: what a plugin has given for an order it takes back with it.
local db = require("souk.db")
local hooks = require("souk.plugin.hooks")

local closing = {}

local POINT = "order.closed"

--- Whether any plugin wants to know.
function closing.is_asked()
    return #hooks.names(POINT) > 0
end

--- Inside the transaction: tells plugins, if it has cancelled or expired the order. true; or nil,
--- err.
function closing.tell(order_id)
    if not closing.is_asked() then
        return true
    end
    local row, problem = db.one("order/closed_now", order_id)
    if not row then
        return problem == nil and true or nil, problem
    end
    return hooks.ask(POINT, {
        orderId = order_id, buyerId = row.buyer_id, status = row.status, reason = row.reason,
    })
end

--- Releases an unpaid order. true; or nil, err.
function closing.release(order_id, status, reason)
    return db.tx(function()
        local is_released, problem = db.query("order/release", order_id, status, reason)
        if not is_released then
            return nil, problem
        end
        return closing.tell(order_id)
    end)
end

return closing
