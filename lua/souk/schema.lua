--- Types of input and output. A type is a table made once, at load: `check(value)` gives the clean
-- value, or nil and the list of faults {field, message} (all of them); `text(value)` the same for
-- text of a query string or a path; `json()` its JSON Schema; `example` a value that fits. Nothing
-- is allocated while a value is in order, save a copy of what is to be changed.
local json = require("core.json")
local members = require("souk.members")
local text = require("souk.text")

local schema = {}

local INTEGER_MAX = 2 ^ 53 - 1
local AMOUNT_MAX = 1e12
local BYTES_MAX = 10000
local MARK = members.MARK
local fault, add_faults = members.fault, members.add_faults

local definitions = {}
schema.definitions = definitions

local function range_text(min, max)
    if min and max then
        return (" from %.15g to %.15g"):format(min, max)
    elseif min then
        return (" of at least %.15g"):format(min)
    elseif max then
        return (" of at most %.15g"):format(max)
    end
    return ""
end

local function make(kind, fields)
    fields.kind = kind
    fields.text = fields.text or fields.check
    return fields
end

--- Examples of compounds are made when asked for: what they are made of may be defined later in
-- the load.
local function with_example(made, example)
    return setmetatable(made, { __index = function(_, key)
        return key == "example" and example() or nil
    end })
end

local function is_within(value, options)
    return (not options.min or value >= options.min) and (not options.max or value <= options.max)
end

-- Text --------------------------------------------------------------------------------------------

local function string_json(options, format)
    return {
        type = "string",
        format = format and format.name,
        pattern = format and format.pattern,
        minLength = options.min,
        maxLength = options.max,
        description = options.describe,
    }
end

local function length_problem(value, options)
    if #value < options.min then
        return options.min == 1 and "must not be empty"
            or ("must be at least %d bytes long"):format(options.min)
    elseif #value > options.max then
        return ("must be at most %d bytes long"):format(options.max)
    end
    return nil
end

--- Why it is no text, or no line.
local function kind_problem(value)
    if type(value) ~= "string" then
        return "must be a text"
    elseif not json.is_text(value) then
        return "must be UTF-8 without NUL"
    end
    return value == "" and "must not be empty" or "must not be blank, nor hold control characters"
end

local function text_problem(value, options)
    if not json.is_text(value, options.is_line) then
        return kind_problem(value)
    end
    return length_problem(value, options)
end

local function example_text(options, format)
    return options.example or (format and format.example) or (options.max >= 4 and "text" or "t")
end

local function find_format(name)
    if not name then
        return nil
    end
    return text.formats[name] or error("unknown format " .. name, 3)
end

--- options: min, max (bytes), is_line (one visible line), format ("email", "date-time", "date",
-- "slug", "currency", "country"), example, describe.
--- Example: assert(s.string({ max = 3 }).check("abcd") == nil)
function schema.string(options)
    options = options or {}
    options.min, options.max = options.min or 0, options.max or BYTES_MAX
    local format = find_format(options.format)
    return make("string", {
        example = example_text(options, format),
        check = function(value)
            local problem = text_problem(value, options)
            if problem then
                return nil, fault(problem)
            elseif not format then
                return value
            end
            local clean = format.clean(value)
            return clean, not clean and fault(format.message) or nil
        end,
        json = function()
            return string_json(options, format)
        end,
    })
end

--- A UUID, in lower case. Example: assert(s.uuid().check("0192") == nil)
function schema.uuid()
    return make("uuid", {
        example = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6",
        check = function(value)
            if type(value) == "string" and text.is_uuid(value) then
                return value:lower()
            end
            return nil, fault("must be a UUID")
        end,
        json = function()
            return { type = "string", format = "uuid" }
        end,
    })
end

--- A time in RFC 3339. Example: assert(s.time().check("2026-01-27T10:30:00Z"))
function schema.time()
    return schema.string({ format = "date-time", max = 40 })
end

--- One of these texts. Example: assert(s.enum({ "NEW", "OLD" }).check("NEW") == "NEW")
function schema.enum(values)
    local known, message = {}, "must be one of " .. table.concat(values, ", ")
    for _, value in ipairs(values) do
        known[value] = true
    end
    return make("enum", {
        example = values[1],
        check = function(value)
            if type(value) == "string" and known[value] then
                return value
            end
            return nil, fault(message)
        end,
        json = function()
            return { type = "string", enum = json.array({ unpack(values) }) }
        end,
    })
end

-- Numbers -----------------------------------------------------------------------------------------

local function text_to_number(check, pattern, message)
    return function(value)
        if type(value) ~= "string" or not value:find(pattern) then
            return nil, fault(message)
        end
        return check(tonumber(value))
    end
end

