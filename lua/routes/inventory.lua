local catalogue = require("flows.catalogue")
local db = require("souk.db")
local err = require("souk.err")
local page = require("souk.page")
local schema = require("souk.schema")
local web = require("souk.web")
local s = schema

local TAGS = { "selling" }
local stock = s.integer({ min = 0, max = 1e9, example = 12 })

local function set_stock(req, row)
    local shelf, problem = db.one("inventory/lock", row.id)
    if not shelf then
        return nil, problem
    end
    local wanted = req.body.stock
    if req.body.ifStock and req.body.ifStock ~= shelf.stock then
        return nil,
            err.stock_changed(nil, { { field = "ifStock", message = "stock is " .. shelf.stock } })
    elseif wanted < shelf.reserved then
        return nil, err.stock_below_reserved(nil, { {
            field = "stock", message = "must be at least what is reserved: " .. shelf.reserved,
        } })
    elseif wanted == shelf.stock then
        return true
    end
    return db.batch({
        { "inventory/set", row.id, wanted },
        { "inventory/record", row.id, "SET", wanted - shelf.stock, wanted, req.user.id },
    })
end

web.put("/api/products/{id}/inventory", {
    id = "products.set_stock", summary = "Say how many are in stock", tags = TAGS,
    roles = { "VENDOR" },
    description = "With ifStock only when stock is that. Every change leaves a movement.",
    params = { id = s.uuid() },
    body = s.object({ stock = stock, ifStock = s.optional(stock) }),
    answers = { [200] = s.ref("Product") },
    errors = { "stock_changed", "stock_below_reserved", "illegal_step" },
    example = { stock = 40, ifStock = 12 },
}, function(req)
    local product, problem = catalogue.change(req, function(row)
        if row.status == "ARCHIVED" then
            return nil, err.illegal_step("an archived product has no inventory")
        end
        return set_stock(req, row)
    end)
    if not product then
        return nil, problem
    end
    return web.json(product)
end)

web.get("/api/products/{id}/inventory", {
    id = "products.movements", summary = "Why stock is what it is", tags = TAGS,
    roles = { "VENDOR", "ADMIN" },
    params = { id = s.uuid() },
    query = page.query(),
    answers = { [200] = page.of(s.object({
        id = s.uuid(),
        kind = s.enum({ "INITIAL", "SET", "SOLD", "RESTOCKED" }),
        delta = s.integer({ example = -2 }),
        stockAfter = s.integer({ min = 0, example = 10 }),
        orderId = s.nullable(s.uuid()),
        createdAt = s.time(),
    })) },
}, function(req)
    local owner = req.user.role ~= "ADMIN" and req.user.vendor_id or nil
    local product, problem = db.one("product/is_owned", req.params.id, owner)
    if not product then
        return nil, problem or err.not_found()
    end
    return page.list(req, {
        query = "inventory/list", args = page.args(req.params.id), cursor = { "sort", "id" },
    })
end)
