--- Steps of buyers: carts, cards of every kind, and taking orders back.
local emulator = require("spec.support.emulator")
local history = require("spec.property.history")
local world = require("spec.support.world")

local pick = history.pick

local CARDS = {
    { weight = 44, name = "pm_card_visa" },
    { weight = 12, name = "pm_card_bypassPending" },
    { weight = 8, name = "pm_card_chargeDeclined" },
    { weight = 3, name = "pm_card_chargeDeclinedInsufficientFunds" },
    { weight = 8, name = "pm_card_authenticationRequired" },
    { weight = 5, name = "pm_usBankAccount_success" },
    { weight = 3, name = "pm_usBankAccount_insufficientFunds" },
    { weight = 4, name = "pm_card_pendingRefund" },
    { weight = 4, name = "pm_card_refundFail" },
    { weight = 6, name = "pm_card_createDispute" },
    { weight = 3, name = "pm_card_createDisputeInquiry" },
}

--- The card that a number from 0 to 1 means.
local function card_of(number)
    local left = number * 100
    for _, card in ipairs(CARDS) do
        left = left - card.weight
        if left < 0 then
            return card.name
        end
    end
    return CARDS[1].name
end

local function place_order(h, buyer, number)
    for i = 1, 1 + math.floor(number * 3) do
        local thing = pick(h.things, (number * 17 + i * 0.31) % 1)
        h:ask("POST", "/api/cart/items", buyer,
            { productId = thing.id, quantity = 1 + math.floor(number * 7 * i) % 3 })
    end
    local answer = h:ask("POST", "/api/checkout", buyer, { shippingAddress = world.ADDRESS })
    if answer.status ~= 201 then
        return nil
    end
    local made = { id = answer.json.id, buyer = buyer, order = answer.json }
    h.orders[#h.orders + 1] = made
    return made
end

local function open_payment(h, made)
    local answer = h:ask("POST", "/api/orders/" .. made.id .. "/payment", made.buyer,
        { method = "CARD" })
    if answer.status == 201 then
        made.payment = answer.json
        return made.payment
    end
end

--- The buyer's browser at Stripe: an answer that is lost changes nothing of what was done.
local function present(h, payment, card)
    local answer = emulator.pay(h.w.stripe, payment.clientSecret, card)
    local status = answer.json and answer.json.status
    if status == "requires_action" then
        emulator.authenticate(h.w.stripe, payment.clientSecret, card ~= "fails")
    end
    return answer.status == 200
end

local function confirm(h, made)
    return h:ask("POST", "/api/orders/" .. made.id .. "/confirm-payment", made.buyer,
        { paymentId = made.payment.paymentId }).status == 200
end

--- Orders that may still be paid, as the client believes.
local function unpaid(h)
    local list = {}
    for _, made in ipairs(h.orders) do
        if not made.is_paid then
            list[#list + 1] = made
        end
    end
    return list
end

local buying = {}

--- A whole purchase; c says whether the client asks for the confirmation or leaves it to webhooks.
function buying.purchase(h, a, b, c)
    local made = place_order(h, pick(h.buyers, a), b)
    local payment = made and open_payment(h, made)
    if not payment then
        return false
    end
    made.is_paid = present(h, payment, card_of((a * 31 + b * 7 + c) % 1))
    if c < 0.6 then
        return confirm(h, made)
    end
    return made.is_paid
end

function buying.checkout(h, a, b)
    return place_order(h, pick(h.buyers, a), b) ~= nil
end

--- Pays what was left open, perhaps long ago, with any card.
function buying.pay_later(h, a, b, c)
    local made = pick(unpaid(h), a)
    local payment = made and open_payment(h, made)
    if not payment then
        return false
    end
    made.is_paid = present(h, payment, card_of(b))
    return c < 0.5 and confirm(h, made) or made.is_paid
end

--- Pays with a secret that was given out before: the order may have ended since.
function buying.pay_old(h, a, b)
    local list = {}
    for _, made in ipairs(h.orders) do
        list[#list + 1] = made.payment and made or nil
    end
    local made = pick(list, a)
    return made and present(h, made.payment, card_of(b)) or false
end

function buying.confirm(h, a)
    local made = pick(h.orders, a)
    return made and made.payment and confirm(h, made) or false
end

function buying.cancel(h, a, b)
    local made = pick(h.orders, a)
    if not made then
        return false
    end
    local who = b < 0.7 and made.buyer or h.w:admin()
    return h:ask("POST", "/api/orders/" .. made.id .. "/cancel", who, { reason = "history" })
        .status == 200
end

--- Its time is up: the clock of the database is turned for one order.
function buying.expire(h, a)
    local made = pick(unpaid(h), a)
    if not made or h.place.is_down then
        return false
    end
    return (h.w.db:try("update orders set expires_at = now() where id = '" .. made.id .. "'"))
end

buying.steps = {
    { name = "purchase", weight = 30, run = buying.purchase },
    { name = "checkout", weight = 3, run = buying.checkout },
    { name = "pay later", weight = 7, run = buying.pay_later },
    { name = "pay old", weight = 3, run = buying.pay_old },
    { name = "confirm", weight = 3, run = buying.confirm },
    { name = "cancel", weight = 4, run = buying.cancel },
    { name = "expire", weight = 2, run = buying.expire },
}

return buying
