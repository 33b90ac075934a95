--- Access tokens made by hand, for specs that forge them.
local cjson = require("cjson")
local crypto = require("core.crypto")
local mime = require("mime")

local token = {}

--- The key of conf/test.conf.
token.KEY = "specs-know-this-key-0123456789abcdef"

local function base64url(bytes)
    return ((mime.b64(bytes) or ""):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" }))
end

local function from_hex(hex)
    return (hex:gsub("%x%x", function(pair)
        return string.char(tonumber(pair, 16))
    end))
end

--- header and claims are tables or texts; key nil leaves the signature empty.
function token.make(header, claims, key)
    local function part(value)
        return base64url(type(value) == "table" and cjson.encode(value) or value)
    end
    local signed = part(header) .. "." .. part(claims)
    local signature = key and from_hex(crypto.hmac_sha256(key, signed)) or ""
    return signed .. "." .. base64url(signature)
end

--- The claims of a person of a world, valid for an hour.
function token.claims(person, role, changes)
    local now_s = os.time()
    local claims = {
        iss = "souk", sub = person.id, role = role, iat = now_s, exp = now_s + 3600,
        jti = crypto.uuid7(),
    }
    for name, value in pairs(changes or {}) do
        claims[name] = value
    end
    return claims
end

return token
