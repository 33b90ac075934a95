--- Orders as buyers and admins see them, and taking them back.
local db = require("souk.db")
local err = require("souk.err")
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")
local cancellation = require("flows.cancellation")

local TAGS = { "orders" }
local STATUSES = { "PENDING", "CONFIRMED", "COMPLETED", "CANCELLED", "EXPIRED" }

local order_item = s.define("OrderItem", s.object({
    id = s.uuid(),
    productId = s.uuid(),
    vendorId = s.uuid(),
    name = s.string(),
    unitPrice = s.money(),
    quantity = s.integer({ min = 1 }),
    discount = s.money(),
    lineTotal = s.money(),
    refundedQuantity = s.integer({ min = 0 }),
    restockedQuantity = s.integer({ min = 0 }),
}))

s.define("VendorOrder", s.object({
    id = s.uuid(),
    orderId = s.uuid(),
    vendorId = s.uuid(),
    status = s.enum({
        "PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED", "COMPLETED", "CANCELLED",
    }),
    subtotal = s.money(),
    shipping = s.money(),
    platformFee = s.money(),
    earnings = s.money(),
    feeLines = s.array(s.object({ name = s.string(), amount = s.signed_money() })),
    feePolicyVersion = s.string(),
    items = s.array(order_item),
    shippingAddress = s.nullable(s.ref("Address")),
    tracking = s.nullable(s.object({
        carrier = s.nullable(s.string()), trackingNumber = s.nullable(s.string()),
    })),
    createdAt = s.time(),
    updatedAt = s.time(),
}))

local order = s.define("Order", s.object({
    id = s.uuid(),
    number = s.string(),
    status = s.enum(STATUSES),
    subtotal = s.money(),
    discount = s.money(),
    discounts = s.array(s.object({
        name = s.string({ example = "SPRING10" }), amount = s.money(),
        bearer = s.enum({ "VENDOR", "PLATFORM" }),
    })),
    shipping = s.money(),
    total = s.money(),
    platformFee = s.optional(s.money()),
    items = s.array(order_item),
    vendorOrders = s.array(s.ref("VendorOrder")),
    payment = s.nullable(s.object({
        id = s.uuid(),
        status = s.enum({
            "CREATED", "REQUIRES_ACTION", "PROCESSING", "SUCCEEDED", "FAILED", "CANCELLED",
            "PARTIALLY_REFUNDED", "REFUNDED",
        }),
        method = s.string(),
        disputed = s.boolean(),
    })),
    shippingAddress = s.ref("Address"),
    note = s.nullable(s.string()),
    expiresAt = s.time(),
    createdAt = s.time(),
    updatedAt = s.time(),
}))

local function get(req)
    local text, problem
    if req.user.role == "ADMIN" then
        text, problem = db.row_json("order/get_admin", req.params.id)
    else
        text, problem = db.row_json("order/get", req.params.id, req.user.buyer_id)
    end
    if not text then
        return nil, problem or err.not_found()
    end
    return web.json(text)
end

local function list_for_admin(req)
    local q = req.query
    return page.list(req, {
        query = "order/list_admin", total = "order/count_admin",
        args = page.args(q.status, q.buyerId, q.vendorId), cursor = { "sort", "id" },
    })
end

web.get("/api/orders", {
    id = "orders.list", summary = "One's own orders, newest first; an admin sees all", tags = TAGS,
    roles = { "BUYER", "ADMIN" },
    query = page.query({ status = s.optional(s.enum(STATUSES)) }),
    answers = { [200] = page.of(order) },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    if req.user.role == "ADMIN" then
        return list_for_admin(req)
    end
    return page.list(req, {
        query = "order/list", total = "order/count",
        args = page.args(req.user.buyer_id, req.query.status), cursor = { "sort", "id" },
    })
end)

web.get("/api/orders/{id}", {
    id = "orders.get", summary = "An order with its vendor orders", tags = TAGS,
    roles = { "BUYER", "ADMIN" },
    params = { id = s.uuid() },
    answers = { [200] = order },
    errors = { "not_found" },
}, get)

web.post("/api/orders/{id}/cancel", {
    id = "orders.cancel", summary = "Take an order back: released unpaid, refunded before it ships",
    tags = TAGS, roles = { "BUYER", "ADMIN" }, idempotent = "resumable",
    params = { id = s.uuid() },
    body = s.object({ reason = s.optional(s.string({ min = 1, max = 500 })) }),
    answers = { [200] = order },
    errors = { "not_found", "illegal_step", "conflict", "stripe_away" },
    example = { reason = "ordered twice" },
}, function(req)
    local is_admin = req.user.role == "ADMIN"
    local is_done, problem = cancellation.cancel_order(
        req.params.id, not is_admin and req.user.buyer_id or nil,
        req.body.reason or ("cancelled by the " .. (is_admin and "marketplace" or "buyer")),
        req.user.id)
    if not is_done then
        return nil, problem
    end
    return get(req)
end)
