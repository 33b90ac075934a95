local conf = require("core.conf")
local crypto = require("core.crypto")
local db = require("souk.db")
local err = require("souk.err")
local json = require("core.json")
local page = require("souk.page")
local product_search = require("flows.product_search")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

local TAGS = { "catalogue" }

--- How long finished answers are kept at most: those with units left, and those made from words,
--- which are gathered from products a while later.
local STOCK_MS = tonumber(conf("cache.stock_ms"))
local WORDS_MS = 5000

local product_fields = {
    id = s.uuid(),
    version = s.integer({ min = 1 }),
    vendorId = s.uuid(),
    vendor = s.object({
        id = s.uuid(), businessName = s.string({ example = "Ada's Looms" }),
        slug = s.string({ format = "slug", max = 100, example = "adas-looms" }),
        rating = s.rating(),
    }),
    name = s.string({ max = 200, example = "Ceramic Mug" }),
    slug = s.string({ format = "slug", max = 100 }),
    description = s.string({ max = 20000, example = "Thrown by hand." }),
    price = s.money(),
    stock = s.optional(s.integer({ min = 0, example = 12 })),
    reserved = s.optional(s.integer({ min = 0, example = 2 })),
    available = s.integer({ min = 0, example = 10 }),
    status = s.enum({ "DRAFT", "PUBLISHED", "UNPUBLISHED", "ARCHIVED" }),
    attributes = s.attributes({ max = 50 }),
    categories = s.array(s.object({
        id = s.uuid(), slug = s.string({ format = "slug", max = 100, example = "kitchen" }),
        name = s.string({ example = "Kitchen" }),
    })),
    images = s.array(s.ref("Image")),
    rating = s.rating(),
    createdAt = s.time(),
    updatedAt = s.time(),
    distanceKm = s.optional(s.number({ min = 0, example = 1.234 })),
}
schema.define("Product", s.object(product_fields))

schema.define("Image", s.object({
    id = s.uuid(),
    url = s.string({ example = "/media/products/0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6.png" }),
    alt = s.string({ max = 500, example = "The mug from its side" }),
    position = s.integer({ min = 1 }),
}))

local facet = s.array(s.object({
    id = s.uuid(), slug = s.string({ example = "kitchen" }),
    name = s.string({ example = "Kitchen" }),
    count = s.integer({ min = 1 }),
}))

web.get("/api/products", {
    id = "products.list", summary = "Products on sale", tags = TAGS, roles = false, etag = true,
    cache = { ms = STOCK_MS, shows = { "product", "vendor", "category" } },
    description = "q takes words, \"phrases\", or and -not. category is an id or slug and takes "
        .. "what is below it. Distances are on the mean sphere of 6371.0088 km, up to 0.6 % "
        .. "off the ellipsoid. With lat and lng the products of the 5000 nearest vendors at "
        .. "most. total counts up to 100000 (10000 with q, category or inStock): totalIsExact says "
        .. "whether it is all. Facets are counted over the first 1000 matches. When nothing has "
        .. "the words of q, the answer is that for the words of didYouMean.",
    query = page.query({
        q = s.optional(s.string({ min = 1, max = 200, example = "mug" })),
        category = s.optional(s.string({ min = 1, max = 100, example = "kitchen" })),
        vendorId = s.optional(s.uuid()),
        minPrice = s.optional(s.amount()),
        maxPrice = s.optional(s.amount()),
        inStock = s.optional(s.boolean()),
        minRating = s.optional(s.number({ min = 0, max = 5, example = 4 })),
        lat = s.optional(s.number({ min = -90, max = 90, example = 51.5072 })),
        lng = s.optional(s.number({ min = -180, max = 180, example = -0.1276 })),
        radiusKm = s.optional(s.number({ above = 0, max = 20038, example = 25 })),
        sort = s.optional(s.enum({ "relevance", "newest", "price", "-price", "rating",
            "distance" })),
        facets = s.optional(s.enum({ "category", "vendor", "category,vendor", "vendor,category" })),
    }),
    answers = { [200] = page.of(s.ref("Product"), {
        facets = s.optional(s.object({ category = s.optional(facet), vendor = s.optional(facet) })),
        didYouMean = s.optional(s.string({ example = "ceramic mug" })),
    }) },
}, function(req)
    if req.query.lat then
        req.shows = false -- the index of places may still be catching up
    end
    return product_search.list(req)
end)

web.get("/api/products/suggest", {
    id = "products.suggest", summary = "Completions of a name, typing errors forgiven", tags = TAGS,
    roles = false, etag = true, cache = { ms = WORDS_MS, shows = { "product", "vendor" } },
    query = s.object({
        q = s.string({ min = 1, max = 100, example = "ceramc" }),
        limit = s.optional(s.integer({ min = 1, max = 10, example = 10 }), 10),
    }),
    answers = { [200] = s.object({ data = s.array(s.object({
        text = s.string({ example = "Ceramic Mug" }),
        slug = s.string({ format = "slug", max = 100 }), productId = s.uuid(),
    })) }) },
}, function(req)
    local data, problem = product_search.suggest(req.query.q, req.query.limit)
    if not data then
        return nil, problem
    end
    return { data = json.raw(data) }
end)

local SEEN = "id version vendorId"

--- The product as this user may see it: its JSON with its id, version and vendor's id; nil when it
--- is not there, or nil, err.
local function find(user, id_or_slug)
    local suffix = crypto.is_uuid(id_or_slug) and "" or "_by_slug"
    if user and user.role == "ADMIN" then
        return db.json_row("product/full" .. suffix, SEEN, id_or_slug, nil)
    elseif user and user.vendor_id then
        local own, id, version, vendor_id = db.json_row("product/full" .. suffix, SEEN, id_or_slug,
            user.vendor_id)
        if own or id then
            return own, id, version, vendor_id
        end
    end
    return db.json_row("product/detail" .. suffix, SEEN, id_or_slug)
end

web.get("/api/products/{id}", {
    id = "products.detail", summary = "A product", tags = TAGS, roles = false, optional_auth = true,
    etag = true, cache = { ms = STOCK_MS, shows = { "product", "vendor" } },
    description = "By id or slug. stock and reserved only for its vendor and admins.",
    params = { id = s.string({ min = 1, max = 100, example = "ceramic-mug" }) },
    answers = { [200] = s.ref("Product") },
}, function(req)
    local product, id, version, vendor_id = find(req.user, req.params.id)
    if not product then
        return nil, id or err.not_found()
    end
    req.version, req.shows = version, { "product", id, "vendor", vendor_id }
    return product
end)
