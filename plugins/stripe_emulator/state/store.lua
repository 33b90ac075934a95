--- All objects of the emulated account: one ordered collection a kind, in the shape they have on
-- the wire, and what is not on the wire (store.hidden). Objects are the stored tables themselves;
-- what leaves is encoded or copied at once.
local store = {}

local ID_LENGTH = 24

function store.new(json, random)
    return { json = json, random = random, kinds = {}, hidden_by_id = {} }
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
    return object
end

function store.get(self, kind, id)
    return collection(self, kind).by_id[id]
end

function store.hidden(self, object)
    return self.hidden_by_id[object.id]
end

--- Oldest first. Not to be changed by the caller.
function store.all(self, kind)
    return collection(self, kind).ordered
end

function store.remove(self, object)
    local objects = collection(self, object.object)
    objects.by_id[object.id] = nil
    self.hidden_by_id[object.id] = nil
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
