--- Sends what the queue says is due: signed with every active secret of the endpoint, the same
-- bytes at each attempt.
local queue = require("stripe_emulator.webhooks.queue")

local sender = {}

--- "t=…,v1=…" with one v1 for each secret: during a rollover there are two. Real time, as
-- receivers compare it with theirs.
function sender.signature(emulator, payload, secrets)
    local now_s = math.floor(emulator.clock.now_ms() / 1000)
    local parts = {}
    for position, secret in ipairs(secrets) do
        local header = emulator.sign(payload, secret, now_s)
        parts[position] = position == 1 and header or header:match("v1=%x+")
    end
    return table.concat(parts, ",")
end

local function send(emulator, delivery, message)
    local webhooks = emulator.webhooks
    emulator.crash("emulator.answered")
    local status, reason = emulator.post(message.url, {
        ["Content-Type"] = "application/json; charset=utf-8",
        ["User-Agent"] = "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        ["Stripe-Signature"] = sender.signature(emulator, message.payload, message.secrets),
    }, message.payload)
    emulator.crash("emulator.delivered")
    queue.finish(webhooks, delivery, status, reason)
    emulator.save()
end

--- Sends all that is due, one after the other; several may run at once. Waits for the network.
function sender.run(emulator)
    local delivery, message = queue.take(emulator.webhooks)
    while delivery do
        send(emulator, delivery, message)
        delivery, message = queue.take(emulator.webhooks)
    end
end

return sender
