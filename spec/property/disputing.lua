--- Steps of banks: disputes of charges, and payouts from Stripe's balances, which come and fail.
local emulator = require("spec.support.emulator")
local history = require("spec.property.history")

local pick = history.pick

local disputing = {}

local function is_ok(answer)
    return answer.status == 200
end

local function list(h, path, account)
    local answer = emulator.call(h.w.stripe, "GET", path, nil,
        account and { ["Stripe-Account"] = account } or nil)
    return is_ok(answer) and answer.json.data or {}
end

--- A dispute, or only a question, of something that was paid.
function disputing.open(h, a, b, c)
    local paid = {}
    for _, made in ipairs(h.orders) do
        paid[#paid + 1] = made.is_paid and made or nil
    end
    local made = pick(paid, a)
    if not made then
        return false
    end
    return is_ok(h.place:emulator("POST",
        "/dispute/" .. made.payment.clientSecret:match("^(pi_%w+)_secret"), {
            inquiry = b < 0.25,
            amount = c < 0.3 and math.max(1, math.floor(made.order.total.amount * c)) or nil,
        }))
end

local OPEN = {
    needs_response = true, under_review = true, warning_needs_response = true,
    warning_under_review = true,
}

local function open_dispute(h, a)
    local open = {}
    for _, dispute in ipairs(list(h, "/v1/disputes?limit=100")) do
        open[#open + 1] = OPEN[dispute.status] and dispute or nil
    end
    return pick(open, a)
end

function disputing.close(h, a, b)
    local dispute = open_dispute(h, a)
    return dispute and is_ok(h.place:emulator("POST",
        ("/dispute/%s/close"):format(dispute.id), { won = b < 0.5 })) or false
end

function disputing.escalate(h, a)
    local dispute = open_dispute(h, a)
    return dispute and is_ok(h.place:emulator("POST",
        ("/dispute/%s/escalate"):format(dispute.id), {})) or false
end

function disputing.evidence(h, a, b)
    local found = h:get("/api/admin/disputes", h.w:admin())
    local dispute = found and pick(found.data, a)
    local body = { uncategorized_text = "sent as ordered", submit = b < 0.5 }
    return dispute and h:ask("POST", ("/api/admin/disputes/%s/evidence"):format(dispute.id),
        h.w:admin(), body).status < 300 or false
end

local function account_of(h, a)
    local status = h:get("/api/vendor/stripe/status", pick(h.vendors, a))
    local id = status and status.accountId
    return type(id) == "string" and id or nil
end

--- A vendor takes home what it has: a reversal may find nothing then.
function disputing.vendor_payout(h, a)
    local account = account_of(h, a)
    return account and is_ok(h.place:emulator("POST", "/payouts",
        { account = account, run = true })) or false
end

--- The platform does.
function disputing.platform_payout(h)
    return is_ok(h.place:emulator("POST", "/payouts", { run = true }))
end

--- A bank sends a payout back.
function disputing.payout_fails(h, a, b)
    local payout = pick(list(h, "/v1/payouts?limit=100", b < 0.7 and account_of(h, a) or nil), a)
    return payout and is_ok(h.place:emulator("POST", "/payout_fail/" .. payout.id, {})) or false
end

disputing.steps = {
    { name = "dispute", weight = 3, run = disputing.open },
    { name = "close dispute", weight = 3, run = disputing.close },
    { name = "escalate dispute", weight = 0.6, run = disputing.escalate },
    { name = "evidence", weight = 0.6, run = disputing.evidence },
    { name = "vendor payout", weight = 2, run = disputing.vendor_payout },
    { name = "platform payout", weight = 0.7, run = disputing.platform_payout },
    { name = "payout fails", weight = 0.7, run = disputing.payout_fails },
}

return disputing
