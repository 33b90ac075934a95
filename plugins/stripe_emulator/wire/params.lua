--- Parameters of operations, declared as data and checked before anything runs: unknown ones,
-- missing ones and wrong types answer as Stripe does. A declaration is {kind=, required=, unset=,
-- …}; specs compare it with Stripe's OpenAPI document. unset: an empty string is allowed and
-- means "clear this" (the value is params.UNSET).
local currencies = require("stripe_emulator.money.currencies")
local errors = require("stripe_emulator.wire.errors")

local params = {}

local METADATA_KEYS_MAX = 50
local METADATA_KEY_MAX = 40
local METADATA_VALUE_MAX = 500
local TEXT_MAX = 5000
local INTEGER_DIGITS_MAX = 15

params.UNSET = setmetatable({}, { __tostring = function() return "unset" end })

local function declare(kind, options)
    options = options or {}
    options.kind = kind
    return options
end

--- options: required, unset, max (bytes).
function params.text(options)
    return declare("text", options)
end

function params.integer(options)
    return declare("integer", options)
end

function params.boolean(options)
    return declare("boolean", options)
end

function params.email(options)
    return declare("email", options)
end

function params.url(options)
    return declare("url", options)
end

function params.currency(options)
    return declare("currency", options)
end

function params.enum(values, options)
    options = declare("enum", options)
    options.values = values
    return options
end

function params.hash(fields, options)
    options = declare("hash", options)
    options.fields = fields
    return options
end

function params.array(item, options)
    options = declare("array", options)
    options.item = item
    return options
end

function params.metadata(options)
    return declare("metadata", options)
end

function params.expand()
    return params.array(params.text())
end

--- A time, or bounds of one: created=1 or created[gte]=1.
function params.range()
    return declare("range", {
        fields = {
            gt = params.integer(),
            gte = params.integer(),
            lt = params.integer(),
            lte = params.integer(),
        },
    })
end

--- Stripe knows it, the emulator does not: refused with a code of our own rather than ignored.
function params.unsupported()
    return declare("unsupported")
end

local CHECKS = {}

local function check_one(declared, value, path)
    if value == "" and declared.kind ~= "unsupported" then
        if declared.unset then
            return params.UNSET
        end
        return nil, errors.invalid(path, "parameter_invalid_empty",
            ("You passed an empty string for '%s'. We assume empty values are an attempt to "
            .. "unset a parameter; however '%s' cannot be unset. You should remove '%s' from "
            .. "your request or supply a non-empty value."):format(path,
            path, path))
    end
    return CHECKS[declared.kind](value, path, declared)
end

--- Members that the decoder numbered from 1 were numbered from 0 by the client.
local function name_of(key)
    return type(key) == "number" and tostring(key - 1) or key
end

local function inner(path, key)
    if path == "" then
        return name_of(key)
    end
    return path .. "[" .. name_of(key) .. "]"
end

