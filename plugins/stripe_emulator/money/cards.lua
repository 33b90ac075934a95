--- Stripe's test payment methods and what each does. outcome: succeeds, declines, needs_action
-- (3D Secure first), processing (a bank debit that settles days later, by `settles`: succeeds,
-- declines or nil for never by itself).
local cards = {}

local VISA = { brand = "visa", last4 = "4242" }
local VISA_DEBIT = { brand = "visa", last4 = "5556", funding = "debit" }
local MASTERCARD = { brand = "mastercard", last4 = "4444" }

local function approved(card, options)
    local method = options or {}
    method.outcome = "succeeds"
    method.card = card
    return method
end

local function declined(last4, code, decline_code, message, options)
    local method = options or {}
    method.outcome = "declines"
    method.card = { brand = "visa", last4 = last4 }
    method.code = code
    method.decline_code = decline_code
    method.message = message
    return method
end

local DECLINED = "Your card was declined."
local generic = declined("0002", "card_declined", "generic_decline", DECLINED)
local no_funds = declined("9995", "card_declined", "insufficient_funds",
    "Your card has insufficient funds.")
local lost = declined("9987", "card_declined", "lost_card", DECLINED)
local stolen = declined("9979", "card_declined", "stolen_card", DECLINED)
local expired = declined("0069", "expired_card", "expired_card", "Your card has expired.")
local cvc = declined("0127", "incorrect_cvc", "incorrect_cvc",
    "Your card's security code is incorrect.")
local processing = declined("0119", "processing_error", "processing_error",
    "An error occurred while processing your card. Try again in a little bit.")
local fraudulent = declined("0019", "card_declined", "fraudulent", DECLINED, { is_blocked = true })

local BANK_FAILED = "The customer's account has insufficient funds to cover this payment."

local METHODS = {
    pm_card_visa = approved(VISA),
    pm_card_visa_debit = approved(VISA_DEBIT),
    pm_card_mastercard = approved(MASTERCARD),
    pm_card_amex = approved({ brand = "amex", last4 = "8431" }),
    pm_card_bypassPending = approved({ brand = "visa", last4 = "0077" },
        { is_available_at_once = true }),
    pm_card_createDispute = approved({ brand = "visa", last4 = "0259" },
        { dispute = "fraudulent" }),
    pm_card_createDisputeInquiry = approved({ brand = "visa", last4 = "1976" },
        { dispute = "inquiry" }),
    pm_card_pendingRefund = approved({ brand = "visa", last4 = "7726" }, { refund = "pending" }),
    pm_card_refundFail = approved({ brand = "visa", last4 = "5126" }, { refund = "fails" }),
    pm_card_visa_chargeDeclined = generic,
    pm_card_chargeDeclined = generic,
    pm_card_chargeCustomerFail = declined("0341", "card_declined", "generic_decline", DECLINED),
    pm_card_visa_chargeDeclinedInsufficientFunds = no_funds,
    pm_card_chargeDeclinedInsufficientFunds = no_funds,
    pm_card_visa_chargeDeclinedLostCard = lost,
    pm_card_chargeDeclinedLostCard = lost,
    pm_card_visa_chargeDeclinedStolenCard = stolen,
    pm_card_chargeDeclinedStolenCard = stolen,
    pm_card_visa_chargeDeclinedExpiredCard = expired,
    pm_card_chargeDeclinedExpiredCard = expired,
    pm_card_visa_chargeDeclinedIncorrectCvc = cvc,
    pm_card_chargeDeclinedIncorrectCvc = cvc,
    pm_card_visa_chargeDeclinedProcessingError = processing,
    pm_card_chargeDeclinedProcessingError = processing,
    pm_card_visa_chargeDeclinedFraudulent = fraudulent,
    pm_card_chargeDeclinedFraudulent = fraudulent,
    pm_card_authenticationRequired = {
        outcome = "needs_action", card = { brand = "visa", last4 = "3184" },
    },
    pm_card_threeDSecure2Required = {
        outcome = "needs_action", card = { brand = "visa", last4 = "3220" },
    },
    pm_usBankAccount_success = {
        outcome = "processing", settles = "succeeds", bank = { last4 = "6789" },
    },
    pm_usBankAccount_insufficientFunds = {
        outcome = "processing", settles = "declines", bank = { last4 = "2222" },
        code = "payment_method_provider_decline", decline_code = "insufficient_funds",
            message = BANK_FAILED,
    },
    pm_usBankAccount_processing = { outcome = "processing", bank = { last4 = "1111" } },
}

function cards.find(token)
    return METHODS[token]
end

--- What the payment page offers, in its order.
cards.CHOICES = {
    { token = "pm_card_visa", name = "Visa", effect = "is accepted" },
    { token = "pm_card_mastercard", name = "Mastercard", effect = "is accepted" },
    { token = "pm_card_authenticationRequired", name = "Visa", effect = "asks for 3D Secure" },
    { token = "pm_card_chargeDeclined", name = "Visa", effect = "is declined" },
    { token = "pm_card_chargeDeclinedInsufficientFunds", name = "Visa",
        effect = "has insufficient funds" },
    { token = "pm_card_chargeDeclinedExpiredCard", name = "Visa", effect = "has expired" },
    { token = "pm_card_chargeDeclinedIncorrectCvc", name = "Visa",
        effect = "has a wrong security code" },
    { token = "pm_card_chargeDeclinedLostCard", name = "Visa", effect = "was reported lost" },
    { token = "pm_card_chargeDeclinedStolenCard", name = "Visa", effect = "was reported stolen" },
    { token = "pm_card_chargeDeclinedProcessingError", name = "Visa",
        effect = "meets a processing error" },
}

return cards
