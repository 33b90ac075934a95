--- Paying an order.
local crypto = require("core.crypto")
local json = require("core.json")
local db = require("souk.db")
local err = require("souk.err")
local idempotency = require("souk.idempotency")
local s = require("souk.schema")
local web = require("souk.web")
local payment = require("flows.payment")

local TAGS = { "payments" }

s.define("PaymentStart", s.object({
    paymentId = s.uuid(),
    method = s.string(),
    status = s.string({ example = "CREATED" }),
    clientSecret = s.string({ example = "pi_3Q_secret_4f2a" }),
    amount = s.money(),
}))

--- The answer holds a client secret, which is stored nowhere: so the kit cannot keep it for a
--- replay. The key is kept with the payment's id, and a replay reads the same payment again.
--- Returns {key, sha256, is_replay}, key nil when none was sent; or nil, err.
local function claim(req)
    local key, refusal = idempotency.key(req:header("Idempotency-Key"))
    if refusal then
        return nil, refusal
    elseif not key then
        return {}
    end
    local sha256 = crypto.sha256(req.raw)
    local known, problem = db.one("idempotency/find", req.user.id, req.method, req.path, key)
    if problem then
        return nil, problem
    elseif known and known.request_sha256 ~= sha256 then
        return nil, err.idempotency_mismatch()
    end
    return { key = key, sha256 = sha256, is_replay = known ~= nil }
end

local function keep(req, claimed, payment_id)
    if not claimed.key or claimed.is_replay then
        return true
    end
    return db.exec("idempotency/store", req.user.id, req.method, req.path, claimed.key,
        claimed.sha256, 201, json.encode({ paymentId = payment_id }), nil)
end

web.post("/api/orders/{id}/payment", {
    id = "payments.start", summary = "Start paying an order; asked again it is the same payment",
    description = "The client pays at the provider with clientSecret, which is stored nowhere.",
    tags = TAGS, roles = { "BUYER" },
    params = { id = s.uuid() },
    body = s.object({
        method = s.enum({ "CARD", "UPI", "NETBANKING", "BANK_TRANSFER", "WALLET", "PAY_LATER" }),
    }),
    answers = { [201] = s.ref("PaymentStart") },
    errors = { "not_found", "conflict", "order_expired", "stripe_away", "idempotency_mismatch" },
    example = { method = "CARD" },
}, function(req)
    local claimed, refusal = claim(req)
    if not claimed then
        return nil, refusal
    end
    local started, problem = payment.open(req.params.id, req.user.buyer_id, req.body.method)
    if not started then
        return nil, problem
    end
    local is_kept, failure = keep(req, claimed, started.paymentId)
    if not is_kept then
        return nil, failure
    end
    return web.reply(201, started, {
        Location = "/api/orders/" .. req.params.id,
        ["Idempotent-Replayed"] = claimed.is_replay and "true" or nil,
    })
end)

web.post("/api/orders/{id}/confirm-payment", {
    id = "payments.confirm", summary = "Have the order confirmed once it is paid",
    description = "The provider is asked. 202 while it is not final, 402 when it was declined.",
    tags = TAGS, roles = { "BUYER" }, idempotent = "resumable",
    params = { id = s.uuid() },
    body = s.object({ paymentId = s.uuid() }),
    answers = { [200] = s.ref("Order"), [202] = s.ref("Order") },
    errors = { "not_found", "payment_declined", "conflict", "order_expired", "stripe_away" },
    example = { paymentId = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" },
}, function(req)
    local verdict, problem = payment.confirm(req.params.id, req.user.buyer_id, req.body.paymentId)
    if not verdict then
        return nil, problem
    end
    local text, failure = db.row_json("order/get", req.params.id, req.user.buyer_id)
    if not text then
        return nil, failure or err.not_found()
    end
    return web.reply(verdict == "paid" and 200 or 202, web.json(text))
end)
