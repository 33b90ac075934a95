--- A vendor gives money of its own part of an order back.
local s = require("souk.schema")
local web = require("souk.web")
local refund = require("flows.refund")

web.post("/api/vendor/orders/{id}/refunds", {
    id = "vendor_refunds.create", summary = "Give money of one's part of an order back",
    description = "An amount, units of items, or with neither all that is left of the part. "
        .. "restock puts the units back on the shelf.",
    tags = { "vendor orders" }, roles = { "VENDOR" }, idempotent = "transaction",
    params = { id = s.uuid() },
    body = s.object({
        amount = s.optional(s.money()),
        items = s.optional(s.array(s.object({
            orderItemId = s.uuid(), quantity = s.integer({ min = 1, max = 999 }),
        }), { min = 1, max = 1000 })),
        restock = s.optional(s.boolean()),
        reason = s.string({ min = 1, max = 500, is_line = true }),
    }),
    answers = { [202] = s.ref("Refund") },
    errors = { "not_found", "refund_exceeds_paid", "charge_disputed" },
    example = { amount = { amount = 500, currency = "USD" }, reason = "a scratch" },
}, function(req)
    local text, problem = refund.ask({
        vendor_order_id = req.params.id, vendor_id = req.user.vendor_id,
        amount = req.body.amount, items = req.body.items, is_restocked = req.body.restock,
        cause = "VENDOR", reason = req.body.reason, actor_id = req.user.id, request_id = req.id,
    })
    if not text then
        return nil, problem
    end
    return web.accepted(web.json(text))
end)
