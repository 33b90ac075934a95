--- Unpaid orders give their goods back when their time is up. One without a live payment does so
--- by itself; else Stripe must first say that the PaymentIntent is cancelled, and if it says that
--- it succeeded the order is a sale. Released first and paid later would be goods sold twice.
local conf = require("core.conf")
local log = require("core.log")
local parallel = require("core.parallel")
local db = require("souk.db")
local closing = require("flows.closing")
local payment = require("flows.payment")

local expiry = {}

local DUE_MAX = 100
local ASK_MAX = 16
local WHY = "not paid in time"

local function expire_due()
    local rows, problem
    repeat
        rows, problem = db.tx(function()
            return db.query("order/expire_due", DUE_MAX)
        end)
    until problem or rows[1].expired < DUE_MAX
    if problem then
        log.warn("order.expire.failed", { code = problem.code })
    end
end

--- The same, each in a transaction of its own with what plugins do about it: one that a plugin
--- fails on holds up no other.
local function expire_one_by_one()
    local rows, problem = db.query("order/expire_which", DUE_MAX)
    for _, row in ipairs(rows or {}) do
        local is_released, refusal = closing.release(row.id, "EXPIRED", WHY)
        if not is_released then
            log.info("order.expire.waits", { order = row.id, code = refusal.code })
        end
    end
    if problem then
        log.warn("order.expire.failed", { code = problem.code })
    end
end

--- Returns true when the order is settled one way or the other.
local function expire(row)
    local status, problem = payment.finish(row.payment_id)
    if status == "CANCELLED" or status == "FAILED" then
        local is_released
        is_released, problem = closing.release(row.id, "EXPIRED", WHY)
        if is_released then
            return true
        end
    end
    if problem then
        log.info("order.expire.waits", { order = row.id, code = problem.code })
    end
    return status ~= nil
end

local function ask_stripe()
    local rows = db.query("order/expiring", ASK_MAX, tonumber(conf("stripe.resend_after_s")))
    local asks = {}
    for i, row in ipairs(rows or {}) do
        asks[i] = function()
            return expire(row)
        end
    end
    if #asks > 0 then
        parallel(unpack(asks))
    end
end

--- One turn of the timer.
function expiry.run()
    if closing.is_asked() then
        expire_one_by_one()
    else
        expire_due()
    end
    ask_stripe()
end

return expiry
