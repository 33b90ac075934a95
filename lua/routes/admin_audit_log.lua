local page = require("souk.page")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

--- Whatever was recorded: its shape is the object's.
local anything = s.any()

web.get("/api/admin/audit-log", {
    id = "admin.audit_log", summary = "Who did what, and why", tags = { "admin" },
    roles = { "ADMIN" },
    query = page.query({
        object = s.optional(s.string({ min = 1, max = 100,
            example = "vendor:0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" })),
        action = s.optional(s.string({ min = 1, max = 100, example = "vendor.approve" })),
        actorId = s.optional(s.uuid()),
    }),
    answers = { [200] = page.of(s.object({
        id = s.uuid(),
        actor = s.nullable(s.object({ id = s.uuid(),
            email = s.nullable(s.string({ example = "root@souk.test" })) })),
        action = s.string({ example = "vendor.approve" }),
        object = s.string({ example = "vendor:0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6" }),
        before = anything,
        after = anything,
        reason = s.nullable(s.string({ example = "Papers are in order" })),
        requestId = s.nullable(s.string({ example = "0192f0c1" })),
        createdAt = s.time(),
    })) },
}, function(req)
    local query = req.query
    return page.list(req, {
        query = "audit/list", total = "audit/count",
        args = page.args(query.object, query.action, query.actorId), cursor = { "sort", "id" },
    })
end)
