--- souk.fetch: requests of plugins to places that somebody has named. Over https, to public
--- addresses only, whatever a name resolves to; never inside a transaction; a few at a time, since
--- Stripe is asked through the same door.
local conf = require("core.conf")
local core_fetch = require("core.fetch")
local core_db = require("core.db")
local err = require("souk.err")
local guard = require("souk.plugin.guard")

local fetch = {}

local TIMEOUT_MAX_MS = 10000
local CONNECT_MAX_MS = 3000
local ANSWER_MAX_BYTES = 65536
local BODY_MAX_BYTES = 1048576
local URL_MAX_BYTES = 2000
local RUNNING_MAX = 8

--- What says where a request ends and who is meant is ours to say.
local OWN_HEADERS = {
    host = true, connection = true, ["content-length"] = true, ["transfer-encoding"] = true,
    expect = true, upgrade = true, te = true, trailer = true,
}

local running = 0

local function is_private_fine()
    return conf("plugins.private_addresses") == "true"
end

--- Scheme, and host without brackets and port; nil when it is no such address.
local function parts_of(url)
    if type(url) ~= "string" or #url > URL_MAX_BYTES or url:find("[%s%c\\\127-\255]") then
        return nil
    end
    local scheme, authority = url:match("^(https?)://([^/?#]+)")
    if not scheme or authority:find("@", 1, true) then
        return nil
    end
    return scheme, authority:match("^%[([%x:.]+)%]$") or authority:match("^%[([%x:.]+)%]:%d+$")
        or authority:match("^([%w._-]+)$") or authority:match("^([%w._-]+):%d+$")
end

--- Whether requests may be sent there, as far as the text tells: https, no user in it, no private
--- address. What a name resolves to is looked at by each request. true; or nil, err.
--- Example: assert(fetch.check("https://example.com/hooks"))
--- assert(not fetch.check("https://10.0.0.1/"))
function fetch.check(url)
    local scheme, host = parts_of(url)
    if not host then
        return nil, err.invalid("an absolute https address without a user is needed")
    elseif is_private_fine() then
        return true
    elseif scheme ~= "https" then
        return nil, err.invalid("only https is allowed here")
    elseif core_fetch.is_public(host) == false or host:lower():find("^localhost%.?$") then
        return nil, err.invalid("the address is not a public one")
    end
    return true
end

local function check_headers(headers)
    for name in pairs(headers or {}) do
        if type(name) ~= "string" or not name:find("^[%w_-]+$") or OWN_HEADERS[name:lower()] then
            error(("souk.fetch: '%s' is no header for plugins to set"):format(tostring(name)), 4)
        end
    end
    return headers
end

--- What is handed to core.fetch. Raises for what only a mistake of the plugin's can be.
local function checked(options)
    if type(options) ~= "table" then
        error("souk.fetch: request takes a table", 3)
    elseif core_db.in_tx() then
        error("souk.fetch inside a transaction: keep what is to be sent, send it afterwards", 3)
    elseif options.body ~= nil and (type(options.body) ~= "string"
        or #options.body > BODY_MAX_BYTES) then
        error(("souk.fetch: a body is a text of at most %d bytes"):format(BODY_MAX_BYTES), 3)
    end
    local is_late, left_ms = guard.is_late()
    if is_late then
        error("the time of this call is used up", 3)
    end
    local wanted_ms = tonumber(options.timeout_ms) or TIMEOUT_MAX_MS
    local timeout_ms = math.max(1, math.min(wanted_ms, TIMEOUT_MAX_MS, left_ms or TIMEOUT_MAX_MS))
    return {
        method = options.method or "GET", url = options.url, body = options.body,
        headers = check_headers(options.headers), answer_max_bytes = ANSWER_MAX_BYTES,
        timeout_ms = timeout_ms, connect_timeout_ms = math.min(timeout_ms, CONNECT_MAX_MS),
        plain = is_private_fine(), public = not is_private_fine(),
    }
end

--- options: {method, url, headers, body, timeout_ms}. A request to somebody else: {status, body,
--- header = function(name)} whatever the status; or nil, err when there was no answer. No redirect
--- is followed; at most 10 s; bodies of 1 MiB there and 64 KiB back. Raises inside a transaction.
--- Example: local answer, problem = fetch.request({ url = "https://127.0.0.1/", timeout_ms = 500 })
--- assert(answer == nil and problem.message == "the address is not a public one")
function fetch.request(options)
    local request = checked(options)
    local is_fine, problem = fetch.check(options.url)
    if not is_fine then
        return nil, problem
    elseif running >= RUNNING_MAX then
        return nil, err.busy("too many requests of plugins are on their way")
    end
    running = running + 1
    local is_ok, answer = pcall(core_fetch.request, request)
    running = running - 1
    if not is_ok then
        error(answer, 2)
    elseif answer.outcome ~= "answered" then
        return nil, err.busy(answer.problem or answer.outcome)
    end
    return { status = answer.status, body = answer.body, header = answer.headers }
end

return fetch
