--- What the policies shipping and limits say of an order, checked like everything that operators
--- edit. A version that fails is told of, and the last good one answers.
local err = require("souk.err")
local policies = require("flows.policies")

local order_terms = {}

local AMOUNT_MAX = 1e9
local MESSAGE_MAX = 300

local function is_text(value)
    return type(value) == "string" and #value > 0 and #value <= MESSAGE_MAX
end

--- A result of the shipping policy: {amount} or {refuse}; or nil and what is wrong with it.
function order_terms.check_shipping(result)
    if type(result) ~= "table" then
        return nil, "the result must be a table"
    elseif result.refuse ~= nil then
        return is_text(result.refuse) and { refuse = result.refuse } or nil,
            "refuse must be a text for the buyer"
    elseif type(result.amount) ~= "number" or result.amount % 1 ~= 0 or result.amount < 0
        or result.amount > AMOUNT_MAX then
        return nil, "amount must be a whole number of minor units, at least 0"
    end
    return { amount = result.amount }
end

--- A result of the limits policy: {allowed, message}; or nil and what is wrong with it.
function order_terms.check_limits(result)
    if type(result) ~= "table" or type(result.allowed) ~= "boolean" then
        return nil, "allowed must be true or false"
    elseif not result.allowed and not is_text(result.message) then
        return nil, "message must be a text for the buyer"
    end
    return { allowed = result.allowed, message = result.message }
end

--- What a version says of all parts: {amounts, refuse}; or nil and what is wrong with it.
local function shipping_by(hash, inputs)
    local amounts, refuse = { nil, nil, nil, nil }, nil -- room for what most orders have
    for i, input in ipairs(inputs) do
        local result, why = policies.evaluate_by("shipping", hash, input)
        local checked
        if result then
            checked, why = order_terms.check_shipping(result)
        end
        if not checked then
            return nil, why
        end
        refuse = refuse or checked.refuse
        amounts[i] = checked.amount or 0
    end
    return { amounts = amounts, refuse = refuse }
end

--- The shipping of each part, all by one version: a list of amounts; or nil, err. known: the hash
--- that came with the cart.
function order_terms.shipping(inputs, buyer_id, known)
    local said, problem = policies.with_active("shipping", buyer_id, known, shipping_by, inputs)
    if not said then
        return nil, problem
    elseif said.refuse then
        return nil, err.order_not_allowed(said.refuse)
    end
    return said.amounts
end

local function limits_by(hash, input)
    local result, why = policies.evaluate_by("limits", hash, input)
    if not result then
        return nil, why
    end
    return order_terms.check_limits(result)
end

--- Whether an order may be placed: true, or nil, err.
function order_terms.limits(input, buyer_id, known)
    local verdict, problem = policies.with_active("limits", buyer_id, known, limits_by, input)
    if not verdict then
        return nil, problem
    elseif not verdict.allowed then
        return nil, err.order_not_allowed(verdict.message)
    end
    return true
end

return order_terms
