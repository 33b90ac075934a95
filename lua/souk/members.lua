--- The members of an object that a client sent, checked by a type each (souk.schema): all faults at
-- once, each at its place. An object of which nothing is changed is given back as it is.
local json = require("core.json")
local text = require("souk.text")

local members = {}

--- The key under which decode_marked gives a number that was not written as a whole number (1.0,
-- 1e3, 2^53).
members.MARK = "\0"

--- The list of faults that a value itself gives.
function members.fault(message)
    return { { field = "", message = message } }
end

--- Puts the faults of a member below its name.
function members.add_faults(faults, name, found)
    faults = faults or {}
    for _, one in ipairs(found) do
        local field = one.field == "" and name or (name .. "." .. one.field)
        faults[#faults + 1] = { field = field, message = one.message }
    end
    return faults
end

--- Whether it is an object: neither a list nor a number that was marked.
function members.are_in(value)
    return type(value) == "table" and value[1] == nil and value[members.MARK] == nil
        and (next(value) ~= nil or not json.is_array(value))
end

local function copy_of(value)
    local copy = {}
    for name, member in pairs(value) do
        copy[name] = member
    end
    return copy
end

local function refuse_unknown(fields, value, faults)
    for name in pairs(value) do
        if not fields[name] then
            faults = faults or {}
            faults[#faults + 1] = { field = text.printable(tostring(name)),
                message = "is not known here" }
        end
    end
    return faults
end

--- The clean value of a member, which may be missing, and its faults.
local function checked(field, member, checker)
    if member ~= nil then
        return field[checker](member)
    elseif field.is_optional then
        return field.default
    end
    return nil, members.fault("is required")
end

--- Exactly these fields, whose names are given too. checker: "check" or "text".
function members.checker(fields, names, checker)
    return function(value)
        if not members.are_in(value) then
            return nil, members.fault("must be an object")
        end
        local out, faults = value, nil
        for i = 1, #names do
            local name = names[i]
            local member = value[name]
            local clean, found = checked(fields[name], member, checker)
            if clean ~= member then
                out = out == value and copy_of(value) or out
                out[name] = clean
            end
            faults = found and members.add_faults(faults, name, found) or faults
        end
        faults = refuse_unknown(fields, value, faults)
        if faults then
            return nil, faults
        end
        return out
    end
end

return members
