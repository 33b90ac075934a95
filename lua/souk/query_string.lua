--- The query of a URL as a table of texts: `+` is a space, percent signs are decoded, a name may
-- come once. A name without a value counts as not given.
local err = require("souk.err")
local text = require("souk.text")

local query_string = {}

local PAIRS_MAX = 100
local AMPERSAND = 38

local ENCODED = "[%%+\128-\255]"

--- Decoded text; nil when a percent sign is not followed by two hex digits, or the result is not
-- UTF-8 without NUL.
local function decode(encoded)
    if not encoded:find(ENCODED) then
        return encoded
    end
    if encoded:gsub("%%%x%x", ""):find("%", 1, true) then
        return nil
    end
    local decoded = encoded:gsub("+", " "):gsub("%%(%x%x)", function(hex)
        return string.char(tonumber(hex, 16))
    end)
    if decoded:find("\0", 1, true) or not text.is_utf8(decoded) then
        return nil
    end
    return decoded
end

--- Name and value of the pair that begins at `from`, as they were sent, and where the next begins.
-- Plain searches: a pattern costs twice as much. "" where there is nothing.
local function pair_at(raw, from)
    local to = raw:find("&", from, true) or #raw + 1
    local equals = raw:find("=", from, true)
    if not equals or equals > to then
        equals = to
    end
    return raw:sub(from, equals - 1), raw:sub(equals + 1, to - 1), to + 1
end

--- Puts one pair, decoded, into out. err when it is malformed.
local function add(out, name, value)
    if not name or not value or name == "" then
        return err.bad_request("the query string is malformed")
    elseif out[name] ~= nil then
        return err.field(text.printable(name), "is given twice")
    elseif value ~= "" then
        out[name] = value
    end
    return nil
end

--- nil, err when malformed.
function query_string.parse(raw)
    local out, count, from = {}, 0, 1
    if not raw or raw == "" then
        return out
    end
    local is_encoded = raw:find(ENCODED) ~= nil
    while from <= #raw do
        if raw:byte(from) == AMPERSAND then
            from = from + 1
        else
            local name, value, following = pair_at(raw, from)
            if is_encoded then
                name, value = decode(name), decode(value)
            end
            count = count + 1
            local problem = add(out, name, count <= PAIRS_MAX and value or nil)
            if problem then
                return nil, problem
            end
            from = following
        end
    end
    return out
end

return query_string
