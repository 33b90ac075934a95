--- expand[]: ids replaced by the objects they name, four levels deep. Which fields can be is
-- declared by each resource.
local errors = require("stripe_emulator.wire.errors")
local store = require("stripe_emulator.state.store")

local expand = {}

local DEPTH_MAX = 4

--- Adds one path to the tree; false when it cannot be expanded.
local function add(expandable, tree, kind, path)
    local depth = 0
    for field in path:gmatch("[^.]+") do
        local target = kind == "any" and "any" or (expandable[kind] or {})[field]
        depth = depth + 1
        if not target or depth > DEPTH_MAX then
            return false
        end
        tree[field] = tree[field] or {}
        tree, kind = tree[field], target
    end
    return true
end

--- {"latest_charge.balance_transaction"} -> {latest_charge = {balance_transaction = {}}}, checked
-- against the kinds' declared fields; nil, err for a path that cannot be expanded.
function expand.plan(expandable, operation, paths)
    local tree = {}
    for _, path in ipairs(paths or {}) do
        local inside = operation.is_list and path:gsub("^data%.?", "") or path
        if not add(expandable, tree, operation.returns, inside) then
            return nil, errors.invalid(nil, nil,
                ("This property cannot be expanded (%s)."):format(path))
        end
    end
    return tree
end

local function expand_object(emulator, object, tree)
    if next(tree) == nil then
        return object
    end
    local out = {}
    for field, value in pairs(object) do
        local branch = tree[field]
        if branch and type(value) == "string" then
            local kind = emulator.registry.kind_by_prefix[value:match("^(%a+)_")]
            local target = kind and store.peek(emulator.store, kind, value)
            value = target and expand_object(emulator, emulator.view(target), branch) or value
        end
        out[field] = value
    end
    return out
end

--- The answer with what the tree asks for; stored objects stay as they are.
function expand.apply(emulator, operation, answer, tree)
    if not operation.is_list then
        return expand_object(emulator, answer, tree)
    end
    local data = {}
    for position, object in ipairs(answer.data) do
        data[position] = expand_object(emulator, object, tree)
    end
    answer.data = emulator.json.array(data)
    return answer
end

return expand
