--- The moment a cart becomes an order and its goods are held.
local s = require("souk.schema")
local web = require("souk.web")
local checkout = require("flows.checkout")
local sold_out = require("flows.sold_out")

local line = s.string({ min = 1, max = 200, is_line = true })

s.define("Address", s.object({
    name = line,
    line1 = line,
    line2 = s.optional(s.string({ max = 200 })),
    city = line,
    region = s.optional(s.string({ max = 200 })),
    postalCode = s.string({ min = 1, max = 20, is_line = true }),
    country = s.string({ min = 2, max = 60, is_line = true }),
    lat = s.optional(s.number({ min = -90, max = 90 })),
    lng = s.optional(s.number({ min = -180, max = 180 })),
}))

web.post("/api/checkout", {
    id = "checkout.place", summary = "Make the cart an order and reserve its goods",
    description = "All lines or none. The order is PENDING and holds its goods until expiresAt.",
    tags = { "orders" }, roles = { "BUYER" }, idempotent = "transaction",
    body = s.object({
        shippingAddress = s.ref("Address"),
        note = s.optional(s.string({ max = 1000 })),
        couponCode = s.optional(s.string({ min = 1, max = 50, is_line = true })),
    }),
    answers = { [201] = s.ref("Order") },
    errors = { "empty_cart", "insufficient_stock", "price_changed", "cart_changed",
        "order_not_allowed", "plugin_refused", "plugin_failed" },
    example = {
        shippingAddress = {
            name = "Ada Byron", line1 = "12 St James's Square", city = "London",
            postalCode = "SW1Y 4JH", country = "GB",
        },
    },
}, function(req)
    local id, order = checkout.place(req.user.buyer_id, req.body)
    if not id then
        return nil, order
    end
    function req.after_commit()
        sold_out.cart_changed(req.user.buyer_id)
    end
    return web.created("/api/orders/" .. id, order)
end)
