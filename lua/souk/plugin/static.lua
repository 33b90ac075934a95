--- Files that a plugin shows: GET /api/plugins/NAME/static/<file>, from its folder static/.
local core_plugin = require("core.plugin")
local crypto = require("core.crypto")
local err = require("souk.err")
local schema = require("souk.schema")
local web = require("souk.web")

local static = {}

local TYPES = {
    html = "text/html; charset=utf-8", css = "text/css; charset=utf-8",
    js = "text/javascript; charset=utf-8", json = "application/json",
    svg = "image/svg+xml", png = "image/png", jpg = "image/jpeg", webp = "image/webp",
    txt = "text/plain; charset=utf-8", csv = "text/csv; charset=utf-8",
}

local function answer(req, name)
    local file = req.params.file
    local kind = TYPES[file:match("%.(%l+)$") or ""]
    local bytes = kind and core_plugin.static(name, file)
    if not bytes then
        return nil, err.not_found()
    end
    local tag = ('"%s"'):format(crypto.sha256(bytes):sub(1, 32))
    if req:header("If-None-Match") == tag then
        return web.reply(304, nil, { ETag = tag })
    end
    return web.reply(200, bytes, {
        ["Content-Type"] = kind, ETag = tag, ["Cache-Control"] = "public, max-age=300",
        ["X-Content-Type-Options"] = "nosniff",
        ["Content-Security-Policy"] = "default-src 'self'; sandbox allow-scripts",
    })
end

--- Declares the route of a plugin whose manifest says static = true.
function static.add(name)
    web.get(("/api/plugins/%s/static/{file}"):format(name), {
        id = name .. ".static", summary = "A file of the plugin", tags = { "plugin " .. name },
        roles = false,
        params = { file = schema.string({ min = 1, max = 100, example = "index.html" }) },
        media = { [200] = "text/html" },
        answers = { [200] = schema.string() },
        errors = { "not_found" },
    }, function(req)
        return answer(req, name)
    end)
end

return static
