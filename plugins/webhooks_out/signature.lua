--- Signatures as Standard Webhooks has them (standardwebhooks.com), so that its libraries check
--- them. Secrets are kept nowhere: they follow from the server's key, the endpoint and a number
--- that a new one raises.
local crypto = require("souk.crypto")
local text = require("souk.text")

local signature = {}

local function bytes_of(hex)
    return (hex:gsub("%x%x", function(digits)
        return string.char(tonumber(digits, 16))
    end))
end

local function base64(bytes)
    local encoded = text.base64url(bytes):gsub("%-", "+"):gsub("_", "/")
    return encoded .. ("="):rep(-#encoded % 4)
end

local function key_of(endpoint_id, number)
    return bytes_of(crypto.derive(("endpoint %s %d"):format(endpoint_id, number)))
end

--- The secret as its receiver is told.
function signature.secret(endpoint_id, number)
    return "whsec_" .. base64(key_of(endpoint_id, number))
end

--- The value of webhook-signature. Two of them while a new secret takes over from the one before.
function signature.of(row, at_s)
    local signed = ("%s.%d.%s"):format(row.message_id, at_s, row.body)
    local parts = {}
    for number = row.secret_number, row.secret_number - (row.has_previous and 1 or 0), -1 do
        local mac = crypto.hmac_sha256(key_of(row.endpoint_id, number), signed)
        parts[#parts + 1] = "v1," .. base64(bytes_of(mac))
    end
    return table.concat(parts, " ")
end

return signature
