--- What a buyer may know of a decline. Stripe asks that a lost, stolen or fraudulent card is not
--- named as such: whoever holds it would learn that. Everything not listed is told as a plain
--- decline.
local declines = {}

local GENERIC = "the card was declined: try another one"

local TEXTS = {
    insufficient_funds = "the card has insufficient funds",
    expired_card = "the card has expired",
    incorrect_cvc = "the card's security code is incorrect",
    invalid_cvc = "the card's security code is incorrect",
    incorrect_number = "the card number is incorrect",
    invalid_number = "the card number is incorrect",
    invalid_expiry_month = "the card's expiry date is invalid",
    invalid_expiry_year = "the card's expiry date is invalid",
    incorrect_zip = "the postal code does not match the card",
    card_not_supported = "the card does not support this type of purchase",
    currency_not_supported = "the card does not support the currency",
    card_velocity_exceeded = "the card is over its limit",
    withdrawal_count_limit_exceeded = "the card is over its limit",
    processing_error = "the card could not be processed: try again",
    issuer_not_available = "the card's bank could not be reached: try again",
    try_again_later = "the card's bank could not be reached: try again",
    reenter_transaction = "the card could not be processed: try again",
    authentication_required = "the card needs authentication: pay again and confirm with your bank",
    payment_intent_authentication_failure = "the authentication with your bank failed: try again",
}

local HIDDEN = { lost_card = true, stolen_card = true, fraudulent = true, pickup_card = true,
    restricted_card = true, merchant_blacklist = true, security_violation = true }

--- code, decline_code: Stripe's. Returns what may be kept and shown: a code and a text.
function declines.public(code, decline_code)
    if HIDDEN[decline_code] or HIDDEN[code] then
        return "generic_decline", GENERIC
    end
    for _, known in ipairs({ decline_code or false, code or false }) do
        if TEXTS[known] then
            return known, TEXTS[known]
        end
    end
    return "generic_decline", GENERIC
end

return declines