local function sorted_keys(values)
    local keys = {}
    for key in pairs(values) do
        keys[#keys + 1] = key
    end
    table.sort(keys, function(a, b)
        return tostring(a) < tostring(b)
    end)
    return keys
end

local function unknown(fields, values, path)
    local names = {}
    for _, key in ipairs(sorted_keys(values)) do
        if fields[key] == nil then
            names[#names + 1] = inner(path, key)
        end
    end
    if #names == 0 then
        return nil
    end
    local plural = #names > 1 and "s" or ""
    return errors.invalid(names[1], "parameter_unknown",
        ("Received unknown parameter%s: %s"):format(plural, table.concat(names, ", ")))
end

--- Checks values (decoded form or query) against fields. Gives a new table, or nil and the first
-- fault.
function params.check(fields, values, path)
    path = path or ""
    local fault = unknown(fields, values, path)
    if fault then
        return nil, fault
    end
    local out = {}
    for _, name in ipairs(sorted_keys(fields)) do
        local declared, value = fields[name], values[name]
        if value ~= nil then
            local checked, wrong = check_one(declared, value, inner(path, name))
            if wrong then
                return nil, wrong
            end
            out[name] = checked
        elseif declared.required then
            local full = inner(path, name)
            return nil, errors.invalid(full, "parameter_missing", ("Missing required param: %s.")
                :format(full))
        end
    end
    return out
end

function CHECKS.text(value, path, declared)
    if type(value) ~= "string" then
        return nil, errors.invalid(path, nil, "Invalid string: " .. path .. " is not a string")
    end
    local max = declared.max or TEXT_MAX
    if #value > max then
        return nil, errors.invalid(path, nil, ("Invalid string: %s…%s; must be at most %d "
            .. "characters")
            :format(value:sub(1, 10), value:sub(-4), max))
    end
    return value
end

function CHECKS.integer(value, path, declared)
    local is_whole = type(value) == "string" and value:match("^%-?%d+$")
    if not is_whole or #value > INTEGER_DIGITS_MAX then
        local shown = type(value) == "string" and value or "object"
        return nil, errors.invalid(path, "parameter_invalid_integer", "Invalid integer: " .. shown)
    end
    local number = tonumber(value)
    if declared.min and number < declared.min then
        return nil, errors.invalid(path, "parameter_invalid_integer",
            ("This value must be greater than or equal to %d."):format(declared.min))
    end
    if declared.max and number > declared.max then
        return nil, errors.invalid(path, "parameter_invalid_integer",
            ("This value must be less than or equal to %d."):format(declared.max))
    end
    return number
end

function CHECKS.boolean(value, path)
    if value == "true" or value == "false" then
        return value == "true"
    end
    return nil, errors.invalid(path, nil, "Invalid boolean: " .. tostring(value))
end

function CHECKS.email(value, path)
    if type(value) == "string" and #value <= 800 and value:match("^[^%s@]+@[^%s@]+$") then
        return value
    end
    return nil, errors.invalid(path, "email_invalid", "Invalid email address: " .. tostring(value))
end

function CHECKS.url(value, path)
    if type(value) == "string" and #value <= TEXT_MAX
        and value:match("^https?://[^%s/?#]+[^%s]*$") then
        return value
    end
    return nil, errors.invalid(path, "url_invalid", "Not a valid URL")
end

function CHECKS.currency(value, path)
    local code = type(value) == "string" and value:lower() or ""
    if currencies.find(code) then
        return code
    end
    return nil, errors.invalid(path, nil, ("Invalid currency: %s. Stripe currently supports "
        .. "these currencies: %s")
        :format(tostring(value), currencies.names()))
end

function CHECKS.enum(value, path, declared)
    for _, allowed in ipairs(declared.values) do
        if value == allowed then
            return value
        end
    end
    local values = declared.values
    local last = values[#values]
    local list = #values > 1 and table.concat(values, ", ", 1, #values - 1) .. ", or " .. last
        or last
    return nil, errors.invalid(path, nil, ("Invalid %s: must be one of %s"):format(path, list))
end

function CHECKS.hash(value, path, declared)
    if type(value) ~= "table" then
        return nil, errors.invalid(path, nil, "Invalid object")
    end
    return params.check(declared.fields, value, path)
end

--- Lists arrive as x[0]=, x[1]= or x[]=; numbers with gaps come as names, and the gaps close up.
function CHECKS.array(value, path, declared)
    if type(value) ~= "table" then
        return nil, errors.invalid(path, nil, "Invalid array")
    end
    local indexes = {}
    for key in pairs(value) do
        local index = tonumber(key)
        if not index then
            return nil, errors.invalid(path, nil, "Invalid array")
        end
        indexes[#indexes + 1] = { at = index, key = key }
    end
    table.sort(indexes, function(a, b)
        return a.at < b.at
    end)
    local out = {}
    for position, index in ipairs(indexes) do
        local name = inner(path, tostring(position - 1))
        local checked, wrong = check_one(declared.item, value[index.key], name)
        if wrong then
            return nil, wrong
        end
        out[position] = checked
    end
    return out
end

function CHECKS.range(value, path, declared)
    if type(value) == "table" then
        return params.check(declared.fields, value, path)
    end
    local at, wrong = CHECKS.integer(value, path, {})
    if wrong then
        return nil, wrong
    end
    return { gte = at, lte = at }
end

--- An empty value removes that key, so values may be empty here.
function CHECKS.metadata(value, path)
    if type(value) ~= "table" then
        return nil, errors.invalid(path, nil, "Invalid object")
    end
    local out, count = {}, 0
    for key, text in pairs(value) do
        key = name_of(key)
        count = count + 1
        if type(text) ~= "string" then
            return nil, errors.invalid(inner(path, key), nil,
                "Invalid string: metadata values are strings")
        end
        if #key > METADATA_KEY_MAX then
            return nil, errors.invalid(path, nil, ("Metadata keys can be at most %d characters; "
                .. "you passed in a key of %d characters."):format(METADATA_KEY_MAX, #key))
        end
        if #text > METADATA_VALUE_MAX then
            return nil, errors.invalid(inner(path, key), nil,
                ("Metadata values can have up to %d characters, but "
                .. "you passed in a value that is %d characters."):format(METADATA_VALUE_MAX,
                #text))
        end
        out[key] = text
    end
    if count > METADATA_KEYS_MAX then
        return nil, errors.invalid(path, nil, ("Metadata can have up to %d keys.")
            :format(METADATA_KEYS_MAX))
    end
    return out
end

function CHECKS.unsupported(_value, path)
    return nil, errors.invalid(path, "unsupported_by_emulator",
        ("Stripe knows the parameter %s, this emulator does not."):format(path))
end

return params