--- A whole number, written as one: 1.0, 1e3 and "1" are refused.
--- options: min, max, example, describe. Example: assert(s.integer({ min = 1 }).check(7) == 7)
function schema.integer(options)
    options = options or {}
    local min, max = options.min or -INTEGER_MAX, options.max or INTEGER_MAX
    local message = "must be a whole number" .. range_text(options.min, options.max)
    local function check(value)
        if type(value) ~= "number" or value % 1 ~= 0 or value < min or value > max then
            return nil, fault(message)
        end
        return value
    end
    return make("integer", {
        example = options.example or math.max(min, math.min(max, 1)),
        check = check,
        text = text_to_number(check, "^%-?%d+$", message),
        json = function()
            return {
                type = "integer", format = "int64", minimum = min, maximum = max,
                description = options.describe,
            }
        end,
    })
end

--- options: min, max, above, example, describe. Example: assert(s.number().check(0.5) == 0.5)
function schema.number(options)
    options = options or {}
    local message = "must be a number" .. range_text(options.min, options.max)
    local function check(value)
        if type(value) == "table" then
            value = tonumber(value[MARK])
        end
        if type(value) ~= "number" or value ~= value or not is_within(value, options)
            or (options.above and value <= options.above) then
            return nil, fault(message)
        end
        return value
    end
    return make("number", {
        example = options.example or options.min or 1,
        check = check,
        text = text_to_number(check, "^%-?%d+%.?%d*$", message),
        json = function()
            return {
                type = "number", minimum = options.min, maximum = options.max,
                exclusiveMinimum = options.above, description = options.describe,
            }
        end,
    })
end

--- Money in minor units: 0 to 10^12. Example: assert(s.amount().check(-1) == nil)
function schema.amount()
    return schema.integer({ min = 0, max = AMOUNT_MAX, example = 1999 })
end

--- true or false. Example: assert(s.boolean().text("true") == true)
function schema.boolean()
    local message = "must be true or false"
    return make("boolean", {
        example = true,
        check = function(value)
            if type(value) ~= "boolean" then
                return nil, fault(message)
            end
            return value
        end,
        text = function(value)
            if value == "true" or value == "1" then
                return true
            elseif value == "false" or value == "0" then
                return false
            end
            return nil, fault(message)
        end,
        json = function()
            return { type = "boolean" }
        end,
    })
end

-- Compounds ---------------------------------------------------------------------------------------

--- May be missing; then it is default (a plain value), or nil.
--- Example: assert(s.object({ n = s.optional(s.integer(), 5) }).check({}).n == 5)
function schema.optional(inner, default)
    local made = make("optional", {
        inner = inner,
        default = default,
        is_optional = true,
        check = inner.check,
        text = inner.text,
        json = function()
            local out = inner.json()
            if default ~= nil and not out["$ref"] then
                out.default = default
            end
            return out
        end,
    })
    return with_example(made, function()
        return inner.example
    end)
end

--- May be JSON null, which a handler sees as nil; req.given tells it from a missing field.
--- Example: assert(s.nullable(s.integer()).check(json.null) == nil)
function schema.nullable(inner)
    local made = make("nullable", {
        inner = inner,
        is_nullable = true,
        check = function(value)
            if value == json.null then
                return nil
            end
            return inner.check(value)
        end,
        text = inner.text,
        json = function()
            local out = inner.json()
            if type(out.type) == "string" and not out.enum then
                out.type = json.array({ out.type, "null" })
                return out
            end
            return { anyOf = json.array({ out, { type = "null" } }) }
        end,
    })
    return with_example(made, function()
        return inner.example
    end)
end

