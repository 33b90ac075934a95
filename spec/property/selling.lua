--- Steps of vendors and of the marketplace: fulfilment, refunds, payouts, accounts at Stripe.
local history = require("spec.property.history")

local pick = history.pick

local selling = {}

local NEXT = { CONFIRMED = "PROCESSING", PROCESSING = "SHIPPED", SHIPPED = "DELIVERED" }

--- A vendor order of one of the history's orders, as its vendor sees it now.
local function part_of(h, a, b)
    local made = pick(h.orders, a)
    local part = made and pick(made.order.vendorOrders, b)
    local vendor = part and h.vendor_of[part.vendorId]
    local seen = vendor and h:get("/api/vendor/orders/" .. part.id, vendor)
    return seen, vendor, made
end

local function step(h, part, vendor)
    local answer = h:ask("PATCH", "/api/vendor/orders/" .. part.id .. "/status", vendor,
        { status = NEXT[part.status] })
    return answer.status == 200 and answer.json or nil
end

--- On to DELIVERED, or one step only.
function selling.deliver(h, a, b, c)
    local part, vendor = part_of(h, a, b)
    local is_moved = false
    while part and NEXT[part.status] do
        part = step(h, part, vendor)
        is_moved = is_moved or part ~= nil
        if c < 0.25 then
            break
        end
    end
    return is_moved
end

function selling.take_back(h, a, b, c)
    local part, vendor = part_of(h, a, b)
    if not part then
        return false
    end
    local body = { reason = "history" }
    if c < 0.5 and #part.items > 0 then
        local item = pick(part.items, c * 2)
        body.items = { { orderItemId = item.id, quantity = 1 } }
    end
    return h:ask("POST", "/api/vendor/orders/" .. part.id .. "/cancel", vendor, body).status == 200
end

local function money(amount)
    return { amount = amount, currency = "USD" }
end

--- A refund by the marketplace: whole, an amount, or units.
function selling.refund(h, a, b, c)
    local made = pick(h.orders, a)
    if not made then
        return false
    end
    local body = { reason = "history" }
    if b < 0.4 then
        body.amount = money(1 + math.floor(c * made.order.total.amount * 0.6))
        body.vendorOrderId = c < 0.5 and pick(made.order.vendorOrders, c * 2).id or nil
    elseif b < 0.75 then
        body.items = { { orderItemId = pick(made.order.items, c).id, quantity = 1 } }
    end
    return h:ask("POST", "/api/admin/orders/" .. made.id .. "/refunds", h.w:admin(), body)
        .status == 202
end

function selling.refund_by_vendor(h, a, b, c)
    local part, vendor = part_of(h, a, b)
    if not part or #part.items == 0 then
        return false
    end
    local body = { reason = "history" }
    if c < 0.6 then
        body.items = { { orderItemId = pick(part.items, c / 0.6).id, quantity = 1 } }
    end
    return h:ask("POST", "/api/vendor/orders/" .. part.id .. "/refunds", vendor, body).status == 202
end

-- Payouts ----------------------------------------------------------------------------------------

local function is_done(answer)
    return answer.status >= 200 and answer.status < 300
end

function selling.run_payouts(h, a)
    return is_done(h:ask("POST", "/api/admin/payouts/run", h.w:admin(),
        { force = a < 0.5 or nil, reason = "history" }))
end

local function payout(h, a, statuses)
    local vendor = pick(h.vendors, a)
    local path = "/api/admin/payouts?vendorId=" .. vendor.vendor_id
    local found = h:get(path .. (statuses and "&status=" .. statuses or ""), h.w:admin())
    return found and pick(found.data, (a * 7) % 1)
end

local function act(h, row, action, body)
    return row and is_done(h:ask("POST", ("/api/admin/payouts/%s/%s"):format(row.id, action),
        h.w:admin(), body)) or false
end

function selling.hold(h, a)
    return act(h, payout(h, a, "PENDING"), "hold", { reason = "history" })
end

function selling.release(h, a)
    return act(h, payout(h, a, "ON_HOLD"), "release", { reason = "history" })
end

function selling.retry(h, a)
    return act(h, payout(h, a, "FAILED"), "retry", { reason = "history" })
end

-- Accounts ---------------------------------------------------------------------------------------

local function account_of(h, vendor)
    local status = h:get("/api/vendor/stripe/status", vendor)
    local id = status and status.accountId
    return type(id) == "string" and id or nil
end

--- The vendor asks for its link, and does at Stripe what is asked there.
function selling.onboard(h, a)
    local vendor = pick(h.vendors, a)
    local answer = h:ask("POST", "/api/vendor/stripe/account-link", vendor, {})
    local account = is_done(answer) and account_of(h, vendor)
    if not account then
        return false
    end
    return h.place:emulator("POST", "/onboard/" .. account, {}).status == 200
end

--- Stripe takes the right to receive transfers away, or gives it back.
function selling.capability(h, a, b)
    local account = account_of(h, pick(h.vendors, a))
    return account and h.place:emulator("POST", "/onboard/" .. account,
        { transfers = b < 0.4 and "inactive" or "active" }).status == 200 or false
end

function selling.deauthorize(h, a)
    local account = account_of(h, pick(h.vendors, a))
    return account and h.place:emulator("POST", "/deauthorize/" .. account, {}).status == 200
        or false
end

selling.steps = {
    { name = "deliver", weight = 16, run = selling.deliver },
    { name = "take back", weight = 2, run = selling.take_back },
    { name = "refund", weight = 7, run = selling.refund },
    { name = "refund by vendor", weight = 3, run = selling.refund_by_vendor },
    { name = "run payouts", weight = 7, run = selling.run_payouts },
    { name = "hold", weight = 1, run = selling.hold },
    { name = "release", weight = 1, run = selling.release },
    { name = "retry", weight = 1, run = selling.retry },
    { name = "onboard", weight = 2, run = selling.onboard },
    { name = "capability", weight = 1, run = selling.capability },
    { name = "deauthorize", weight = 0.4, run = selling.deauthorize },
}

return selling
