--- Which status a PaymentIntent must have for what is done to it, and how Stripe says that it has
-- not.
local errors = require("stripe_emulator.wire.errors")
local store = require("stripe_emulator.state.store")

local states = {}

local OPEN = { "requires_payment_method", "requires_confirmation", "requires_action" }

local ALLOWED = {
    confirm = { past = "confirmed", statuses = OPEN },
    capture = { past = "captured", statuses = { "requires_capture" } },
    update = { past = "updated in this way", statuses = OPEN },
    cancel = {
        past = "canceled",
        statuses = {
            "requires_payment_method", "requires_capture", "requires_confirmation",
                "requires_action",
        },
    },
    ["complete the action of"] = { past = "completed", statuses = { "requires_action" } },
}

--- nil when the intent's status allows it; else Stripe's error, with the intent as it stands.
function states.refusal(emulator, intent, verb)
    local rule = ALLOWED[verb]
    for _, status in ipairs(rule.statuses) do
        if intent.status == status then
            return nil
        end
    end
    local message = ("You cannot %s this PaymentIntent because it has a status of %s. Only a "
        .. "PaymentIntent with one of the following statuses may be %s: %s.")
        :format(verb, intent.status, rule.past, table.concat(rule.statuses, ", "))
    if verb == "confirm" and intent.status == "succeeded" then
        message = "You cannot confirm this PaymentIntent because it has already succeeded after "
            .. "being previously confirmed."
    end
    return errors.unexpected_state(message, store.copy(emulator.store, intent))
end

return states
