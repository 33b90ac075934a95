--- What waits in the background, and what needs somebody.
local db = require("souk.db")
local s = require("souk.schema")
local web = require("souk.web")

local TAGS = { "admin money" }
local ROLES = { "ADMIN" }

local count = s.integer({ min = 0 })

web.get("/api/admin/jobs", {
    id = "admin_money.jobs", summary = "What waits in the background, and what needs somebody",
    tags = TAGS, roles = ROLES,
    answers = {
        [200] = s.object({
            data = s.array(s.object({
                name = s.string(), waiting = count, stuck = count,
                oldestAt = s.nullable(s.time()),
            })),
            stuck = s.array(s.object({
                kind = s.string(), id = s.string(), type = s.string(), state = s.string(),
                tries = count, problem = s.nullable(s.string()), updatedAt = s.time(),
            })),
        }),
    },
}, function()
    local results, problem = db.batch({
        { "job/report", json = true },
        { "job/stuck", json = true },
    })
    if not results then
        return nil, problem
    end
    return { data = web.json(results[1]), stuck = web.json(results[2]) }
end)
