local account = require("flows.account")
local auth = require("souk.auth")
local db = require("souk.db")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

local TAGS = { "users" }

web.get("/api/users/me", {
    id = "users.me", summary = "Who am I", tags = TAGS, roles = "ANY",
    answers = { [200] = s.ref("User") },
}, function(req)
    return account.user_of(req.user)
end)

web.patch("/api/users/me", {
    id = "users.change_me", summary = "Change one's name", tags = TAGS, roles = "ANY",
    body = s.object({
        name = s.optional(s.string({ min = 1, max = 200, is_line = true, example = "Ada King" })),
    }),
    answers = { [200] = s.ref("User") },
}, function(req)
    local count, problem = db.exec("user/rename", req.user.id, req.body.name)
    if not count then
        return nil, problem
    end
    auth.changed()
    local row, failure = db.one("auth/user", req.user.id, nil)
    if not row then
        return nil, failure
    end
    return account.user_of(row)
end)
