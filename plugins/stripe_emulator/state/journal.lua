--- Every request to the API, in order, so that a test can ask what really happened: was it
-- executed, replayed, faulted.
local journal = {}

local ENTRIES_MAX = 5000

function journal.new()
    return { entries = {}, first = 1, last = 0 }
end

function journal.add(self, entry)
    self.last = self.last + 1
    entry.number = self.last
    self.entries[self.last] = entry
    if self.last - self.first >= ENTRIES_MAX then
        self.entries[self.first] = nil
        self.first = self.first + 1
    end
    return entry
end

--- Those whose fields equal the wanted ones, oldest first.
function journal.find(self, wanted)
    local found = {}
    for number = self.first, self.last do
        local entry = self.entries[number]
        local is_match = true
        for field, value in pairs(wanted) do
            is_match = is_match and tostring(entry[field]) == value
        end
        if is_match then
            found[#found + 1] = entry
        end
    end
    return found
end

return journal
