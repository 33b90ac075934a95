--- What Stripe keeps of each payment. It stands in the balance transaction of the charge, which
--- may come later than the payment (bank debits), so it is asked for until it is there, and posted
--- once. A refund does not give it back: Stripe does not either.
local log = require("core.log")
local parallel = require("core.parallel")
local db = require("souk.db")
local stripe_api = require("flows.stripe_api")

local stripe_fee = {}

local TAKE_MAX = 40
local AT_ONCE = 4

local value = stripe_api.value

--- The balance transaction of a PaymentIntent that came with its charge expanded; nil when there is
--- none yet.
local function line_of(intent)
    local charge = value(intent.latest_charge)
    local line = type(charge) == "table" and value(charge.balance_transaction)
    return type(line) == "table" and line or nil
end

--- Posts the fee that a PaymentIntent with an expanded charge tells of. True when it is known now;
--- false when Stripe cannot tell yet; or nil, err.
function stripe_fee.apply(payment_id, currency, intent)
    local line = line_of(intent)
    if not line then
        return false
    elseif line.currency:upper() ~= currency then
        log.error("stripe_fee.other_currency", {
            payment = payment_id, balance_transaction = line.id, currency = line.currency,
        })
        return false
    end
    local row, problem = db.tx(function()
        return db.one("stripe_fee/post", payment_id, line.fee)
    end)
    if not row then
        return nil, problem
    end
    return true
end

local function ask(payment)
    local intent = stripe_api.get("/v1/payment_intents/" .. payment.provider_payment_id
        .. "?expand[0]=latest_charge.balance_transaction")
    local is_known = intent and stripe_fee.apply(payment.id, payment.currency, intent)
    if not is_known then
        db.exec("payment/touch", payment.id)
    end
    return true
end

--- Asks for the fees that are not known yet.
function stripe_fee.run()
    local rows = db.query("stripe_fee/due", TAKE_MAX) or {}
    for first = 1, #rows, AT_ONCE do
        local asked = {}
        for i = first, math.min(first + AT_ONCE - 1, #rows) do
            asked[#asked + 1] = function()
                return ask(rows[i])
            end
        end
        parallel(unpack(asked))
    end
end

return stripe_fee
