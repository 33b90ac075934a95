--- What a vendor has sold: its own parts of orders and nobody else's.
local db = require("souk.db")
local err = require("souk.err")
local page = require("souk.page")
local s = require("souk.schema")
local shared = require("core.shared")
local web = require("souk.web")
local cancellation = require("flows.cancellation")
local fulfilment = require("flows.fulfilment")

local TAGS = { "vendor orders" }
local PART = s.ref("VendorOrder")

local function get(req)
    local text, problem = db.row_json("vendor_order/get", req.params.id, req.user.vendor_id)
    if not text then
        return nil, problem or err.not_found()
    end
    return web.json(text)
end

--- What a vendor has done is on its dashboard at once.
local function board_changed(vendor_id)
    return function()
        shared.changed("dashboard", vendor_id)
    end
end

web.get("/api/vendor/orders", {
    id = "vendor_orders.list", summary = "One's own vendor orders, newest first", tags = TAGS,
    roles = { "VENDOR" },
    query = page.query({
        status = s.optional(s.enum({
            "PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "DELIVERED", "COMPLETED", "CANCELLED",
        })),
    }),
    answers = { [200] = page.of(PART) },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    return page.list(req, {
        query = "vendor_order/list", total = "vendor_order/count",
        args = page.args(req.user.vendor_id, req.query.status), cursor = { "sort", "id" },
    })
end)

web.get("/api/vendor/orders/{id}", {
    id = "vendor_orders.get", summary = "A vendor order", tags = TAGS, roles = { "VENDOR" },
    params = { id = s.uuid() },
    answers = { [200] = PART },
    errors = { "not_found" },
}, get)

web.patch("/api/vendor/orders/{id}/status", {
    id = "vendor_orders.step", summary = "The next step on the way to the buyer", tags = TAGS,
    description = "CONFIRMED to PROCESSING to SHIPPED to DELIVERED; any other step is 409.",
    roles = { "VENDOR" },
    params = { id = s.uuid() },
    body = s.object({
        status = s.enum({ "PROCESSING", "SHIPPED", "DELIVERED" }),
        carrier = s.optional(s.string({ min = 1, max = 100, is_line = true })),
        trackingNumber = s.optional(s.string({ min = 1, max = 100, is_line = true })),
    }),
    answers = { [200] = PART },
    errors = { "not_found", "illegal_step" },
    example = { status = "SHIPPED", carrier = "DHL", trackingNumber = "JD0146" },
}, function(req)
    local is_done, problem = fulfilment.step(req.params.id, req.user.vendor_id, req.body)
    if not is_done then
        return nil, problem
    end
    req.after_commit = board_changed(req.user.vendor_id)
    return get(req)
end)

web.post("/api/vendor/orders/{id}/cancel", {
    id = "vendor_orders.cancel", summary = "Take one's part back before it ships: it is refunded",
    description = "With items only these units: they go back on the shelf and their money to the "
        .. "buyer. When nothing is left, the vendor order is CANCELLED.",
    tags = TAGS, roles = { "VENDOR" }, idempotent = "transaction",
    params = { id = s.uuid() },
    body = s.object({
        reason = s.string({ min = 1, max = 500 }),
        items = s.optional(s.array(s.object({
            orderItemId = s.uuid(), quantity = s.integer({ min = 1, max = 999 }),
        }), { min = 1, max = 1000 })),
    }),
    answers = { [200] = PART },
    errors = { "not_found", "illegal_step", "refund_exceeds_paid", "charge_disputed" },
    example = { reason = "broken in the warehouse" },
}, function(req)
    local is_done, problem = cancellation.cancel_vendor_order(
        req.params.id, req.user.vendor_id, req.body.items, req.body.reason, req.user.id)
    if not is_done then
        return nil, problem
    end
    req.after_commit = board_changed(req.user.vendor_id)
    return get(req)
end)
