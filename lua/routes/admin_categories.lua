local audit = require("souk.audit")
local catalogue = require("flows.catalogue")
local crypto = require("core.crypto")
local db = require("souk.db")
local err = require("souk.err")
local json = require("core.json")
local schema = require("souk.schema")
local text = require("souk.text")
local web = require("souk.web")
local s = schema

local TAGS = { "admin" }
local ADMIN = { "ADMIN" }

schema.define("CategoryRecord", s.object({
    id = s.uuid(),
    parentId = s.nullable(s.uuid()),
    name = s.string({ max = 100, example = "Kitchen" }),
    slug = s.string({ format = "slug", max = 100, example = "kitchen" }),
    position = s.integer({ example = 0 }),
}))

local name = s.string({ min = 1, max = 100, is_line = true, example = "Kitchen" })
local slug = s.string({ min = 1, max = 100, format = "slug", example = "kitchen" })
local position = s.integer({ min = 0, max = 10000, example = 0 })

local function record(row)
    return {
        id = row.id, parentId = row.parent_id or json.null, name = row.name, slug = row.slug,
        position = row.position,
    }
end

local function check_parent(parent_id)
    if not parent_id then
        return true
    end
    local parent, problem = db.one("category/exists", parent_id)
    if not parent then
        return nil, problem or err.field("parentId", "is not a category")
    end
    return true
end

--- Runs change(), which gives the row after it, in a transaction with its audit record.
local function recorded(req, action, change)
    local row, problem = db.tx(function()
        local before, after, refusal = change()
        if not before and not after then
            return nil, refusal
        end
        local is_written, failure = audit.write({
            actor = req.user.id, action = "category." .. action,
            object = "category:" .. (after or before).id, request_id = req.id,
            before = before and record(before), after = after and record(after),
        })
        if not is_written then
            return nil, failure
        end
        return after or before
    end)
    if not row then
        return nil, problem
    end
    catalogue.changed("category", row.id)
    catalogue.changed("product") -- they show the names of their categories
    return record(row)
end

web.post("/api/admin/categories", {
    id = "admin.categories.create", summary = "Add a category", tags = TAGS, roles = ADMIN,
    body = s.object({
        name = name, slug = s.optional(slug), parentId = s.optional(s.nullable(s.uuid())),
        position = s.optional(position, 0),
    }),
    answers = { [201] = s.ref("CategoryRecord") },
    errors = { "slug_taken" },
    example = { name = "Kitchen", position = 0 },
}, function(req)
    local body, id = req.body, crypto.uuid7()
    local made, problem = recorded(req, "create", function()
        local is_parent, refusal = check_parent(body.parentId)
        if not is_parent then
            return nil, nil, refusal
        end
        local row, failure = db.one("category/create", id, body.parentId, body.name,
            body.slug or text.slug(body.name) or ("category-" .. crypto.random_hex(4)),
                body.position)
        return nil, row, failure
    end)
    if not made then
        return nil, problem
    end
    return web.created("/api/categories/" .. id, made)
end)

web.patch("/api/admin/categories/{id}", {
    id = "admin.categories.change", summary = "Change or move a category", tags = TAGS,
    roles = ADMIN,
    description = "parentId null makes it a root.",
    params = { id = s.uuid() },
    body = s.object({
        name = s.optional(name), slug = s.optional(slug),
        parentId = s.optional(s.nullable(s.uuid())), position = s.optional(position),
    }),
    answers = { [200] = s.ref("CategoryRecord") },
    errors = { "slug_taken" },
    example = { name = "Kitchen and Table" },
}, function(req)
    local body = req.body
    if body.parentId == req.params.id then
        return nil, err.field("parentId", "must not be the category itself or below it")
    end
    return recorded(req, "change", function()
        local before, problem = db.one("category/lock", req.params.id)
        if not before then
            return nil, nil, problem or err.not_found()
        end
        local is_parent, refusal = check_parent(body.parentId)
        if not is_parent then
            return nil, nil, refusal
        end
        local after, failure = db.one("category/change", req.params.id, body.name, body.slug,
            body.position, req.given.parentId == true, body.parentId)
        return after and before, after, failure
    end)
end)

web.delete("/api/admin/categories/{id}", {
    id = "admin.categories.remove", summary = "Remove an empty category", tags = TAGS,
    roles = ADMIN,
    params = { id = s.uuid() },
    answers = { [204] = true },
    errors = { "category_in_use" },
}, function(req)
    local removed, problem = recorded(req, "remove", function()
        local before, failure = db.one("category/lock", req.params.id)
        if not before then
            return nil, nil, failure or err.not_found()
        end
        local gone, refusal = db.one("category/remove", req.params.id)
        if not gone then
            return nil, nil, refusal or err.category_in_use()
        end
        return before, nil
    end)
    if not removed then
        return nil, problem
    end
    return web.no_content()
end)
