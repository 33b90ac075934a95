--- Reviews: of a product or a vendor by its buyer, of a buyer by a vendor, once a thing and order,
--- and only after delivery. The target's rating changes in the same transaction, by a trigger.
local catalogue = require("flows.catalogue")
local crypto = require("core.crypto")
local json = require("core.json")
local db = require("souk.db")
local err = require("souk.err")
local hooks = require("souk.plugin.hooks")
local page = require("souk.page")
local s = require("souk.schema")
local web = require("souk.web")

local TAGS = { "reviews" }

--- How long finished answers are kept at most.
local LIST_MS = 300000

s.define("Review", s.object({
    id = s.uuid(),
    productId = s.optional(s.nullable(s.uuid())),
    vendorId = s.optional(s.nullable(s.uuid())),
    buyerId = s.optional(s.nullable(s.uuid())),
    orderId = s.optional(s.uuid()),
    rating = s.integer({ min = 1, max = 5 }),
    title = s.nullable(s.string({ max = 200 })),
    body = s.nullable(s.string({ max = 5000 })),
    author = s.object({ name = s.string() }),
    createdAt = s.time(),
}))

--- What is reviewed: kind and id; or nil, err.
local function target_of(user, body)
    local kind, id, count = nil, nil, 0
    for field, name in pairs({ productId = "PRODUCT", vendorId = "VENDOR", buyerId = "BUYER" }) do
        if body[field] then
            kind, id, count = name, body[field], count + 1
        end
    end
    if count ~= 1 then
        return nil, err.field("productId", "give one of productId, vendorId and buyerId")
    elseif (kind == "BUYER") ~= (user.role == "VENDOR") then
        return nil, err.review_not_allowed()
    end
    return kind, id
end

local function insert(review)
    local user, body = review.user, review.body
    if user.role == "VENDOR" then
        return db.one("review/insert_by_vendor", review.id, body.orderId, user.vendor_id,
            review.target_id, user.name, body.rating, body.title, body.body)
    end
    return db.one("review/insert_by_buyer", review.id, body.orderId, user.buyer_id, review.kind,
        review.target_id, user.name, body.rating, body.title, body.body)
end

--- Plugins may refuse a review that is allowed otherwise. row, or nil, err.
local function ask_plugins(review, row)
    local body = review.body
    local is_fine, refusal = hooks.ask("review.check", {
        id = review.id, kind = review.kind, targetId = review.target_id, orderId = body.orderId,
        rating = body.rating, title = body.title, body = body.body,
        author = { id = review.user.id, role = review.user.role, name = review.user.name },
    })
    return is_fine and row, refusal
end

local function view(review, created_at)
    local body = review.body
    return {
        id = review.id,
        productId = body.productId, vendorId = body.vendorId, buyerId = body.buyerId,
        orderId = body.orderId,
        rating = body.rating,
        title = body.title or json.null,
        body = body.body or json.null,
        author = { name = review.user.name },
        createdAt = created_at,
    }
end

web.post("/api/reviews", {
    id = "reviews.create", summary = "Review what was delivered", tags = TAGS,
    roles = { "BUYER", "VENDOR" }, idempotent = "transaction",
    body = s.object({
        orderId = s.uuid(),
        productId = s.optional(s.uuid()),
        vendorId = s.optional(s.uuid()),
        buyerId = s.optional(s.uuid()),
        rating = s.integer({ min = 1, max = 5 }),
        title = s.optional(s.string({ max = 200 })),
        body = s.optional(s.string({ max = 5000 })),
    }),
    answers = { [201] = s.ref("Review") },
    errors = { "not_found", "review_not_allowed", "review_exists", "plugin_refused",
        "plugin_failed" },
    example = {
        orderId = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6",
        productId = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f7", rating = 5, title = "Lovely",
    },
}, function(req)
    local review = { id = crypto.uuid7(), user = req.user, body = req.body }
    local problem
    review.kind, problem = target_of(req.user, req.body)
    if not review.kind then
        return nil, problem
    end
    review.target_id = problem
    local row, failure = db.tx(function()
        local made, refusal = insert(review)
        if made then
            return ask_plugins(review, made)
        elseif refusal then
            return nil, refusal
        end
        local known, trouble = db.one("review/order_is_known", req.body.orderId, req.user.buyer_id,
            req.user.vendor_id)
        return nil, trouble or (known and err.review_not_allowed() or err.not_found())
    end)
    if not row then
        return nil, failure
    end
    req.after_commit = function()
        catalogue.changed("review", review.target_id)
        catalogue.changed(review.kind:lower(), review.target_id)
    end
    return web.created("/api/reviews/" .. review.id, view(review, row.created_at))
end)

web.get("/api/reviews/{id}", {
    id = "reviews.detail", summary = "A published review", tags = TAGS, roles = false,
    optional_auth = true, etag = true,
    params = { id = s.uuid() },
    answers = { [200] = s.ref("Review") },
    errors = { "not_found" },
}, function(req)
    local review, problem = db.row_json("review/one", req.params.id,
        req.user and req.user.vendor_id)
    if not review then
        return nil, problem or err.not_found()
    end
    return web.json(review)
end)

local function declare_list(path, id, kind, summary)
    web.get(path, {
        id = id, summary = summary, tags = TAGS, roles = false, etag = true,
        cache = { ms = LIST_MS, shows = { "review" } },
        params = { id = s.uuid() },
        query = page.query(),
        answers = { [200] = page.of(s.ref("Review")) },
        errors = { "not_found", "bad_cursor", "offset_too_deep" },
    }, function(req)
        local known, problem = db.one("review/target_is_known", kind, req.params.id)
        if not known then
            return nil, problem or err.not_found()
        end
        req.shows = { "review", req.params.id, kind:lower(), req.params.id }
        return page.list(req, {
            query = "review/list", total = "review/count",
            args = page.args(kind, req.params.id), cursor = { "sort", "id" },
        })
    end)
end

declare_list("/api/products/{id}/reviews", "reviews.of_product", "PRODUCT",
    "Reviews of a product, newest first")
declare_list("/api/vendors/{id}/reviews", "reviews.of_vendor", "VENDOR",
    "Reviews of a vendor, newest first")
