--- What a buyer would like to have: a list of products, told when one of them is for sale again or
--- cheaper, and how wanted a product is.
local db = require("souk.db")
local err = require("souk.err")
local s = require("souk.schema")
local web = require("souk.web")

local PATH = "/api/plugins/wishlist/items"

local wish = s.object({
    productId = s.uuid(), name = s.string(), slug = s.string(), price = s.money(),
    priceThen = s.money(), isAvailable = s.boolean(), note = s.nullable(s.string()),
    createdAt = s.time(),
})

local function list(req)
    local text, problem = db.json("wish/list", req.user.buyer_id)
    if not text then
        return nil, problem
    end
    return { data = web.json(text) }
end

local function add(req)
    local row, problem = db.one("wish/add", req.user.buyer_id, req.body.productId, req.body.note)
    if not row then
        return nil, problem or err.not_found()
    end
    return list(req)
end

local function remove(req)
    local row, problem = db.one("wish/remove", req.user.buyer_id, req.params.productId)
    if not row then
        return nil, problem or err.not_found()
    end
    return web.no_content()
end

local function wanted(req)
    local text, problem = db.json("wish/wanted", req.user.vendor_id)
    if not text then
        return nil, problem
    end
    return { data = web.json(text) }
end

--- What was bought is not wished for any more.
local function bought(event)
    return db.exec("wish/fulfil", event.data.orderId)
end

return {
    name = "wishlist", version = "1.0.0", api = 1, title = "Wish lists",
    needs = {
        "db", "db:read:products", "db:read:product_stock", "db:read:vendors", "db:read:orders",
        "db:read:order_items", "event:order.confirmed",
    },
    on = { ["order.confirmed"] = bought },
    routes = {
        {
            id = "wishlist.list", method = "GET", path = PATH, roles = { "BUYER" },
            summary = "One's own wishes, newest first",
            answers = { [200] = s.object({ data = s.array(wish) }) }, handler = list,
        },
        {
            id = "wishlist.add", method = "POST", path = PATH, roles = { "BUYER" },
            summary = "Wish for a product; again, it keeps its place",
            body = s.object({
                productId = s.uuid(), note = s.optional(s.nullable(s.string({ max = 500 }))),
            }),
            answers = { [200] = s.object({ data = s.array(wish) }) }, errors = { "not_found" },
            handler = add,
        },
        {
            id = "wishlist.remove", method = "DELETE", path = PATH .. "/{productId}",
            roles = { "BUYER" }, summary = "Wish for it no more", params = { productId = s.uuid() },
            answers = { [204] = s.string() }, errors = { "not_found" }, handler = remove,
        },
        {
            id = "wishlist.wanted", method = "GET", path = "/api/plugins/wishlist/wanted",
            roles = { "VENDOR" }, summary = "How wanted one's own products are",
            answers = { [200] = s.object({ data = s.array(s.object({
                productId = s.uuid(), name = s.string(), wishes = s.integer({ min = 1 }),
            })) }) },
            handler = wanted,
        },
    },
}
