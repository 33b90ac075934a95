--- Disputes of what a vendor has sold: its own part, and nothing of the buyer.
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")

local STATES = { "INQUIRY", "OPEN", "WON", "LOST", "CLOSED" }

web.get("/api/vendor/disputes", {
    id = "vendor_disputes.list", summary = "Disputes of one's own vendor orders, newest first",
    description = "What is disputed is not paid out before it is decided. liable says who bears "
        .. "the part when the dispute is lost.",
    tags = { "vendor money" }, roles = { "VENDOR" },
    query = page.query({ state = s.optional(s.enum(STATES)) }),
    answers = {
        [200] = page.of(s.object({
            id = s.uuid(),
            orderId = s.uuid(),
            vendorOrderId = s.uuid(),
            state = s.enum(STATES),
            reason = s.string({ example = "product_not_received" }),
            amount = s.money(),
            liable = s.enum({ "PLATFORM", "VENDOR" }),
            evidenceDueAt = s.nullable(s.time()),
            openedAt = s.time(),
            closedAt = s.nullable(s.time()),
        })),
    },
    errors = { "bad_cursor", "offset_too_deep" },
}, function(req)
    return page.list(req, {
        query = "dispute/list_of_vendor", total = "dispute/count_of_vendor",
        args = page.args(req.user.vendor_id, req.query.state), cursor = { "sort", "id" },
    })
end)
