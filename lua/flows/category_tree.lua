--- The tree of categories with its counts. Counting reads much and changes little, so each worker
--- keeps the tree until the catalogue changes, and no longer than TTL.
local db = require("souk.db")
local json = require("core.json")
local kept = require("souk.kept")

local category_tree = {}

local TTL_US = 30e6

local trees = kept.new({ epoch = "catalogue", ttl_us = TTL_US, max = 1 })

local function build(rows)
    local by_id, roots = {}, json.array({})
    for _, row in ipairs(rows) do
        local node = {
            id = row.id, parentId = row.parentId or json.null, name = row.name, slug = row.slug,
            position = row.position, productCount = row.productCount, children = json.array({}),
        }
        by_id[node.id] = node
        local parent = row.parentId and by_id[row.parentId]
        local siblings = parent and parent.children or roots
        siblings[#siblings + 1] = node
    end
    return { roots = roots, by_id = by_id }
end

--- {roots = list of nodes, by_id}; or nil, err. Not to be changed.
function category_tree.read()
    return trees:get("tree", function()
        local rows, problem = db.query("category/tree")
        if not rows then
            return nil, problem
        end
        return build(rows)
    end)
end

return category_tree
