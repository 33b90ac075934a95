--- Who is asking. The order of checks is fixed: token present, signature, expiry, user exists and
-- is active, session not ended, role. Users are cached a worker by the serials of their verified
-- tokens for at most USER_TTL_US, never beyond a token's end, and dropped at once when the shared
-- "auth" counter moves (a suspension, a changed role or password, a logout).
local clock = require("core.clock")
local crypto = require("core.crypto")
local db = require("souk.db")
local err = require("souk.err")
local shared = require("core.shared")

local auth = {}

local USER_TTL_US = 5e6
local USERS_MAX = 10000

local users, user_count, users_epoch = {}, 0, -1

local function forget_users(epoch)
    users, user_count, users_epoch = {}, 0, epoch
end

local function remember(key, user)
    if user_count >= USERS_MAX then
        forget_users(users_epoch)
    end
    if not users[key] then
        user_count = user_count + 1
    end
    users[key] = { user = user, at_us = clock.monotonic_us() }
end

local function read_user(id, session_id)
    local row, problem = db.one("auth/user", id, session_id)
    if not row then
        return nil, problem or err.unauthenticated()
    end
    if row.status ~= "ACTIVE" or row.is_session_over then
        return nil, err.unauthenticated()
    end
    return {
        id = row.id,
        role = row.role,
        email = row.email,
        name = row.name,
        buyer_id = row.buyer_id,
        vendor_id = row.vendor_id,
        vendor_status = row.vendor_status,
        session_id = session_id,
        created_at = row.created_at,
    }
end

--- serial: of the token that names them, which may be 0.
local function user_of(id, session_id, serial, epoch)
    local user, problem = read_user(id, session_id)
    if not user then
        return nil, problem
    end
    if serial > 0 and users_epoch == epoch and shared.read("auth") == epoch then
        remember(serial, user)
    end
    return user
end

--- The user of a token that was verified before: as read a moment ago, or read again.
local function known_user(known, serial, epoch)
    if clock.monotonic_us() - known.at_us < USER_TTL_US then
        return known.user
    end
    return user_of(known.user.id, known.user.session_id, serial, epoch)
end

local function new_user(header, epoch)
    local token = header and header:match("^[Bb]earer +([%w%._-]+)$")
    if not token then
        return nil, err.unauthenticated()
    end
    local claims, problem = crypto.token_verify(token)
    if not claims then
        return nil, problem
    end
    if not crypto.is_uuid(claims.sub) then
        return nil, err.unauthenticated()
    end
    return user_of(claims.sub, crypto.is_uuid(claims.jti) and claims.jti or nil, claims.serial,
        epoch)
end

--- The user of an Authorization header, or nil, err. given: the header, or the serial of its token
--- when that was verified before (core/bridge/serve.c); then req has the header.
function auth.user(given, req)
    local epoch = shared.read("auth")
    if epoch ~= users_epoch then
        forget_users(epoch)
    end
    if type(given) ~= "number" then
        return new_user(given, epoch)
    end
    local known = users[given]
    if known then
        return known_user(known, given, epoch)
    end
    return new_user(req:header("Authorization"), epoch)
end

--- Users of all workers are read again: call after the commit of what changed one.
function auth.changed()
    shared.bump("auth")
end

return auth
