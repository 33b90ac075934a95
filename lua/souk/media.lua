--- Uploaded pictures: what they are is told by their bytes, never by what the client calls them.
local core_media = require("core.media")
local conf = require("core.conf")
local crypto = require("core.crypto")
local err = require("souk.err")
local multipart = require("souk.multipart")

local media = {}

local PIXELS_MAX = 40e6
local TYPES = { jpeg = "image/jpeg", png = "image/png", webp = "image/webp" }
local ENDINGS = { jpeg = ".jpg", png = ".png", webp = ".webp" }

--- Room for the picture and the frame of a multipart body.
media.body_max = tonumber(conf("media.image_max_bytes") or 5242880) + 16384

--- The bytes of the picture and its fields (alt), from a multipart or raw body; or nil, err.
local function unpack_body(req)
    local content_type = req:header("Content-Type") or ""
    if content_type:lower():find("^multipart/form%-data") then
        return multipart.file(req.raw, content_type)
    elseif content_type:lower():find("^image/")
        or content_type:lower():find("^application/octet%-stream") then
        return req.raw, {}
    end
    return nil, err.unsupported_media("send multipart/form-data, or the bytes of an image")
end

--- Stores the picture of a request below folder. Returns {id, url, media_type, size_bytes, width,
-- height, alt}; or nil, err (413, 415).
function media.store(req, folder)
    local bytes, fields = unpack_body(req)
    if not bytes then
        return nil, fields
    end
    if #bytes > media.body_max - 16384 then
        return nil, err.body_too_large()
    end
    local kind, width, height = core_media.sniff(bytes)
    if not kind then
        return nil, err.unsupported_media("the bytes are not a JPEG, PNG or WebP image")
    elseif not width or width < 1 or height < 1 or width * height > PIXELS_MAX then
        return nil, err.field("image", "must have 1 to 40 million pixels")
    end
    local id = crypto.uuid7()
    local url, problem = core_media.save(folder, id .. ENDINGS[kind], bytes)
    if not url then
        return nil, problem
    end
    return {
        id = id, url = url, media_type = TYPES[kind], size_bytes = #bytes, width = width,
        height = height, alt = fields.alt or "",
    }
end

--- Forgets a stored picture by its url.
function media.remove(url)
    local folder, name = url:match("([%w-]+)/([%w.-]+)$")
    if folder then
        core_media.remove(folder, name)
    end
end

return media
