--- Where Stripe tells what happened. 200 means: it is ours for good.
local web = require("souk.web")
local s = require("souk.schema")
local inbox = require("flows.inbox")

local BODY_MAX = 1048576

local function receive(endpoint)
    return function(req)
        local is_kept, problem = inbox.receive(endpoint, req.raw, req:header("Stripe-Signature"))
        if not is_kept then
            return nil, problem
        end
        return { received = true }
    end
end

local function declare(path, id, endpoint, summary)
    web.post(path, {
        id = id, summary = summary, tags = { "webhooks" }, roles = false,
        raw_body = true, body_max = BODY_MAX,
        media = { request = { "application/json", ["application/json"] = {
            schema = { type = "object" },
            example = { id = "evt_1", object = "event", type = "payment_intent.succeeded" },
        } } },
        answers = { [200] = s.object({ received = s.boolean() }) },
        errors = { "bad_signature", "bad_request", "stripe_away" },
    }, receive(endpoint))
end

declare("/api/webhooks/stripe", "webhooks.stripe", "platform", "Events of the platform's account")
declare("/api/webhooks/stripe/connect", "webhooks.connect", "connect",
    "Events of the vendors' accounts")
