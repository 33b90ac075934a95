--- A buyer's cart: what they mean to buy, at the price of the moment. It reserves nothing.
local conf = require("core.conf")
local json = require("core.json")
local db = require("souk.db")
local err = require("souk.err")
local money = require("souk.money")
local s = require("souk.schema")
local web = require("souk.web")
local sold_out = require("flows.sold_out")

local TAGS = { "cart" }
local QUANTITY_MAX = 999

local cart_item = s.define("CartItem", s.object({
    id = s.uuid(),
    productId = s.uuid(),
    product = s.object({
        name = s.string(), slug = s.string(), price = s.money(), image = s.nullable(s.string()),
    }),
    quantity = s.integer({ min = 1, max = QUANTITY_MAX }),
    unitPrice = s.money(),
    lineTotal = s.money(),
    available = s.integer({ min = 0, example = 12 }),
    problem = s.optional(s.enum({ "unavailable", "insufficient_stock", "price_changed" })),
}))

s.define("Cart", s.object({
    id = s.uuid(),
    groups = s.array(s.object({
        vendorId = s.uuid(),
        vendor = s.object({ id = s.uuid(), businessName = s.string(), slug = s.string() }),
        items = s.array(cart_item),
        subtotal = s.money(),
    })),
    subtotal = s.money(),
    itemCount = s.integer({ min = 0, example = 1 }),
    updatedAt = s.nullable(s.time()),
}))

local CART = s.ref("Cart")

local function problem_of(row)
    if not row.is_sellable then
        return "unavailable"
    elseif row.available < row.quantity then
        return "insufficient_stock"
    elseif row.price_minor ~= row.seen_price_minor then
        return "price_changed"
    end
    return nil
end

local function item_of(row)
    local price = money.of(row.price_minor, row.currency)
    return {
        id = row.id,
        productId = row.product_id,
        product = {
            name = row.name, slug = row.slug, price = price, image = row.image or json.null,
        },
        quantity = row.quantity,
        unitPrice = price,
        lineTotal = money.of(row.price_minor * row.quantity, row.currency),
        available = row.is_sellable and math.max(row.available, 0) or 0,
        problem = problem_of(row),
    }
end

local function group_of(row)
    return {
        vendorId = row.vendor_id,
        vendor = { id = row.vendor_id, businessName = row.business_name, slug = row.vendor_slug },
        items = json.array({}),
        subtotal = money.of(0, row.currency),
    }
end

--- A cart has its buyer's id, so that it can be named before it has a row.
local function cart_of(buyer_id, rows)
    local groups, by_vendor, total, count = json.array({}), {}, 0, 0
    for _, row in ipairs(rows) do
        local group = by_vendor[row.vendor_id]
        if not group then
            group = group_of(row)
            by_vendor[row.vendor_id] = group
            groups[#groups + 1] = group
        end
        local item = item_of(row)
        group.items[#group.items + 1] = item
        group.subtotal.amount = group.subtotal.amount + item.lineTotal.amount
        total, count = total + item.lineTotal.amount, count + row.quantity
    end
    return {
        id = buyer_id,
        groups = groups,
        subtotal = money.of(total, rows[1] and rows[1].currency or conf("currency")),
        itemCount = count,
        updatedAt = rows[1] and rows[1].updated_at or json.null,
    }
end

--- Changes a line and reads the cart again: one round trip.
local function put(buyer_id, product_id, item_id, quantity)
    local results, problem = db.batch({
        { "cart/put", buyer_id, product_id or json.null, item_id or json.null, quantity },
        { "cart/lines", buyer_id },
    })
    if not results then
        return nil, problem
    end
    sold_out.cart_changed(buyer_id)
    return cart_of(buyer_id, results[2])
end

web.get("/api/cart", {
    id = "cart.get", summary = "The cart, grouped by vendor, at the prices of now", tags = TAGS,
    roles = { "BUYER" },
    answers = { [200] = CART },
}, function(req)
    local since = sold_out.now()
    local rows, problem = db.query("cart/lines", req.user.buyer_id)
    if not rows then
        return nil, problem
    end
    sold_out.seen(req.user.buyer_id, since, rows)
    return cart_of(req.user.buyer_id, rows)
end)

web.post("/api/cart/items", {
    id = "cart.add", summary = "Put a product in the cart; adds to its line", tags = TAGS,
    roles = { "BUYER" }, idempotent = "transaction",
    body = s.object({
        productId = s.uuid(), quantity = s.integer({ min = 1, max = QUANTITY_MAX }),
    }),
    answers = { [201] = CART },
    errors = { "not_found", "cart_stock", "conflict" },
    example = { productId = "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6", quantity = 1 },
}, function(req)
    local cart, problem = put(req.user.buyer_id, req.body.productId, nil, req.body.quantity)
    if not cart then
        return nil, problem
    end
    return web.created("/api/cart", cart)
end)

web.patch("/api/cart/items/{id}", {
    id = "cart.change", summary = "Change how many of a line", tags = TAGS, roles = { "BUYER" },
    params = { id = s.uuid() },
    body = s.object({ quantity = s.integer({ min = 1, max = QUANTITY_MAX }) }),
    answers = { [200] = CART },
    errors = { "not_found", "cart_stock", "conflict" },
    example = { quantity = 2 },
}, function(req)
    return put(req.user.buyer_id, nil, req.params.id, req.body.quantity)
end)

web.delete("/api/cart/items/{id}", {
    id = "cart.remove", summary = "Take a line out of the cart", tags = TAGS, roles = { "BUYER" },
    params = { id = s.uuid() },
    answers = { [200] = CART },
    errors = { "not_found" },
}, function(req)
    local results, problem = db.batch({
        { "cart/remove", req.user.buyer_id, req.params.id },
        { "cart/lines", req.user.buyer_id },
    })
    if not results then
        return nil, problem
    elseif #results[1] == 0 then
        return nil, err.not_found()
    end
    sold_out.cart_changed(req.user.buyer_id)
    return cart_of(req.user.buyer_id, results[2])
end)

web.delete("/api/cart", {
    id = "cart.clear", summary = "Empty the cart", tags = TAGS, roles = { "BUYER" },
    answers = { [204] = true },
}, function(req)
    local count, problem = db.exec("cart/clear", req.user.buyer_id)
    if not count then
        return nil, problem
    end
    sold_out.cart_changed(req.user.buyer_id)
    return web.no_content()
end)
