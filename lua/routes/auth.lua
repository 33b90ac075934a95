local account = require("flows.account")
local conf = require("core.conf")
local err = require("souk.err")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

local TAGS = { "auth" }
local RATE = { per_minute = tonumber(conf("auth.rate_per_minute") or 1200), by = "ip" }

schema.define("User", s.object({
    id = s.uuid(),
    email = s.string({ format = "email", max = 254 }),
    name = s.string({ max = 200, example = "Ada Lovelace" }),
    role = s.enum({ "BUYER", "VENDOR", "ADMIN" }),
    vendorId = s.optional(s.uuid()),
    buyerId = s.optional(s.uuid()),
    createdAt = s.time(),
}))

schema.define("Session", s.object({
    user = s.ref("User"),
    accessToken = s.string({ example = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2lnbmF0dXJl" }),
    refreshToken = s.string({ example = "kY3nG8w0Qx7LrT2vB9mJ5pZ1cD6fH4sA0eU8iO3tWqN" }),
    expiresIn = s.integer({ min = 1, example = 604800,
        describe = "Seconds that accessToken lives" }),
}))

local email = s.string({ format = "email", max = 254 })
local known_password = s.string({ min = 1, max = 1024, example = "correct horse" })
local new_password = s.string({
    min = 8, max = 72, example = "correct horse",
    describe = "8 to 72 bytes of UTF-8: longer is refused, never cut",
})
local refresh_token = s.string({
    min = 1, max = 200, example = "kY3nG8w0Qx7LrT2vB9mJ5pZ1cD6fH4sA0eU8iO3tWqN",
})

web.post("/api/auth/register", {
    id = "auth.register", summary = "Sign up as a buyer or a vendor", tags = TAGS, roles = false,
    description = "A vendor starts PENDING: an admin approves it.",
    rate = RATE,
    body = s.object({
        email = email,
        password = new_password,
        name = s.string({ min = 1, max = 200, is_line = true, example = "Ada Lovelace" }),
        role = s.enum({ "BUYER", "VENDOR" }),
        vendor = s.optional(s.object({
            businessName = s.string({ min = 1, max = 200, is_line = true,
                example = "Ada's Looms" }),
            description = s.optional(s.string({ max = 10000 })),
            location = s.optional(s.location()),
        })),
    }),
    answers = { [201] = s.ref("Session") },
    errors = { "email_taken", "busy" },
    example = {
        email = "ada@souk.test", password = "correct horse", name = "Ada Lovelace", role = "VENDOR",
        vendor = { businessName = "Ada's Looms", location = { lat = 51.5072, lng = -0.1276 } },
    },
}, function(req)
    if req.body.vendor and req.body.role ~= "VENDOR" then
        return nil, err.field("vendor", "is for the role VENDOR only")
    end
    local session, problem = account.register(req.body)
    if not session then
        return nil, problem
    end
    return web.created("/api/users/me", session)
end)

web.post("/api/auth/login", {
    id = "auth.login", summary = "Log in", tags = TAGS, roles = false,
    rate = RATE,
    body = s.object({ email = email, password = known_password }),
    answers = { [200] = s.ref("Session") },
    errors = { "invalid_credentials", "rate_limited", "busy" },
}, function(req)
    return account.login(req.body.email, req.body.password, req.peer)
end)

web.post("/api/auth/refresh", {
    id = "auth.refresh", summary = "Trade a refresh token for a new pair", tags = TAGS,
    roles = false,
    description = "Each refresh token works once. One that comes again ends its whole session.",
    rate = RATE,
    body = s.object({ refreshToken = refresh_token }),
    answers = { [200] = s.ref("Session") },
    errors = { "unauthenticated" },
}, function(req)
    return account.refresh(req.body.refreshToken)
end)

web.post("/api/auth/logout", {
    id = "auth.logout", summary = "Log out", tags = TAGS, roles = "ANY",
    body = s.object({ refreshToken = refresh_token }),
    answers = { [204] = true },
}, function(req)
    local is_out, problem = account.logout(req.user, req.body.refreshToken)
    if not is_out then
        return nil, problem
    end
    return web.no_content()
end)

web.post("/api/users/me/password", {
    id = "users.change_password", summary = "Change one's password", tags = { "users" },
    roles = "ANY",
    description = "All other sessions of the user end.",
    rate = RATE,
    body = s.object({ currentPassword = known_password, newPassword = new_password }),
    answers = { [204] = true },
    errors = { "invalid_credentials", "rate_limited", "busy" },
}, function(req)
    local is_changed, problem = account.change_password(
        req.user, req.body.currentPassword, req.body.newPassword)
    if not is_changed then
        return nil, problem
    end
    return web.no_content()
end)
