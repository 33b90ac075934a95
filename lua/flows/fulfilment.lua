--- Vendor orders on their way to the buyer. Which step is whose turn is decided under the order's
--- lock by vendor_order_step (sql/functions).
local conf = require("core.conf")
local log = require("core.log")
local db = require("souk.db")
local payout_policy = require("flows.payout_policy")

local fulfilment = {}

local COMPLETE_MAX = 100

--- step: {status, carrier, trackingNumber}. true, or nil, err.
function fulfilment.step(id, vendor_id, step)
    return db.tx(function()
        local is_done, problem = db.query("vendor_order/step", id, vendor_id, step.status,
            step.carrier, step.trackingNumber)
        if not is_done then
            return nil, problem
        end
        return payout_policy.set_due(nil, id)
    end)
end

--- Completes what was delivered before the return window.
function fulfilment.complete_due()
    local rows, problem
    repeat
        rows, problem = db.tx(function()
            return db.query("vendor_order/complete_due", tonumber(conf("order.return_window_s")),
                COMPLETE_MAX)
        end)
    until problem or rows[1].completed < COMPLETE_MAX
    if problem then
        log.warn("vendor_order.complete.failed", { code = problem.code })
    end
end

return fulfilment
