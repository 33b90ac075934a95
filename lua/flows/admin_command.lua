--- `souk admin create --email E --password P [--name N]`: makes an administrator, or gives one that
-- exists a new password. `--password -` reads it from standard input, so that it shows in no list
-- of processes.
local crypto = require("core.crypto")
local db = require("souk.db")
local text = require("souk.text")

local USAGE = "usage: souk admin create --email E --password P|- [--name N]"

local function options_of(arguments)
    local options, at = {}, 2
    while arguments[at] do
        local name = arguments[at]:match("^%-%-(%l+)$")
        if not name or not arguments[at + 1] then
            return nil
        end
        options[name], at = arguments[at + 1], at + 2
    end
    if options.password == "-" then
        options.password = io.read("*l")
    end
    return options
end

local function refusal_of(options, email)
    if not email then
        return "--email must be an e-mail address"
    elseif not options.password or #options.password < 8 or #options.password > 72 then
        return "--password must be 8 to 72 bytes long"
    end
    return nil
end

return function(...)
    local arguments = { ... }
    local options = arguments[1] == "create" and options_of(arguments)
    if not options then
        return nil, { message = USAGE }
    end
    local email = text.formats.email.clean(options.email or "")
    local refusal = refusal_of(options, email)
    if refusal then
        return nil, { message = refusal }
    end
    local hash, problem = crypto.hash_password(options.password)
    if not hash then
        return nil, problem
    end
    local results, failure = db.batch({
        { "admin/create", crypto.uuid7(), email, hash, options.name or "Administrator" },
    })
    if not results then
        return nil, failure
    elseif not results[1][1] then
        return nil, { message = email .. " is a buyer or a vendor: use another e-mail" }
    end
    return "administrator " .. email
end
