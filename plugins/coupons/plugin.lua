--- Codes that make an order cheaper: percent or a fixed amount, for everything, a category or a
--- vendor, borne by the vendor or by the platform, with limits in all and per buyer. A use counts
--- while its order lives: a cancelled or expired order gives its use back by that alone.
local db = require("souk.db")
local err = require("souk.err")
local money = require("souk.money")
local s = require("souk.schema")
local web = require("souk.web")

local PATH = "/api/plugins/coupons/codes"

local fields = {
    code = s.string({ min = 3, max = 50, is_line = true, example = "SPRING10" }),
    percentBps = s.optional(s.nullable(s.integer({ min = 1, max = 10000, example = 1000 }))),
    amount = s.optional(s.nullable(s.money())),
    bearer = s.optional(s.enum({ "VENDOR", "PLATFORM" }), "PLATFORM"),
    category = s.optional(s.nullable(s.string({ min = 1, max = 100 }))),
    vendorId = s.optional(s.nullable(s.uuid())),
    minimum = s.optional(s.integer({ min = 0 }), 0),
    limit = s.optional(s.nullable(s.integer({ min = 1 }))),
    limitPerBuyer = s.optional(s.nullable(s.integer({ min = 1 }))),
    startsAt = s.optional(s.nullable(s.time())),
    endsAt = s.optional(s.nullable(s.time())),
}

local answer = s.object({
    id = s.uuid(), code = fields.code, percentBps = s.nullable(s.integer()),
    amount = s.nullable(s.money()), bearer = s.enum({ "VENDOR", "PLATFORM" }),
    category = s.nullable(s.string()), vendorId = s.nullable(s.uuid()),
    minimum = s.integer(), limit = s.nullable(s.integer()),
    limitPerBuyer = s.nullable(s.integer()), startsAt = s.nullable(s.time()),
    endsAt = s.nullable(s.time()), isActive = s.boolean(), uses = s.integer({ min = 0 }),
    createdAt = s.time(),
})

local REFUSALS = {
    unknown = "this code is not known",
    off = "this code is not valid now",
    used_up = "this code has been used up",
    used_by_buyer = "you have used this code as often as it may be",
    currency = "this code is for another currency",
}

--- What speaks against a code for a buyer, as a word of REFUSALS; nil when nothing does.
local function against(coupon, currency)
    if not coupon then
        return "unknown"
    elseif not coupon.is_valid then
        return "off"
    elseif coupon.currency and coupon.currency ~= currency then
        return "currency"
    elseif coupon.limit_total and coupon.uses >= coupon.limit_total then
        return "used_up"
    elseif coupon.limit_per_buyer and coupon.uses_of_buyer >= coupon.limit_per_buyer then
        return "used_by_buyer"
    end
    return nil
end

local function is_for(coupon, line)
    if coupon.vendor_id and coupon.vendor_id ~= line.vendorId then
        return false
    elseif not coupon.category then
        return true
    end
    for _, category in ipairs(line.categories) do
        if category == coupon.category then
            return true
        end
    end
    return false
end

--- What the code takes off each line that it is for: a list of discounts.
local function discounts_of(coupon, cart)
    local lines, totals, sum = {}, {}, 0
    for _, line in ipairs(cart.lines) do
        if is_for(coupon, line) then
            lines[#lines + 1], totals[#totals + 1] = line, line.total
            sum = sum + line.total
        end
    end
    local wanted = coupon.percent_bps and money.bps(sum, coupon.percent_bps) or coupon.amount_minor
    local parts, list = money.split(math.min(wanted, sum), totals), {}
    for i, line in ipairs(lines) do
        list[i] = {
            name = coupon.code, amount = parts[i], productId = line.productId,
            bearer = coupon.bearer,
        }
    end
    return list
end

local function price(cart)
    if not cart.code then
        return {}
    end
    local coupon, problem = db.one("coupon/look", cart.code, cart.buyerId)
    if problem then
        return nil, problem
    end
    local word = against(coupon, cart.currency)
    if word then
        return nil, REFUSALS[word]
    elseif cart.subtotal < coupon.minimum_minor then
        return nil, "the cart is worth less than this code asks for"
    end
    local list = discounts_of(coupon, cart)
    if #list == 0 then
        return nil, "nothing in the cart is what this code is for"
    end
    return { discounts = list }
end

--- In the transaction that makes the order: the code's row is locked, so that the last use is used
--- once, and counted again.
local function redeem(order)
    if not order.code then
        return {}
    end
    local locked, failure = db.one("coupon/lock", order.code)
    if failure then
        return nil, failure
    end
    local coupon, problem = db.one("coupon/look", order.code, order.buyerId)
    if problem then
        return nil, problem
    end
    local word = not locked and "unknown" or against(coupon, order.currency)
    if word then
        return nil, REFUSALS[word]
    end
    return db.exec("redemption/add", coupon.id, order.orderId, order.buyerId)
end

local function create(req)
    local b = req.body
    if (b.percentBps == nil) == (b.amount == nil) then
        return nil, err.field("percentBps", "say percentBps or amount, and not both")
    end
    local made, problem = db.one("coupon/create", b.code:upper(), b.percentBps,
        b.amount and b.amount.amount, b.amount and b.amount.currency, b.bearer, b.category,
        b.vendorId, b.minimum, b.limit, b.limitPerBuyer, b.startsAt, b.endsAt)
    if not made then
        return nil, problem or err.conflict("this code exists already")
    end
    local row, failure = db.json("coupon/list", made.code)
    if not row then
        return nil, failure
    end
    return web.created(PATH .. "/" .. made.code, web.json(row:sub(2, -2)))
end

local function switch(req)
    local row, problem = db.one("coupon/switch", req.params.code:upper(), req.body.isActive)
    if not row then
        return nil, problem or err.not_found()
    end
    return web.no_content()
end

local function list()
    local text, problem = db.json("coupon/list", nil)
    if not text then
        return nil, problem
    end
    return { data = web.json(text) }
end

return {
    name = "coupons", version = "1.0.0", api = 1, title = "Coupon codes",
    needs = { "db", "db:read:orders", "hook:checkout.price", "hook:order.created" },
    hooks = { ["checkout.price"] = price, ["order.created"] = redeem },
    routes = {
        {
            id = "coupons.list", method = "GET", path = PATH, summary = "All codes, newest first",
            roles = { "ADMIN" }, answers = { [200] = s.object({ data = s.array(answer) }) },
            handler = list,
        },
        {
            id = "coupons.create", method = "POST", path = PATH, summary = "Make a code",
            roles = { "ADMIN" }, body = s.object(fields), answers = { [201] = answer },
            errors = { "conflict" }, handler = create,
            example = { code = "SPRING10", percentBps = 1000, limit = 100, limitPerBuyer = 1 },
        },
        {
            id = "coupons.switch", method = "PATCH", path = PATH .. "/{code}",
            summary = "Switch a code on or off", roles = { "ADMIN" },
            params = { code = fields.code }, body = s.object({ isActive = s.boolean() }),
            answers = { [204] = s.string() }, errors = { "not_found" }, handler = switch,
        },
    },
}
