--- Lists as Stripe pages them: newest first, limit 1..100, cursors that are ids, has_more.
local errors = require("stripe_emulator.wire.errors")
local params = require("stripe_emulator.wire.params")
local store = require("stripe_emulator.state.store")

local list = {}

local LIMIT_DEFAULT = 10
local LIMIT_MAX = 100

--- The parameters all lists share, with those of this list.
function list.params(more)
    local fields = {
        limit = params.integer({ min = 1, max = LIMIT_MAX }),
        starting_after = params.text(),
        ending_before = params.text(),
        expand = params.expand(),
    }
    for name, declared in pairs(more or {}) do
        fields[name] = declared
    end
    return fields
end

--- bounds: as params.range gives them, or nil.
function list.is_within(bounds, at)
    return not bounds
        or ((not bounds.gt or at > bounds.gt) and (not bounds.gte or at >= bounds.gte)
            and (not bounds.lt or at < bounds.lt) and (not bounds.lte or at <= bounds.lte))
end

local function position_of(kept, id)
    for position, object in ipairs(kept) do
        if object.id == id then
            return position
        end
    end
end

--- Where the page begins after or ends before: position and which cursor said so, or nil and an
-- error.
local function cursor_of(kept, kind, asked)
    local name = asked.starting_after and "starting_after" or "ending_before"
    local cursor = asked[name]
    local at = cursor and position_of(kept, cursor)
    if cursor and not at then
        return nil, errors.no_such(400, kind, cursor, name)
    end
    return at or 0, cursor and name
end

local function slice(kept, first, last)
    local out = {}
    for position = math.max(first, 1), math.min(last, #kept) do
        out[#out + 1] = kept[position]
    end
    return out
end

--- The page of kept (newest first) that the cursors ask for: objects, has_more | nil, err.
local function page_of(kept, kind, asked)
    local limit = asked.limit or LIMIT_DEFAULT
    local at, cursor = cursor_of(kept, kind, asked)
    if not at then
        return nil, cursor
    elseif cursor == "ending_before" then
        return slice(kept, at - limit, at - 1), at - limit > 1
    end
    return slice(kept, at + 1, at + limit), at + limit < #kept
end

--- spec: kind, url, and keep(object), whether it belongs to the list.
function list.page(emulator, spec, asked)
    local kept = {}
    local all = store.all(emulator.store, spec.kind)
    for position = #all, 1, -1 do
        local object = all[position]
        if list.is_within(asked.created, object.created)
            and (not spec.keep or spec.keep(object)) then
            kept[#kept + 1] = object
        end
    end
    local data, has_more = page_of(kept, spec.kind, asked)
    if not data then
        return nil, has_more
    end
    for position, object in ipairs(data) do
        data[position] = emulator.view(object)
    end
    return { object = "list", url = spec.url, has_more = has_more,
        data = emulator.json.array(data) }
end

return list
