--- What outlives the process: a file to which each request appends what it touched, before its
-- answer leaves. So whatever a client was told is there again after a kill at any instant, and what
-- was cut off in the middle was told to nobody.
--
-- A line is [section, key, value] (put), [section, key] (removed), ["*"] (all forgotten) or []
-- (the end of what belongs together; lines after the last one are ignored). Keys of a section keep
-- the order in which they were first put. At the start the file is read and written anew, without
-- what was superseded.
--
-- Values are what JSON can say, and two things it cannot: an empty array, and JSON kept as text.
local saved = {}

local END = "[]\n"
local CHUNK_LINES = 500

--- file: core.state_file's, or nil: nothing is kept, and all below does nothing.
function saved.new(file, json)
    return { file = file, json = json, lines = {}, count = 0 }
end

local function is_raw(json, value)
    return getmetatable(value) == getmetatable(json.raw(""))
end

local marked

--- The table itself, or a copy when one of its fields is to be said otherwise.
local function with_marked_fields(json, value)
    local copy, is_changed = {}, false
    for key, item in pairs(value) do
        copy[key] = marked(json, item)
        is_changed = is_changed or copy[key] ~= item
    end
    return is_changed and copy or value
end

--- The value itself when JSON can say it, else a copy with marks: {["$"] = "array"} and
-- {["$"] = "raw", text = …}.
function marked(json, value)
    if type(value) ~= "table" then
        return value
    elseif is_raw(json, value) then
        return { ["$"] = "raw", text = tostring(value) }
    elseif next(value) == nil then
        return json.is_array(value) and { ["$"] = "array" } or value
    end
    return with_marked_fields(json, value)
end

--- The way back, in place where it can be.
local function unmarked(json, value)
    if type(value) ~= "table" then
        return value
    elseif value["$"] == "raw" then
        return json.raw(value.text)
    elseif value["$"] == "array" then
        return json.array({})
    end
    for key, item in pairs(value) do
        value[key] = unmarked(json, item)
    end
    return value[1] ~= nil and json.array(value) or value
end

local function add(self, line)
    self.count = self.count + 1
    self.lines[self.count] = line
end

--- self may be nil: what belongs to no emulator is kept nowhere.
function saved.put(self, section, key, value)
    if self and self.file then
        add(self, self.json.encode({ section, key, marked(self.json, value) }))
    end
end

function saved.remove(self, section, key)
    if self and self.file then
        add(self, self.json.encode({ section, key }))
    end
end

--- All sections are empty from here on.
function saved.clear(self)
    if self.file then
        self.lines, self.count = {}, 0
        add(self, '["*"]')
    end
end

--- Appends what was put and removed since the last time. A disk that takes nothing more is an
-- error, since then nothing may be answered; what could not be written is written before what comes
-- next, if that can be.
function saved.commit(self)
    if self.count == 0 then
        return
    end
    local text = table.concat(self.lines, "\n", 1, self.count) .. "\n" .. END
    local is_written, why = self.file:append((self.is_torn and "\n" or "") .. text)
    self.is_torn = not is_written
    if not is_written then
        error("the emulator's state cannot be saved: " .. why, 0)
    end
    self.lines, self.count = {}, 0
end

local function apply(sections, record)
    local name, key, value = record[1], record[2], record[3]
    if name == "*" then
        return {}
    end
    local section = sections[name]
    if not section then
        section = { values = {}, places = {}, last = 0 }
        sections[name] = section
    end
    if value == nil then
        section.values[key], section.places[key] = nil, nil
        return sections
    elseif section.values[key] == nil then
        section.last = section.last + 1
        section.places[key] = section.last
    end
    section.values[key] = value
    return sections
end

--- Applies what belongs together once its end is there.
local function read_all(self)
    local sections, pending = {}, {}
    for line in self.file.read, self.file do
        local record = self.json.decode(line)
        if type(record) ~= "table" then
            pending = {} -- written by half, and then once more
        elseif record[1] ~= nil then
            pending[#pending + 1] = record
        else
            for _, one in ipairs(pending) do
                sections = apply(sections, one)
            end
            pending = {}
        end
    end
    return sections
end

local function entries_of(section)
    local keys = {}
    for key in pairs(section.values) do
        keys[#keys + 1] = key
    end
    table.sort(keys, function(a, b)
        return section.places[a] < section.places[b]
    end)
    local entries = {}
    for position, key in ipairs(keys) do
        entries[position] = { key = key, value = section.values[key] }
    end
    return entries
end

local function must(is_done, why)
    if not is_done then
        error("the emulator's state cannot be saved: " .. tostring(why), 0)
    end
end

--- Everything is in the new file, and that has the old one's name, before anybody is served.
local function rewrite(self, sections)
    must(self.file:renew())
    for name, entries in pairs(sections) do
        for _, entry in ipairs(entries) do
            add(self, self.json.encode({ name, entry.key, entry.value }))
            if self.count == CHUNK_LINES then
                saved.commit(self)
            end
        end
    end
    saved.commit(self)
    must(self.file:replace())
end

--- What the file holds: {section = {{key =, value =}, … in order}}; a section that is not there
-- reads as empty. To be called once, first.
function saved.load(self)
    local loaded = setmetatable({}, { __index = function()
        return {}
    end })
    if not self.file then
        return loaded
    end
    for name, section in pairs(read_all(self)) do
        loaded[name] = entries_of(section)
    end
    rewrite(self, loaded)
    for _, entries in pairs(loaded) do
        for _, entry in ipairs(entries) do
            entry.value = unmarked(self.json, entry.value)
        end
    end
    return loaded
end

return saved
