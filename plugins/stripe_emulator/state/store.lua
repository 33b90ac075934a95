--- All objects of the emulated account: one ordered collection a kind, in the shape they have on
-- the wire, and what is not on the wire (store.hidden). Objects are the stored tables themselves;
-- what leaves is encoded or copied at once.
--
-- What a request may have changed is what it inserted, got or touched: state/saved.lua writes just
-- that. So an object found by store.all must be touched by whoever changes it.
local store = {}

local ID_LENGTH = 24

function store.new(json, random)
    return { json = json, random = random, kinds = {}, hidden_by_id = {}, touched = {},
        removed = {} }
end

function store.new_id(self, prefix)
    return prefix .. "_" .. self.random(ID_LENGTH)
end

local function collection(self, kind)
    local found = self.kinds[kind]
    if not found then
        found = { by_id = {}, ordered = {} }
        self.kinds[kind] = found
    end
    return found
end

--- kind is the object's `object` field. hidden: what the emulator knows and Stripe would not show.
function store.insert(self, object, hidden)
    local objects = collection(self, object.object)
    objects.by_id[object.id] = object
    objects.ordered[#objects.ordered + 1] = object
    self.hidden_by_id[object.id] = hidden or {}
    self.touched[object.id] = object
    return object
end

--- Says that the object, or what is hidden beside it, is changed.
function store.touch(self, object)
    self.touched[object.id] = object
    return object
end

--- The object, to be read or changed, or nil.
function store.get(self, kind, id)
    local found = collection(self, kind).by_id[id]
    if found then
        self.touched[id] = found
    end
    return found
end

function store.hidden(self, object)
    return self.hidden_by_id[object.id]
end

--- Oldest first. Not to be changed by the caller; store.touch what is changed inside.
function store.all(self, kind)
    return collection(self, kind).ordered
end

function store.remove(self, object)
    local objects = collection(self, object.object)
    objects.by_id[object.id] = nil
    self.hidden_by_id[object.id] = nil
    self.touched[object.id] = nil
    self.removed[#self.removed + 1] = object
    for position, other in ipairs(objects.ordered) do
        if other == object then
            table.remove(objects.ordered, position)
            return
        end
    end
end

--- A copy that later changes do not reach; arrays stay arrays.
function store.copy(self, value)
    if type(value) ~= "table" or value == self.json.null then
        return value
    end
    local out = {}
    for key, item in pairs(value) do
        out[key] = store.copy(self, item)
    end
    if self.json.is_array(value) then
        return self.json.array(out)
    end
    return out
end

return store
