--- Forms and query strings to nested tables: a[b][c]=v, x[0]=v, x[]=v. Keys stay text; lists are told by params.array.
local form = {}

local DEPTH_MAX = 8
local PAIRS_MAX = 1000

local function unescape(text)
    return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex)
        return string.char(tonumber(hex, 16))
    end))
end

--- "a[b][]" -> {"a", "b", ""}, or nil when the brackets do not pair.
local function segments(name)
    local first, rest = name:match("^([^%[%]]+)(.*)$")
    if not first then
        return nil
    end
    local path = { first }
    while rest ~= "" do
        local segment, after = rest:match("^%[([^%[%]]*)%](.*)$")
        if not segment then
            return nil
        end
        path[#path + 1] = segment
        rest = after
    end
    return path
end

local function count_of(values)
    local count = 0
    for _ in pairs(values) do
        count = count + 1
    end
    return count
end

local function put(values, path, value)
    for depth = 1, #path - 1 do
        local key = path[depth] ~= "" and path[depth] or tostring(count_of(values))
        if values[key] == nil then
            values[key] = {}
        elseif type(values[key]) ~= "table" then
            return false
        end
        values = values[key]
    end
    local key = path[#path] ~= "" and path[#path] or tostring(count_of(values))
    if type(values[key]) == "table" then
        return false
    end
    values[key] = value
    return true
end

--- text -> values | nil, what is wrong with it.
function form.decode(text)
    local values, count = {}, 0
    for pair in text:gmatch("[^&]+") do
        count = count + 1
        local name, value = pair:match("^([^=]*)=?(.*)$")
        local path = segments(unescape(name))
        if not path or #path > DEPTH_MAX or count > PAIRS_MAX then
            return nil, "Invalid parameter name: " .. unescape(name):sub(1, 100)
        end
        if not put(values, path, unescape(value)) then
            return nil, "Parameter given both as a value and as an object: " .. path[1]
        end
    end
    return values
end

return form