local function object_json(fields, names)
    local properties, required = {}, {}
    for _, name in ipairs(names) do
        properties[name] = fields[name].json()
        if not fields[name].is_optional then
            required[#required + 1] = name
        end
    end
    return {
        type = "object",
        properties = json.object(properties),
        required = #required > 0 and json.array(required) or nil,
        additionalProperties = false,
    }
end

local function sorted_names(fields)
    local names = {}
    for name, field in pairs(fields) do
        if type(name) ~= "string" or type(field) ~= "table" or not field.check then
            error("a field of s.object is not a type: " .. tostring(name), 3)
        end
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

local function object_example(fields, names)
    local out = {}
    for _, name in ipairs(names) do
        out[name] = fields[name].example
    end
    return json.object(out)
end

--- Exactly these fields: others are faults.
--- Example: assert(s.object({ n = s.integer() }).check({ n = 1 }).n == 1)
function schema.object(fields)
    local names = sorted_names(fields)
    local made = make("object", {
        fields = fields,
        names = names,
        check = members.checker(fields, names, "check"),
        text = members.checker(fields, names, "text"),
        json = function()
            return object_json(fields, names)
        end,
    })
    return with_example(made, function()
        return object_example(fields, names)
    end)
end

--- Anything that JSON can say. Example: assert(s.any().check({ a = 1 }).a == 1)
function schema.any()
    return make("any", {
        example = json.object({ status = "ACTIVE" }),
        check = function(value)
            if value == json.null then
                return nil
            end
            return value
        end,
        json = function()
            return json.object({ description = "Any JSON" })
        end,
    })
end

--- options: min, max (how many), example. Example: assert(s.array(s.uuid()).check({}))
function schema.array(item, options)
    options = options or {}
    local made = make("array", {
        item = item,
        check = function(value)
            if type(value) ~= "table" or value[MARK]
                or (value[1] == nil and next(value) ~= nil) then
                return nil, fault("must be a list")
            end
            if not is_within(#value, options) then
                return nil,
                    fault("must be a list of" .. range_text(options.min, options.max) .. " items")
            end
            local out, faults = json.array({}), nil
            for i, member in ipairs(value) do
                local clean, found = item.check(member)
                out[i] = clean
                faults = found and add_faults(faults, tostring(i - 1), found) or faults
            end
            if faults then
                return nil, faults
            end
            return out
        end,
        json = function()
            return {
                type = "array", items = item.json(), minItems = options.min, maxItems = options.max,
            }
        end,
    })
    return with_example(made, function()
        return json.array(options.example or { item.example })
    end)
end

--- An object of a client's own keys with texts, numbers or booleans: at most max of them.
--- Example: assert(s.attributes({ max = 2 }).check({ colour = "blue" }))
function schema.attributes(options)
    local max = options.max
    local key, value_text = schema.string({ min = 1, max = 100 }), schema.string({ max = 500 })
    local function check_value(value)
        if type(value) == "boolean" then
            return value
        elseif type(value) == "string" then
            return value_text.check(value)
        end
        return schema.number().check(value)
    end
    return make("attributes", {
        example = json.object({ colour = "blue" }),
        check = function(value)
            if not members.are_in(value) then
                return nil, fault("must be an object")
            end
            local out, faults, count = {}, nil, 0
            for name, member in pairs(value) do
                count = count + 1
                local clean, found = check_value(member)
                out[name] = clean
                found = found or select(2, key.check(name))
                faults = found and add_faults(faults, text.printable(name), found) or faults
            end
            if count > max then
                faults = fault(("must have at most %d keys"):format(max))
            end
            if faults then
                return nil, faults
            end
            return json.object(out)
        end,
        json = function()
            return {
                type = "object", maxProperties = max,
                additionalProperties = {
                    type = json.array({ "string", "number", "boolean" }), maxLength = 500,
                },
            }
        end,
    })
end

-- Named types -------------------------------------------------------------------------------------

--- Names a type for the document's components. Once a name. Example: s.define("Wish", s.uuid())
function schema.define(name, defined)
    if definitions[name] then
        error("schema " .. name .. " is defined twice", 2)
    end
    definitions[name] = defined
    return schema.ref(name)
end

--- A type by name; it may be defined later in the load. Example: local type = s.ref("Later")
function schema.ref(name)
    local function target()
        return definitions[name] or error("schema " .. name .. " is not defined", 0)
    end
    local made = make("ref", {
        name = name,
        check = function(value)
            return target().check(value)
        end,
        json = function()
            return { ["$ref"] = "#/components/schemas/" .. name }
        end,
    })
    return with_example(made, function()
        return target().example
    end)
end

--- A type whose members are those of base and more. For answers of one route that say a little
-- more.
--- Example: assert(s.extend(s.money(), { note = s.string() }).fields.note)
function schema.extend(base, fields)
    local all = {}
    for name, field in pairs(base.fields) do
        all[name] = field
    end
    for name, field in pairs(fields) do
        all[name] = field
    end
    return schema.object(all)
end

--- A price, in the currency form of ISO 4217.
--- Example: assert(s.money().check({ amount = 1999, currency = "USD" }))
function schema.money()
    return schema.object({
        amount = schema.amount(),
        currency = schema.string({ format = "currency" }),
    })
end

--- Money that may be owed: balances, differences.
--- Example: assert(s.signed_money().check({ amount = -5, currency = "USD" }))
function schema.signed_money()
    return schema.object({
        amount = schema.integer({ min = -1e15, max = 1e15, example = -250 }),
        currency = schema.string({ format = "currency" }),
    })
end

--- A place on earth. Example: assert(s.location().check({ lat = 91, lng = 0 }) == nil)
function schema.location()
    return schema.object({
        lat = schema.number({ min = -90, max = 90, example = 51.5072 }),
        lng = schema.number({ min = -180, max = 180, example = -0.1276 }),
    })
end

--- What reviews say in all. Example: assert(s.rating().check({ average = 4.5, count = 2 }))
function schema.rating()
    return schema.object({
        average = schema.number({ min = 0, max = 5, example = 4.5 }),
        count = schema.integer({ min = 0, example = 12 }),
    })
end

return schema
