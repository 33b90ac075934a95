--- Where the payment page may send a buyer back to: this machine, or an origin from the
-- configuration. Anything else is not linked, so the page cannot be made to lead a buyer astray.
local links = {}

local LOCAL_HOSTS = { ["localhost"] = true, ["127.0.0.1"] = true, ["[::1]"] = true }
local LENGTH_MAX = 2000

--- "http://Host:80/path" -> "http", "host:80", "host"; nil for what is not a plain http or https
-- address.
local function parts(url)
    if #url > LENGTH_MAX or url:find("[%c%s\\\"'<>]") then
        return nil
    end
    local scheme, authority = url:match("^(https?)://([^/?#]+)")
    if not scheme or authority:find("@", 1, true) then
        return nil
    end
    authority = authority:lower()
    return scheme, authority, authority:match("^(%[[%x:.]+%])") or authority:match("^([^:]+)")
end

--- allowed: addresses whose origins are fine too. The url itself, or nil.
function links.back(url, allowed)
    local scheme, authority, host = parts(url or "")
    if not scheme then
        return nil
    elseif LOCAL_HOSTS[host] then
        return url
    end
    for _, known in ipairs(allowed) do
        local known_scheme, known_authority = parts(known)
        if scheme == known_scheme and authority == known_authority then
            return url
        end
    end
end

--- The address with what Stripe adds to it on the way back.
function links.with_result(url, intent)
    local base, fragment = url:match("^([^#]*)(.*)$")
    local joint = base:find("?", 1, true) and "&" or "?"
    local result = intent.status == "succeeded" and "succeeded" or "pending"
    return ("%s%spayment_intent=%s&redirect_status=%s%s"):format(base, joint, intent.id, result,
        fragment)
end

function links.escape(text)
    return (text:gsub("[^%w%-._~]", function(char)
        return ("%%%02X"):format(char:byte())
    end))
end

return links
