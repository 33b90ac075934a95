local audit = require("souk.audit")
local auth = require("souk.auth")
local db = require("souk.db")
local err = require("souk.err")
local page = require("souk.page")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

local TAGS = { "admin" }
local ADMIN = { "ADMIN" }
local reason = s.optional(s.string({ min = 1, max = 1000, example = "Asked by the user" }))

schema.define("AdminUser", s.object({
    id = s.uuid(),
    email = s.string({ format = "email", max = 254 }),
    name = s.string({ max = 200, example = "Ada Lovelace" }),
    role = s.enum({ "BUYER", "VENDOR", "ADMIN" }),
    status = s.enum({ "ACTIVE", "SUSPENDED" }),
    vendorId = s.nullable(s.uuid()),
    buyerId = s.nullable(s.uuid()),
    createdAt = s.time(),
}))

web.get("/api/admin/users", {
    id = "admin.users.list", summary = "Users", tags = TAGS, roles = ADMIN,
    query = page.query({
        role = s.optional(s.enum({ "BUYER", "VENDOR", "ADMIN" })),
        status = s.optional(s.enum({ "ACTIVE", "SUSPENDED" })),
        q = s.optional(s.string({ min = 1, max = 100, example = "ada" })),
    }),
    answers = { [200] = page.of(s.ref("AdminUser")) },
}, function(req)
    local query = req.query
    return page.list(req, {
        query = "admin/list_users", total = "admin/count_users",
        args = page.args(query.role, query.status, page.like(query.q)), cursor = { "sort", "id" },
    })
end)

local function set_status(req, wanted, action)
    return db.tx(function()
        local row, problem = db.one("user/lock", req.params.id)
        if not row then
            return nil, problem or err.not_found()
        elseif row.id == req.user.id then
            return nil, err.conflict("an admin cannot suspend or reinstate itself")
        elseif row.status == wanted then
            return nil, err.illegal_step("the user is " .. row.status .. " already")
        end
        local entries = {
            { "user/set_status", row.id, wanted },
            audit.entry({
                actor = req.user.id, action = "user." .. action, object = "user:" .. row.id,
                before = { status = row.status }, after = { status = wanted },
                reason = req.body.reason, request_id = req.id,
            }),
        }
        if wanted == "SUSPENDED" then
            entries[3] = { "session/revoke_others", row.id, db.null, "SUSPENDED" }
        end
        return db.batch(entries)
    end)
end

for action, wanted in pairs({ suspend = "SUSPENDED", reinstate = "ACTIVE" }) do
    web.post("/api/admin/users/{id}/" .. action, {
        id = "admin.users." .. action, tags = TAGS, roles = ADMIN,
        summary = action == "suspend" and "Suspend a user: its sessions end at once"
            or "Let a suspended user back in",
        params = { id = s.uuid() },
        body = s.object({ reason = reason }),
        answers = { [200] = s.ref("AdminUser") },
        errors = { "illegal_step", "conflict" },
    }, function(req)
        local is_set, problem = set_status(req, wanted, action)
        if not is_set then
            return nil, problem
        end
        auth.changed()
        local text, failure = db.row_json("admin/user", req.params.id)
        if not text then
            return nil, failure
        end
        return web.json(text)
    end)
end
