--- Signing up, in and out. A login is a session: its refresh tokens form a family that ends as a
--- whole when a used one comes again, and the session's id is the jti of its access tokens, so
--- ending it ends them too.
local auth = require("souk.auth")
local conf = require("core.conf")
local crypto = require("core.crypto")
local db = require("souk.db")
local err = require("souk.err")
local text = require("souk.text")

local account = {}

local FAILURES_MAX = tonumber(conf("auth.login_failures_max") or 10)
local IP_FAILURES_MAX = tonumber(conf("auth.ip_failures_max") or 100)
local TOKEN_TTL_S = tonumber(conf("auth.token_ttl_s") or 604800)
local REFRESH_TTL_S = tonumber(conf("auth.refresh_ttl_s") or 2592000)
local REFRESH_CHARS = 43

--- The user of a row as clients see it.
function account.user_of(row)
    return {
        id = row.id, email = row.email, name = row.name, role = row.role, vendorId = row.vendor_id,
        buyerId = row.buyer_id, createdAt = row.created_at,
    }
end

--- A refresh token with the entry that stores it.
local function make_refresh(session_id)
    local token = crypto.random_base62(REFRESH_CHARS)
    return token, { "session/add_token", crypto.sha256(token), session_id, REFRESH_TTL_S }
end

local function granted(user, session_id, refresh_token)
    return {
        user = user,
        accessToken = crypto.token_issue({
            sub = user.id, role = user.role, jti = session_id, ttl_s = TOKEN_TTL_S,
        }),
        refreshToken = refresh_token,
        expiresIn = TOKEN_TTL_S,
    }
end

-- Signing up -------------------------------------------------------------------------------------

local function vendor_entry(vendor_id, user_id, name, vendor)
    local location = vendor.location or {}
    local business_name = vendor.businessName or name
    local tail = crypto.random_hex(3)
    local slug = text.slug(business_name) or ("vendor-" .. tail)
    return {
        "vendor/create", vendor_id, user_id, business_name, slug, slug .. "-" .. tail,
        vendor.description or "", location.lat or db.null, location.lng or db.null,
    }
end

--- Creates the user, the buyer or vendor, and a first session in one transaction. input: the body
--- of POST /auth/register.
function account.register(input)
    local hash, problem = crypto.hash_password(input.password)
    if not hash then
        return nil, problem
    end
    local user_id, role_id, session_id = crypto.uuid7(), crypto.uuid7(), crypto.uuid7()
    local refresh_token, refresh_entry = make_refresh(session_id)
    local is_vendor = input.role == "VENDOR"
    local results, refusal = db.batch({
        { "user/create", user_id, input.email, hash, input.name, input.role },
        is_vendor and vendor_entry(role_id, user_id, input.name, input.vendor or {})
            or { "user/create_buyer", role_id, user_id },
        { "session/create", session_id, user_id },
        refresh_entry,
    })
    if not results then
        return nil, refusal
    end
    local user = account.user_of({
        id = user_id, email = input.email, name = input.name, role = input.role,
        vendor_id = is_vendor and role_id or nil, buyer_id = not is_vendor and role_id or nil,
        created_at = results[1][1].created_at,
    })
    return granted(user, session_id, refresh_token)
end

-- Signing in -------------------------------------------------------------------------------------

local function too_many(retry_after_s)
    local refusal = err.rate_limited("too many failed logins: wait before trying again")
    refusal.retry_after = retry_after_s
    return refusal
end

--- True when this password is that of the hash; takes as long for no hash, or a password that no
--- hash can be of.
local function is_right(password, hash)
    return crypto.check_password(password, crypto.password_allowed(password) and hash or nil)
end

--- Counts an attempt on the account of that e-mail. The user's row, false when there is none; or
--- nil, err.
local function begin_attempt(email, peer)
    local results, problem = db.batch({
        { "login/attempt", "account " .. email, FAILURES_MAX },
        { "login/failures", "address " .. peer },
        { "user/by_email", email },
    })
    if not results then
        return nil, problem
    end
    local here, from_there = results[1][1], results[2][1]
    if here.failures > FAILURES_MAX then
        return nil, too_many(here.retry_after_s)
    elseif from_there and from_there.failures >= IP_FAILURES_MAX then
        return nil, too_many(from_there.retry_after_s)
    end
    return results[3][1] or false
end

--- The same answer, after the same work, whether the account exists or not.
function account.login(email, password, peer)
    local row, problem = begin_attempt(email, peer)
    if row == nil then
        return nil, problem
    end
    local is_password, busy = is_right(password, row and row.password_hash or nil)
    if is_password == nil then
        return nil, busy
    end
    if not row or not is_password or row.status ~= "ACTIVE" then
        local _, failure = db.exec("login/attempt", "address " .. peer, IP_FAILURES_MAX)
        return nil, failure or err.invalid_credentials()
    end
    local session_id = crypto.uuid7()
    local refresh_token, refresh_entry = make_refresh(session_id)
    local results, refusal = db.batch({
        { "login/forgive", "account " .. email },
        { "session/create", session_id, row.id },
        refresh_entry,
    })
    if not results then
        return nil, refusal
    end
    return granted(account.user_of(row), session_id, refresh_token)
end

--- Trades a refresh token for a new pair. One that was used before ends its whole session.
function account.refresh(token)
    local hash = crypto.sha256(token)
    local is_reused = false
    local answer, problem = db.tx(function()
        is_reused = false
        local row, failure = db.one("session/lock_token", hash)
        if not row then
            return nil, failure
                or err.unauthenticated("the refresh token is not valid: log in again")
        end
        if row.is_expired or row.is_revoked or row.status ~= "ACTIVE" then
            return nil, err.unauthenticated("the refresh token is not valid: log in again")
        end
        if row.is_used then
            is_reused = true
            return db.exec("session/revoke", row.session_id, "REUSE")
        end
        local refresh_token, refresh_entry = make_refresh(row.session_id)
        local results, refusal = db.batch({ { "session/use_token", hash }, refresh_entry })
        if not results then
            return nil, refusal
        end
        row.id = row.user_id
        return granted(account.user_of(row), row.session_id, refresh_token)
    end)
    if answer and is_reused then
        auth.changed()
        return nil, err.unauthenticated("the refresh token was used before: log in again")
    end
    return answer, problem
end

--- Ends the session that the refresh token belongs to, if it is this user's.
function account.logout(user, token)
    local count,
        problem = db.exec("session/revoke_by_token", crypto.sha256(token), user.id, "LOGOUT")
    if not count then
        return nil, problem
    end
    auth.changed()
    return true
end

--- A new password for whom knows the old one; all other sessions end.
function account.change_password(user, current, new)
    local results, problem = db.batch({
        { "login/attempt", "account " .. user.email, FAILURES_MAX },
        { "user/password_hash", user.id },
    })
    if not results then
        return nil, problem
    elseif results[1][1].failures > FAILURES_MAX then
        return nil, too_many(results[1][1].retry_after_s)
    end
    local is_password, busy = is_right(current, results[2][1].password_hash)
    if not is_password then
        return nil, busy or err.invalid_credentials("the current password is wrong")
    end
    local hash, refusal = crypto.hash_password(new)
    if not hash then
        return nil, refusal
    end
    local changed, failure = db.batch({
        { "user/set_password", user.id, hash },
        { "session/revoke_others", user.id, user.session_id or db.null, "PASSWORD" },
        { "login/forgive", "account " .. user.email },
    })
    if not changed then
        return nil, failure
    end
    auth.changed()
    return true
end

return account
