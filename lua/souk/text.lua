--- Small questions about text that schemas, slugs and cursors ask. Patterns here are ours and
-- linear: no text of a client is ever used as a pattern.
local crypto = require("core.crypto")
local json = require("core.json")

local text = {}

--- Whether a text is a UUID. Example: assert(not text.is_uuid("0192"))
function text.is_uuid(value)
    return crypto.is_uuid(value)
end

--- Whether a text is well-formed UTF-8. Example: assert(not text.is_utf8("\255"))
function text.is_utf8(value)
    return json.is_utf8(value)
end

--- For showing a client's own words back: no control characters, at most 100 bytes.
--- Example: assert(text.printable("a\n") == "a?")
function text.printable(value)
    return (value:sub(1, 100):gsub("[%c\128-\255]", "?"))
end

-- Formats of schema.string: {name for the document, pattern for the document, message, example,
-- cle

local function clean_email(value)
    local email = value:lower()
    local account, domain = email:match("^([%w!#$%%&'*+/=?^_`{|}~.-]+)@([%w.-]+)$")
    if not account or #email > 254 or #account > 64 or not domain:find("^%w[%w-]*%.[%w.-]*%w$")
        or (account .. "." .. domain):find("..", 1, true) or account:find("^%.")
            or account:find("%.$") then
        return nil
    end
    return email
end

local DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function days_in(year, month)
    local is_leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
    return month == 2 and is_leap and 29 or DAYS[month] or 0
end

local function clean_date(value)
    local year, month, day = value:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
    year, month, day = tonumber(year), tonumber(month), tonumber(day)
    if not year or year == 0 or day < 1 or day > days_in(year, month) then
        return nil
    end
    return value
end

local function clean_time(value)
    local date, hour, minute, second, rest =
        value:match("^(%d%d%d%d%-%d%d%-%d%d)[Tt](%d%d):(%d%d):(%d%d)(.*)$")
    if not date or not clean_date(date) or tonumber(hour) > 23 or tonumber(minute) > 59
        or tonumber(second) > 59 then
        return nil
    end
    local zone = rest:gsub("^%.%d%d?%d?%d?%d?%d?", "")
    if zone:upper() ~= "Z" then
        local zone_hour, zone_minute = zone:match("^[+-](%d%d):(%d%d)$")
        if not zone_hour or tonumber(zone_hour) > 14 or tonumber(zone_minute) > 59 then
            return nil
        end
    end
    return value
end

local function matching(pattern)
    return function(value)
        return value:find(pattern) and value or nil
    end
end

local function clean_slug(value)
    if not value:find("^[a-z0-9][a-z0-9-]*$") or value:find("--", 1, true) or value:find("-$") then
        return nil
    end
    return value
end

text.formats = {
    email = {
        name = "email", message = "must be an e-mail address", example = "ada@souk.test",
        clean = clean_email,
    },
    ["date-time"] = {
        name = "date-time", message = "must be a time such as 2026-01-27T10:30:00.000Z",
        example = "2026-01-27T10:30:00.000Z", clean = clean_time,
    },
    date = {
        name = "date", message = "must be a date such as 2026-01-27", example = "2026-01-27",
        clean = clean_date,
    },
    slug = {
        pattern = "^[a-z0-9]+(-[a-z0-9]+)*$",
        message = "must be lower-case words joined by hyphens",
        example = "ceramic-mug", clean = clean_slug,
    },
    currency = {
        pattern = "^[A-Z]{3}$", message = "must be an ISO 4217 code such as USD", example = "USD",
        clean = matching("^%u%u%u$"),
    },
    country = {
        pattern = "^[A-Z]{2}$", message = "must be an ISO 3166 code such as GB", example = "GB",
        clean = matching("^%u%u$"),
    },
}

-- Slugs -------------------------------------------------------------------------------------------

--- Latin letters with marks (U+00C0 to U+017F), by their base letters.
local BASE_LETTERS = {}
for base, letters in pairs({
    a = "ÀÁÂÃÄÅàáâãäåĀāĂăĄą", ae = "Ææ", c = "ÇçĆćĈĉĊċČč", d = "ÐðĎďĐđ", e = "ÈÉÊËèéêëĒēĔĕĖėĘęĚě",
    g = "ĜĝĞğĠġĢģ", h = "ĤĥĦħ", i = "ÌÍÎÏìíîïĨĩĪīĬĭĮįİı", j = "Ĵĵ", k = "Ķķ", l = "ĹĺĻļĽľŁł",
    n = "ÑñŃńŅņŇň", o = "ÒÓÔÕÖØòóôõöøŌōŎŏŐő", oe = "Œœ", r = "ŔŕŖŗŘř", s = "ŚśŜŝŞşŠš", ss = "ß",
    t = "ŢţŤťŦŧ", th = "Þþ", u = "ÙÚÛÜùúûüŨũŪūŬŭŮůŰűŲų", w = "Ŵŵ", y = "ÝýÿŶŷŸ", z = "ŹźŻżŽž",
}) do
    for letter in letters:gmatch("[\192-\255][\128-\191]*") do
        BASE_LETTERS[letter] = base
    end
end

local SLUG_MAX = 80

--- A slug from a name, or nil when nothing in it can be written in a-z and 0-9.
--- Example: assert(text.slug("Café au lait") == "cafe-au-lait")
function text.slug(name)
    local plain = name:gsub("[\192-\255][\128-\191]*", BASE_LETTERS):lower()
    local slug = plain:gsub("['\226\128\153]+", ""):gsub("[^a-z0-9]+", "-"):gsub("^%-+", "")
    slug = slug:sub(1, SLUG_MAX):gsub("%-+$", "")
    return slug ~= "" and slug or nil
end

-- base64url ---------------------------------------------------------------------------------------

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
local VALUES = {}
for i = 1, #DIGITS do
    VALUES[DIGITS:byte(i)] = i - 1
end

local function digit(value)
    return DIGITS:sub(value + 1, value + 1)
end

--- base64url without padding (RFC 4648, 5). Example: assert(text.base64url("souk") == "c291aw")
function text.base64url(bytes)
    local out = {}
    for i = 1, #bytes, 3 do
        local a, b, c = bytes:byte(i, i + 2)
        local word = a * 65536 + (b or 0) * 256 + (c or 0)
        out[#out + 1] = digit(math.floor(word / 262144)) .. digit(math.floor(word / 4096) % 64)
            .. (b and digit(math.floor(word / 64) % 64) or "") .. (c and digit(word % 64) or "")
    end
    return table.concat(out)
end

--- The bytes of two to four digits.
local function decode_group(encoded, i)
    local a, b, c, d = encoded:byte(i, i + 3)
    local word = VALUES[a] * 262144 + VALUES[b] * 4096 + (c and VALUES[c] or 0) * 64
        + (d and VALUES[d] or 0)
    local bytes = string.char(math.floor(word / 65536), math.floor(word / 256) % 256, word % 256)
    return bytes:sub(1, math.min(4, #encoded - i + 1) - 1)
end

--- The bytes, or nil when it is not base64url.
--- Example: assert(text.from_base64url("c291aw") == "souk")
function text.from_base64url(encoded)
    if encoded:find("[^%w_-]") or #encoded % 4 == 1 then
        return nil
    end
    local out = {}
    for i = 1, #encoded, 4 do
        out[#out + 1] = decode_group(encoded, i)
    end
    return table.concat(out)
end

return text
