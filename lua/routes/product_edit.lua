local catalogue = require("flows.catalogue")
local conf = require("core.conf")
local crypto = require("core.crypto")
local db = require("souk.db")
local err = require("souk.err")
local json = require("core.json")
local schema = require("souk.schema")
local text = require("souk.text")
local web = require("souk.web")
local s = schema

local TAGS = { "selling" }
local CURRENCY = conf("currency") or "USD"
local OWNERS = { "VENDOR", "ADMIN" }

local name = s.string({ min = 1, max = 200, is_line = true, example = "Ceramic Mug" })
local slug = s.string({ min = 1, max = 100, format = "slug" })
local description = s.string({ max = 20000, example = "Thrown by hand." })
local stock = s.integer({ min = 0, max = 1e9, example = 12 })
local category_ids = s.array(s.uuid(), { max = 20 })
local attributes = s.attributes({ max = 50 })

local function check_currency(price)
    if price and price.currency ~= CURRENCY then
        return nil, err.field("price.currency", "must be " .. CURRENCY)
    end
    return true
end

local function slug_of(body)
    return body.slug or text.slug(body.name) or ("product-" .. crypto.random_hex(6))
end

--- The statements of a PATCH: what is null stays.
local function change_entries(product_id, body)
    local entries = { {
        "product/change", product_id, body.name or db.null, body.slug or db.null,
        body.description or db.null, body.attributes and json.encode(body.attributes) or db.null,
        body.price and body.price.amount or db.null,
    } }
    if body.categoryIds then
        entries[2] = { "category/require", db.array(body.categoryIds) }
        entries[3] = { "product/file", product_id, db.array(body.categoryIds) }
    end
    return entries
end

--- The statements that make a product, and what plugins say of it: their results; or nil, err.
local function create(req, id, entries)
    return db.tx(function()
        local results, problem = db.batch(entries)
        if not results then
            return nil, problem
        end
        local is_fine, refusal = catalogue.ask_plugins(req, id, "create")
        return is_fine and results, refusal
    end)
end

web.post("/api/products", {
    id = "products.create", summary = "Add a product, as a draft", tags = TAGS,
    roles = { "VENDOR" },
    idempotent = "transaction",
    body = s.object({
        name = name,
        slug = s.optional(slug),
        description = s.optional(description, ""),
        price = s.money(),
        stock = stock,
        categoryIds = s.optional(category_ids),
        attributes = s.optional(attributes),
    }),
    answers = { [201] = s.ref("Product") },
    errors = { "product_name_taken", "plugin_refused", "plugin_failed" },
    example = {
        name = "Ceramic Mug", description = "Thrown by hand.", stock = 12,
        price = { amount = 1999, currency = "USD" },
    },
}, function(req)
    local body, id = req.body, crypto.uuid7()
    local is_known, refusal = check_currency(body.price)
    if not is_known then
        return nil, refusal
    end
    local categories = db.array(body.categoryIds or {})
    local results, problem = create(req, id, {
        { "category/require", categories },
        {
            "product/create", id, req.user.vendor_id, body.name, slug_of(body), body.description,
            json.encode(json.object(body.attributes or {})), body.price.amount, body.price.currency,
            body.stock, categories, req.user.id,
        },
        { "product/full", id, db.null, json = true },
    })
    if not results then
        return nil, problem
    end
    return catalogue.reply(201, results[3]:sub(2, -2), { Location = "/api/products/" .. id })
end)

web.patch("/api/products/{id}", {
    id = "products.change", summary = "Change a product", tags = TAGS, roles = OWNERS,
    params = { id = s.uuid() },
    body = s.object({
        name = s.optional(name),
        slug = s.optional(slug),
        description = s.optional(description),
        price = s.optional(s.money()),
        categoryIds = s.optional(category_ids),
        attributes = s.optional(attributes),
    }),
    answers = { [200] = s.ref("Product") },
    errors = { "product_name_taken", "precondition_failed", "illegal_step", "plugin_refused",
        "plugin_failed" },
    example = { price = { amount = 1799, currency = "USD" } },
}, function(req)
    local is_known, refusal = check_currency(req.body.price)
    if not is_known then
        return nil, refusal
    end
    local product, problem = catalogue.change(req, function(row)
        if row.status == "ARCHIVED" then
            return nil, err.illegal_step("an archived product cannot be changed")
        end
        return db.batch(change_entries(row.id, req.body))
    end, "change")
    if not product then
        return nil, problem
    end
    return catalogue.reply(200, product)
end)

web.delete("/api/products/{id}", {
    id = "products.remove", summary = "Take a product out of the catalogue for good",
    tags = TAGS, roles = OWNERS,
    description = "It is archived: orders keep what they say of it. Its name and slug are free "
        .. "again.",
    params = { id = s.uuid() },
    answers = { [204] = true },
    errors = { "precondition_failed" },
}, function(req)
    local product, problem = catalogue.change(req, function(row)
        return row.status == "ARCHIVED" or catalogue.step(row, "archive")
    end)
    if not product then
        return nil, problem
    end
    return web.no_content()
end)

for _, step in ipairs({
    { "publish", "Put a product on sale" },
    { "unpublish", "Take a product off sale" },
    { "archive", "Take a product out of the catalogue for good" },
}) do
    web.post("/api/products/{id}/" .. step[1], {
        id = "products." .. step[1], summary = step[2], tags = TAGS, roles = OWNERS,
        params = { id = s.uuid() },
        answers = { [200] = s.ref("Product") },
        errors = { "illegal_step", "precondition_failed", "plugin_refused", "plugin_failed" },
    }, function(req)
        local product, problem = catalogue.change(req, function(row)
            return catalogue.step(row, step[1])
        end, step[1] == "publish" and "publish" or nil)
        if not product then
            return nil, problem
        end
        return catalogue.reply(200, product)
    end)
end
