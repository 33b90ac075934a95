local crypto = require("core.crypto")
local db = require("souk.db")
local err = require("souk.err")
local nearby = require("flows.vendor_nearby")
local page = require("souk.page")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

local TAGS = { "catalogue" }

--- How long finished answers are kept at most.
local PROFILE_MS = 300000

local vendor_fields = {
    id = s.uuid(),
    businessName = s.string({ max = 200, example = "Ada's Looms" }),
    slug = s.string({ format = "slug", max = 100, example = "adas-looms" }),
    description = s.string({ max = 10000, example = "Woven in Lambeth." }),
    location = s.nullable(s.location()),
    status = s.enum({ "PENDING", "ACTIVE", "SUSPENDED", "REJECTED" }),
    rating = s.rating(),
    createdAt = s.time(),
}
local vendor = s.object(vendor_fields)
schema.define("Vendor", vendor)
schema.define("NearbyVendor", s.extend(vendor, {
    distanceKm = s.number({ min = 0, example = 1.234 }),
}))

web.get("/api/vendors", {
    id = "vendors.list", summary = "Vendors that sell", tags = TAGS, roles = false, etag = true,
    cache = { ms = PROFILE_MS, shows = { "vendor" } },
    query = page.query({ q = s.optional(s.string({ min = 1, max = 100, example = "ada" })) }),
    answers = { [200] = page.of(s.ref("Vendor")) },
}, function(req)
    return page.list(req, {
        query = "vendor/list", total = "vendor/count",
        args = page.args("ACTIVE", page.like(req.query.q)), cursor = { "sort", "id" },
    })
end)

web.get("/api/vendors/nearby", {
    id = "vendors.nearby", summary = "Vendors around a point, nearest first", tags = TAGS,
    roles = false, etag = true,
    description = "Within radiusKm, or the nearest ones without it. distanceKm is along the mean "
        .. "sphere of 6371.0088 km, up to 0.6 % off the ellipsoid; ties by id.",
    query = s.object({
        lat = s.number({ min = -90, max = 90, example = 51.5072 }),
        lng = s.number({ min = -180, max = 180, example = -0.1276 }),
        radiusKm = s.optional(s.number({ above = 0, max = 20038, example = 25 })),
        category = s.optional(s.string({ min = 1, max = 100, example = "kitchen" })),
        limit = s.optional(s.integer({ min = 1, max = 100, example = 20 }), 20),
    }),
    answers = { [200] = s.object({ data = s.array(s.ref("NearbyVendor")) }) },
}, function(req)
    return nearby.list(req.query)
end)

--- Only an active vendor is public; its own user and admins see it in any status.
web.get("/api/vendors/{id}", {
    id = "vendors.detail", summary = "A vendor", tags = TAGS, roles = false, optional_auth = true,
    etag = true, cache = { ms = PROFILE_MS, shows = { "vendor" } },
    description = "By id or slug.",
    params = { id = s.string({ min = 1, max = 100, example = "adas-looms" }) },
    answers = { [200] = s.ref("Vendor") },
}, function(req)
    local id, user = req.params.id, req.user
    local is_id = crypto.is_uuid(id)
    local may_see_all = user and (user.role == "ADMIN" or user.vendor_id == id)
    local text, problem = db.row_json(
        is_id and "vendor/detail" or "vendor/detail_by_slug", id, not may_see_all)
    if not text then
        return nil, problem or err.not_found()
    end
    req.shows = { "vendor", text:match('"id":"([^"]+)"') }
    return web.json(text)
end)
