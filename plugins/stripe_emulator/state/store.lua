--- All objects of the emulated account: one ordered collection a kind, in the shape they have on
-- the wire, and what is not on the wire (store.hidden). Objects are the stored tables themselves;
-- what leaves is encoded or copied at once.
--
-- What a request may have changed is what it inserted, got or touched: state/saved.lua writes just
-- that. So an object found by store.all must be touched by whoever changes it.
local saved = require("stripe_emulator.state.saved")

local store = {}

local ID_LENGTH = 24

function store.new(json, random, log)
    return { json = json, random = random, saved = log, kinds = {}, hidden_by_id = {},
        touched = {}, touched_in_order = {} }
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

--- Says that the object, or what is hidden beside it, is changed.
function store.touch(self, object)
    if not self.touched[object.id] then
        self.touched[object.id] = true
        self.touched_in_order[#self.touched_in_order + 1] = object
    end
    return object
end

--- kind is the object's `object` field. hidden: what the emulator knows and Stripe would not show.
function store.insert(self, object, hidden)
    local objects = collection(self, object.object)
    objects.by_id[object.id] = object
    objects.ordered[#objects.ordered + 1] = object
    self.hidden_by_id[object.id] = hidden or {}
    return store.touch(self, object)
end

--- The object, only to be shown, or nil.
function store.peek(self, kind, id)
    return collection(self, kind).by_id[id]
end

--- The object, to be read or changed, or nil.
function store.get(self, kind, id)
    local found = collection(self, kind).by_id[id]
    return found and store.touch(self, found)
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
    saved.remove(self.saved, "objects", object.id)
    for position, other in ipairs(objects.ordered) do
        if other == object then
            table.remove(objects.ordered, position)
            return
        end
    end
end

--- Forgets what was touched: it was only looked at.
function store.untouch(self)
    if #self.touched_in_order > 0 then
        self.touched, self.touched_in_order = {}, {}
    end
end

--- Hands what was touched to the file.
function store.save(self)
    for _, object in ipairs(self.touched_in_order) do
        if collection(self, object.object).by_id[object.id] == object then
            saved.put(self.saved, "objects", object.id, { object, self.hidden_by_id[object.id] })
        end
    end
    store.untouch(self)
end

function store.restore(self, sections)
    for _, entry in ipairs(sections.objects) do
        store.insert(self, entry.value[1], entry.value[2])
    end
    store.untouch(self)
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
