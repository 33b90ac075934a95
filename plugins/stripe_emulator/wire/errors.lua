--- Stripe's errors as values: {status=, error={type, code, message, param, …}}. Texts are
-- Stripe's own where known.
local errors = {}

local DOC_URL = "https://stripe.com/docs/error-codes/"

--- fields go into the error object; type defaults to invalid_request_error.
function errors.new(status, fields)
    fields.type = fields.type or "invalid_request_error"
    if fields.code and not fields.doc_url then
        fields.doc_url = DOC_URL .. fields.code:gsub("_", "-")
    end
    return { status = status, error = fields }
end

function errors.invalid(param, code, message)
    return errors.new(400, { param = param, code = code, message = message })
end

--- An id in the path is a 404; an id in a parameter is a 400.
function errors.no_such(status, noun, id, param)
    return errors.new(status, {
        code = "resource_missing",
        message = ("No such %s: '%s'"):format(noun, id),
        param = param,
    })
end

function errors.unexpected_state(message, payment_intent)
    return errors.new(400, {
        code = "payment_intent_unexpected_state",
        message = message,
        payment_intent = payment_intent,
    })
end

function errors.card(fields)
    fields.type = "card_error"
    return errors.new(402, fields)
end

--- The key, shown as Stripe shows it, has nothing to do with the account, or no longer.
function errors.account_invalid(key, account)
    return errors.new(403, {
        code = "account_invalid",
        message = ("The provided key '%s' does not have access to account '%s' (or that account "
            .. "does not exist). Application access may have been revoked.")
            :format(errors.shown_key(key), account),
    })
end

--- "sk_test_********************test": never the whole.
function errors.shown_key(key)
    return key:sub(1, 8) .. ("*"):rep(math.max(0, math.min(#key, 40) - 12)) .. key:sub(-4)
end

function errors.rate_limit()
    return errors.new(429, {
        code = "rate_limit",
        message = "Request rate limit exceeded. Learn more about rate limits here "
            .. "https://stripe.com/docs/rate-limits.",
    })
end

function errors.lock_timeout()
    return errors.new(429, {
        code = "lock_timeout",
        message = "This object cannot be accessed right now because another API request or "
            .. "Stripe process is currently accessing it.",
    })
end

function errors.key_in_use()
    return errors.new(409, {
        type = "idempotency_error",
        code = "idempotency_key_in_use",
        message = "There is currently another in-progress request using this Stripe API "
            .. "Idempotency Key.",
    })
end

function errors.api()
    return errors.new(500, {
        type = "api_error",
        message = "An unknown error occurred",
    })
end

return errors
