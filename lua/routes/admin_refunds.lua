--- Giving money back, for those who run the marketplace: any part of any order.
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")
local refund = require("flows.refund")

local TAGS = { "admin money" }
local ROLES = { "ADMIN" }
local STATUSES = { "PENDING", "SUCCEEDED", "FAILED" }

s.define("Refund", s.object({
    id = s.uuid(),
    orderId = s.uuid(),
    paymentId = s.uuid(),
    cause = s.enum({
        "BUYER_CANCEL", "VENDOR_CANCEL", "VENDOR", "ADMIN", "LATE_PAYMENT", "SURPLUS_PAYMENT",
    }),
    reason = s.string(),
    status = s.enum(STATUSES),
    amount = s.money(),
    vendorOrders = s.array(s.object({
        id = s.uuid(), amount = s.money(), platformFee = s.money(), earnings = s.money(),
    })),
    items = s.array(s.object({
        orderItemId = s.uuid(), quantity = s.integer({ min = 1 }), amount = s.money(),
        restocked = s.integer({ min = 0 }),
    })),
    failureMessage = s.nullable(s.string()),
    createdAt = s.time(),
    updatedAt = s.time(),
}))

web.get("/api/admin/refunds", {
    id = "admin_refunds.list", summary = "All refunds, newest first", tags = TAGS, roles = ROLES,
    query = page.query({
        status = s.optional(s.enum(STATUSES)),
        orderId = s.optional(s.uuid()),
    }),
    answers = { [200] = page.of(s.ref("Refund")) },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    return page.list(req, {
        query = "refund/list", total = "refund/count",
        args = page.args(req.query.status, req.query.orderId), cursor = { "sort", "id" },
    })
end)

web.post("/api/admin/orders/{id}/refunds", {
    id = "admin_refunds.create", summary = "Give money of an order back", tags = TAGS,
    roles = ROLES, idempotent = "transaction",
    description = "An amount, units of items, or with neither all that is left: of one vendor "
        .. "order or of the whole order. An amount over several vendor orders is cut in "
        .. "proportion to what is left of each. restock puts the units back on the shelf.",
    params = { id = s.uuid() },
    body = s.object({
        amount = s.optional(s.money()),
        items = s.optional(s.array(s.object({
            orderItemId = s.uuid(), quantity = s.integer({ min = 1, max = 999 }),
        }), { min = 1, max = 1000 })),
        restock = s.optional(s.boolean()),
        vendorOrderId = s.optional(s.uuid()),
        reason = s.string({ min = 1, max = 500, is_line = true }),
    }),
    answers = { [202] = s.ref("Refund") },
    errors = { "not_found", "refund_exceeds_paid", "charge_disputed" },
    example = { amount = { amount = 500, currency = "USD" }, reason = "late by a week" },
}, function(req)
    local text, problem = refund.ask({
        order_id = req.params.id, vendor_order_id = req.body.vendorOrderId,
        amount = req.body.amount, items = req.body.items, is_restocked = req.body.restock,
        cause = "ADMIN", reason = req.body.reason, actor_id = req.user.id, request_id = req.id,
    })
    if not text then
        return nil, problem
    end
    return web.accepted(web.json(text))
end)
