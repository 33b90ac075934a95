local docs_page = require("souk.docs_page")
local json = require("core.json")
local openapi = require("souk.openapi")
local sleep = require("core.sleep")
local web = require("souk.web")

local TAGS = { "docs" }
local HTML_HEADERS = {
    ["Content-Type"] = "text/html; charset=utf-8",
    ["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; "
        .. "base-uri 'none'; form-action 'none'",
}

--- Made on first request and kept for the generation, whose routes do not change.
local document_text, page_text

--- Lets the worker serve others in between.
local function pause()
    sleep(0)
end

web.get("/api/openapi.json", {
    id = "docs.openapi", summary = "The OpenAPI 3.1 document", tags = TAGS, roles = false,
    etag = true,
    media = { [200] = "application/json" },
    answers = { [200] = true },
}, function()
    document_text = document_text or openapi.text(web.routes, pause)
    return json.raw(document_text)
end)

web.get("/api/docs", {
    id = "docs.page", summary = "The document for people", tags = TAGS, roles = false, etag = true,
    media = { [200] = "text/html" },
    answers = { [200] = true },
}, function()
    page_text = page_text or docs_page.html(openapi.document(web.routes, pause), pause)
    local headers = {}
    for name, value in pairs(HTML_HEADERS) do
        headers[name] = value
    end
    return web.reply(200, page_text, headers)
end)
