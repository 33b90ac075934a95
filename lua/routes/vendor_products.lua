local page = require("souk.page")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

web.get("/api/vendor/products", {
    id = "vendor.products", summary = "One's own products, in all states", tags = { "selling" },
    roles = { "VENDOR" },
    query = page.query({
        status = s.optional(s.enum({ "DRAFT", "PUBLISHED", "UNPUBLISHED", "ARCHIVED" })),
    }),
    answers = { [200] = page.of(s.ref("Product")) },
}, function(req)
    return page.list(req, {
        query = "product/list_own", total = "product/count_own",
        args = page.args(req.user.vendor_id, req.query.status), cursor = { "sort", "id" },
    })
end)
