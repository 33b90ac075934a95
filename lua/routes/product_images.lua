local catalogue = require("flows.catalogue")
local db = require("souk.db")
local err = require("souk.err")
local media = require("souk.media")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

local TAGS = { "selling" }
local IMAGES_MAX = 20
local ALT_MAX = 500

local function add_image(row, image)
    local results, problem = db.batch({
        { "product_image/count", row.id },
        {
            "product_image/add", image.id, row.id, image.url, image.alt, image.media_type,
            image.size_bytes, image.width, image.height,
        },
        { "product_image/touch", row.id },
    })
    if not results then
        return nil, problem
    elseif results[1][1].count >= IMAGES_MAX then
        return nil, err.conflict(("a product has at most %d images"):format(IMAGES_MAX))
    end
    return results[2][1]
end

--- The file is written before its row and taken back when the row is refused, so no row ever lacks
-- its file.
local function store(req)
    local image, problem = media.store(req, "products")
    if not image then
        return nil, problem
    end
    local added, refusal = db.tx(function()
        local row, missing = catalogue.lock(req.user, req.params.id)
        if not row then
            return nil, missing
        end
        return add_image(row, image)
    end)
    if not added then
        media.remove(image.url)
        return nil, refusal
    end
    return added
end

web.post("/api/products/{id}/images", {
    id = "products.add_image", summary = "Add a picture", tags = TAGS, roles = { "VENDOR" },
    description = "JPEG, PNG or WebP of at most 5 MiB and 40 million pixels, as "
        .. "multipart/form-data (part image, field alt) or raw bytes. The type is told by the "
        .. "bytes.",
    params = { id = s.uuid() },
    raw_body = true, body_max = media.body_max,
    media = { request = { "multipart/form-data", "image/jpeg", "image/png", "image/webp",
        ["multipart/form-data"] = {
            schema = {
                type = "object",
                properties = {
                    image = { type = "string", contentMediaType = "application/octet-stream" },
                    alt = { type = "string", maxLength = ALT_MAX },
                },
            },
            example = { image = "the bytes of the picture", alt = "The mug from its side" },
        } } },
    answers = { [201] = s.ref("Image") },
    errors = { "body_too_large", "unsupported_media", "conflict" },
}, function(req)
    local owned, problem = db.one("product/is_owned", req.params.id, req.user.vendor_id)
    if not owned then
        return nil, problem or err.not_found()
    end
    local image, refusal = store(req)
    if not image then
        return nil, refusal
    end
    catalogue.changed("product", req.params.id)
    return web.created(image.url, image)
end)

web.delete("/api/products/{id}/images/{imageId}", {
    id = "products.remove_image", summary = "Remove a picture", tags = TAGS, roles = { "VENDOR" },
    params = { id = s.uuid(), imageId = s.uuid() },
    answers = { [204] = true },
}, function(req)
    local removed, problem = db.tx(function()
        local row, refusal = catalogue.lock(req.user, req.params.id)
        if not row then
            return nil, refusal
        end
        local results, failure = db.batch({
            { "product_image/remove", req.params.imageId, row.id },
            { "product_image/touch", row.id },
        })
        if not results then
            return nil, failure
        end
        return results[1][1] or nil, err.not_found()
    end)
    if not removed then
        return nil, problem
    end
    media.remove(removed.url)
    catalogue.changed("product", req.params.id)
    return web.no_content()
end)
