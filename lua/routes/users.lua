local auth = require("souk.auth")
local db = require("souk.db")
local err = require("souk.err")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

local TAGS = { "users" }

local function me(req)
    local text, problem = db.row_json("user/detail", req.user.id)
    if not text then
        return nil, problem or err.unauthenticated()
    end
    return web.json(text)
end

web.get("/api/users/me", {
    id = "users.me", summary = "Who am I", tags = TAGS, roles = "ANY",
    answers = { [200] = s.ref("User") },
}, me)

web.patch("/api/users/me", {
    id = "users.change_me", summary = "Change one's name", tags = TAGS, roles = "ANY",
    body = s.object({
        name = s.optional(s.string({ min = 1, max = 200, is_line = true, example = "Ada King" })),
    }),
    answers = { [200] = s.ref("User") },
}, function(req)
    local _, problem = db.exec("user/rename", req.user.id, req.body.name)
    if problem then
        return nil, problem
    end
    auth.changed()
    return me(req)
end)
