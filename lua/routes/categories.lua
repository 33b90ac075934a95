local category_tree = require("flows.category_tree")
local err = require("souk.err")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

local TAGS = { "catalogue" }

--- How long finished answers are kept at most: they count what is on sale.
local CACHE = { ms = 300000, shows = { "product", "vendor", "category" } }

schema.define("Category", s.object({
    id = s.uuid(),
    parentId = s.nullable(s.uuid()),
    name = s.string({ max = 100, example = "Kitchen" }),
    slug = s.string({ format = "slug", max = 100, example = "kitchen" }),
    position = s.integer({ example = 0 }),
    productCount = s.integer({ min = 0, example = 42 }),
    children = s.array(s.ref("Category"), { example = {} }),
}))

web.get("/api/categories", {
    id = "categories.tree", summary = "The tree of categories", tags = TAGS, roles = false,
    etag = true, cache = CACHE,
    description = "productCount counts what is on sale in a category and below it.",
    answers = { [200] = s.object({ data = s.array(s.ref("Category")) }) },
}, function()
    local tree, problem = category_tree.read()
    if not tree then
        return nil, problem
    end
    return { data = tree.roots }
end)

web.get("/api/categories/{id}", {
    id = "categories.detail", summary = "A category with what is below it", tags = TAGS,
    roles = false, etag = true, cache = CACHE,
    description = "By id or slug.",
    params = { id = s.string({ min = 1, max = 100, example = "kitchen" }) },
    answers = { [200] = s.ref("Category") },
}, function(req)
    local tree, problem = category_tree.read()
    if not tree then
        return nil, problem
    end
    local found = tree.by_id[req.params.id]
    for _, node in pairs(found and {} or tree.by_id) do
        if node.slug == req.params.id then
            found = node
        end
    end
    return found, err.not_found()
end)
