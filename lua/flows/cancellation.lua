--- Taking orders back. Unpaid: the PaymentIntent is ended at Stripe, then the goods are released.
--- Paid and not shipped: the goods go back on the shelf and the money to the buyer. Which of the
--- two it is can change while we ask, so the order is looked at again after each step.
local json = require("core.json")
local db = require("souk.db")
local err = require("souk.err")
local closing = require("flows.closing")
local payment = require("flows.payment")
local refund = require("flows.refund")

local cancellation = {}

local LOOKS_MAX = 4

--- Runs a statement on an order that cancels (it gives `refund_id`, or null) and queues the
--- refund's call, in one transaction.
local function cancel_by(query, order_id, ...)
    local statement = { n = select("#", ...) + 2, query, order_id, ... }
    return db.tx(function()
        local row, problem = db.one(unpack(statement, 1, statement.n))
        if not row then
            return nil, problem
        elseif row.refund_id then
            local op, failure = refund.queue(row.refund_id)
            if not op then
                return nil, failure
            end
        end
        return closing.tell(order_id)
    end)
end

local function split(text)
    local ids = {}
    for id in (text or ""):gmatch("[^,]+") do
        ids[#ids + 1] = id
    end
    return ids
end

--- One step. true: done; false: look again; nil, err: no.
local function step(state, reason, actor_id)
    if state.status == "CONFIRMED" then
        return cancel_by("order/cancel_paid", state.id, db.array(split(state.parts)),
            "BUYER_CANCEL", reason, actor_id)
    elseif state.status ~= "PENDING" then
        return nil, err.illegal_step()
    elseif not state.payment_id then
        local is_released, problem = closing.release(state.id, "CANCELLED", reason)
        if not is_released and problem.code ~= "illegal_step" and problem.code ~= "conflict" then
            return nil, problem
        end
        return is_released ~= nil
    end
    local status, problem = payment.finish(state.payment_id)
    if not status then
        return nil, problem
    elseif status == "PROCESSING" then
        return nil, err.conflict("the payment is being processed: wait for its outcome")
    end
    return false
end

--- buyer_id nil: an admin's order for anyone. true, or nil, err.
function cancellation.cancel_order(order_id, buyer_id, reason, actor_id)
    for _ = 1, LOOKS_MAX do
        local state, problem = db.one("order/state", order_id, buyer_id)
        if not state then
            return nil, problem or err.not_found()
        end
        local is_done, refusal = step(state, reason, actor_id)
        if is_done or refusal then
            return is_done, refusal
        end
    end
    return nil, err.busy()
end

--- A vendor takes its part back, or units of it: items [{orderItemId, quantity}]. true, or nil,
--- err.
function cancellation.cancel_vendor_order(id, vendor_id, items, reason, actor_id)
    local row, problem = db.one("vendor_order/owner", id, vendor_id)
    if not row then
        return nil, problem or err.not_found()
    elseif items then
        return cancel_by("order/cancel_items", row.order_id, id, json.encode(items), reason,
            actor_id)
    end
    return cancel_by("order/cancel_paid", row.order_id, db.array({ id }), "VENDOR_CANCEL", reason,
        actor_id)
end

return cancellation
