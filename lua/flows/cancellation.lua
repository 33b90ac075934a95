--- Taking orders back. Unpaid: the PaymentIntent is ended at Stripe, then the goods are released.
--- Paid and not shipped: the goods go back on the shelf and the money to the buyer. Which of the
--- two it is can change while we ask, so the order is looked at again after each step.
local db = require("souk.db")
local err = require("souk.err")
local payment = require("flows.payment")
local refund = require("flows.refund")

local cancellation = {}

local LOOKS_MAX = 4

--- Cancels vendor orders and queues the refund, in one transaction.
local function cancel_paid(order_id, parts, cause, reason, actor_id)
    return db.tx(function()
        local row, problem = db.one("order/cancel_paid", order_id, db.array(parts), cause, reason,
            actor_id)
        if not row then
            return nil, problem
        elseif row.refund_id then
            local op, failure = refund.queue(row.refund_id)
            if not op then
                return nil, failure
            end
        end
        return true
    end)
end

local function release(order_id, reason)
    return db.tx(function()
        return db.query("order/release", order_id, "CANCELLED", reason)
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
        return cancel_paid(state.id, split(state.parts), "BUYER_CANCEL", reason, actor_id)
    elseif state.status ~= "PENDING" then
        return nil, err.illegal_step()
    elseif not state.payment_id then
        local is_released, problem = release(state.id, reason)
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

--- A vendor order is cancelled whole: items, when given, must name all of it. true, or nil, err.
function cancellation.check_whole(id, vendor_id, items)
    if not items then
        return true
    end
    local rows, problem = db.query("vendor_order/items", id, vendor_id)
    if not rows then
        return nil, problem
    elseif #rows == 0 then
        return nil, err.not_found()
    end
    local asked = {}
    for _, item in ipairs(items) do
        asked[item.orderItemId] = (asked[item.orderItemId] or 0) + item.quantity
    end
    for _, row in ipairs(rows) do
        if asked[row.id] ~= row.quantity then
            return nil, err.conflict("a part is cancelled whole: refund single items instead")
        end
        asked[row.id] = nil
    end
    if next(asked) then
        return nil, err.conflict("an item is not in this part")
    end
    return true
end

--- A vendor takes its part back. true, or nil, err.
function cancellation.cancel_vendor_order(id, vendor_id, reason, actor_id)
    local row, problem = db.one("vendor_order/owner", id, vendor_id)
    if not row then
        return nil, problem or err.not_found()
    end
    return cancel_paid(row.order_id, { id }, "VENDOR_CANCEL", reason, actor_id)
end

return cancellation
