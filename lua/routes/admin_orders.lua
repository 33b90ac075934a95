--- All orders, for those who run the marketplace.
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")

web.get("/api/admin/orders", {
    id = "admin_orders.list", summary = "All orders, newest first", tags = { "admin" },
    roles = { "ADMIN" },
    query = page.query({
        status = s.optional(s.enum({
            "PENDING", "CONFIRMED", "COMPLETED", "CANCELLED", "EXPIRED",
        })),
        buyerId = s.optional(s.uuid()),
        vendorId = s.optional(s.uuid()),
    }),
    answers = { [200] = page.of(s.ref("Order")) },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    local q = req.query
    return page.list(req, {
        query = "order/list_admin", total = "order/count_admin",
        args = page.args(q.status, q.buyerId, q.vendorId), cursor = { "sort", "id" },
    })
end)
