local auth = require("souk.auth")
local catalogue = require("flows.catalogue")
local db = require("souk.db")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

local TAGS = { "selling" }
local VENDOR = { "VENDOR" }

local function own(req)
    local text, problem = db.row_json("vendor/detail", req.user.vendor_id, false)
    if not text then
        return nil, problem
    end
    return web.json(text)
end

web.get("/api/vendor/profile", {
    id = "vendor.profile", summary = "One's own shop", tags = TAGS, roles = VENDOR,
    answers = { [200] = s.ref("Vendor") },
}, own)

web.patch("/api/vendor/profile", {
    id = "vendor.change_profile", summary = "Change one's shop", tags = TAGS, roles = VENDOR,
    body = s.object({
        businessName = s.optional(s.string({ min = 1, max = 200, is_line = true,
            example = "Ada's Looms" })),
        slug = s.optional(s.string({ min = 1, max = 100, format = "slug",
            example = "adas-looms" })),
        description = s.optional(s.string({ max = 10000, example = "Woven in Lambeth." })),
        country = s.optional(s.string({ format = "country" })),
    }),
    answers = { [200] = s.ref("Vendor") },
    errors = { "slug_taken" },
    example = { description = "Woven in Lambeth." },
}, function(req)
    local body = req.body
    local _, problem = db.exec("vendor/change_profile", req.user.vendor_id, body.businessName,
        body.slug,
        body.description, body.country)
    if problem then
        return nil, problem
    end
    catalogue.changed("vendor", req.user.vendor_id)
    auth.changed()
    return own(req)
end)

web.put("/api/vendor/location", {
    id = "vendor.move", summary = "Say where one's shop is", tags = TAGS, roles = VENDOR,
    body = s.location(),
    answers = { [200] = s.ref("Vendor") },
}, function(req)
    local _, problem = db.exec("vendor/move", req.user.vendor_id, req.body.lat, req.body.lng)
    if problem then
        return nil, problem
    end
    catalogue.changed("vendor", req.user.vendor_id)
    return own(req)
end)
