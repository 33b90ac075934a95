--- The query of a URL as a table of texts: `+` is a space, percent signs are decoded, a name may
-- come once. A name without a value counts as not given.
local err = require("souk.err")
local text = require("souk.text")

local query_string = {}

local PAIRS_MAX = 100

--- Decoded text; nil when a percent sign is not followed by two hex digits, or the result is not
-- UTF-8 without NUL.
local function decode(encoded)
    if not encoded:find("[%%+\128-\255]") then
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

--- nil, err when malformed.
function query_string.parse(raw)
    local out, count = {}, 0
    if not raw or raw == "" then
        return out
    end
    for pair in raw:gmatch("[^&]+") do
        local encoded_name, encoded_value = pair:match("^([^=]*)=?(.*)$")
        local name, value = decode(encoded_name), decode(encoded_value)
        count = count + 1
        if not name or not value or name == "" or count > PAIRS_MAX then
            return nil, err.bad_request("the query string is malformed")
        elseif out[name] ~= nil then
            return nil, err.field(text.printable(name), "is given twice")
        end
        if value ~= "" then
            out[name] = value
        end
    end
    return out
end

return query_string
