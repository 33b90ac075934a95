--- The tree of categories with its counts. Counting reads much and changes little, so each worker
--- keeps the tree until the catalogue changes, and no longer than TTL.
local clock = require("core.clock")
local db = require("souk.db")
local json = require("core.json")
local shared = require("core.shared")

local category_tree = {}

local TTL_US = 30e6

local kept = { epoch = -1, at_us = 0 }

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
    local epoch = shared.read("catalogue")
    if kept.tree and kept.epoch == epoch and clock.monotonic_us() - kept.at_us < TTL_US then
        return kept.tree
    end
    local rows, problem = db.query("category/tree")
    if not rows then
        return nil, problem
    end
    kept = { tree = build(rows), epoch = epoch, at_us = clock.monotonic_us() }
    return kept.tree
end

return category_tree
