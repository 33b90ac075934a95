--- Every request to the API, in order, so that a test can ask what really happened: was it
-- executed, replayed, faulted.
local saved = require("stripe_emulator.state.saved")

local journal = {}

local ENTRIES_MAX = 5000

function journal.new(log)
    return { saved = log, entries = {}, first = 1, last = 0 }
end

function journal.restore(self, sections)
    for position, entry in ipairs(sections.journal) do
        self.first = position == 1 and entry.key or self.first
        self.entries[entry.key] = entry.value
        self.last = entry.key
    end
end

function journal.add(self, entry)
    self.last = self.last + 1
    entry.number = self.last
    self.entries[self.last] = entry
    saved.put(self.saved, "journal", self.last, entry)
    if self.last - self.first >= ENTRIES_MAX then
        self.entries[self.first] = nil
        saved.remove(self.saved, "journal", self.first)
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
