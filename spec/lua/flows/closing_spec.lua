--- The hooks beside checkout: what plugins hear, may refuse and write when an order ends without a
--- sale, a review is written, a product is made.
local plugin_folder = require("spec.support.plugin_folder")
local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

local WAIT_S = 60

--- Writes down what it is asked, refuses what says "no", fails on what says "fail".
local LISTENER = [[
    needs = { "db", "hook:order.closed", "hook:review.check", "hook:product.check" },
    hooks = (function()
        local json = require("souk.json")
        local hooks = {}
        for _, point in ipairs({ "order.closed", "review.check", "product.check" }) do
            hooks[point] = function(value)
                local is_kept, problem = db.exec("word/add", point, json.encode(value))
                if not is_kept then
                    return nil, problem
                end
                local text = value.title or value.product and value.product.name or ""
                if text:find("fail", 1, true) then
                    error("it said fail")
                elseif text:find("no", 1, true) then
                    return nil, "this word is not for here"
                end
            end
        end
        return hooks
    end)(),
]]

--- Optional, and its statement fails; it says so, or goes on as if nothing were.
local SPOILER = [[
    needs = { "db", "hook:order.created", "hook:checkout.price" },
    hooks = {
        ["checkout.price"] = function() return {} end,
        ["order.created"] = { optional = true, run = function(order)
            assert(db.exec("word/add", "order.created", order.orderId))
            local row, problem = db.one("word/divide")
            if not row and order.code == "TELL" then
                return nil, problem
            elseif not row and order.code == "RAISE" then
                error("the statement failed")
            end
        end },
    },
]]

local function folder_of(name, manifest)
    return {
        ["plugin.lua"] = plugin_folder.manifest(name, manifest),
        ["sql/migrations/0001_create.sql"] = "create table words (point text, value text);\n",
        ["sql/queries/word/add.sql"] = ("insert into plugin_%s.words values ($1, $2);\n")
            :format(name),
        ["sql/queries/word/divide.sql"] = "select 1 / 0 as n;\n",
    }
end

describe("A plugin is asked", function()
    local w, shop, buyer, lamp

    setup(function()
        w = world.start({
            plugins = { "listener", "spoiler" },
            set = {
                ["plugins.dir"] = plugin_folder.write({
                    listener = folder_of("listener", LISTENER),
                    spoiler = folder_of("spoiler", SPOILER),
                }),
            },
        })
        w.db:query("update plugins set updated_at = now() + interval '1 hour'")
        shop, buyer = w:vendor(), w:buyer()
        lamp = w:product(shop, { stock = 100 })
    end)
    teardown(function()
        w:assert_invariants()
        w:stop()
    end)

    local function count(point, like)
        return w.db:value(("select count(*) from plugin_listener.words where point = '%s' "
            .. "and value like '%%%s%%'"):format(point, like))
    end

    local function checkout(code)
        w:add(buyer, lamp)
        return w:expect(201, "POST", "/api/checkout", buyer,
            { shippingAddress = world.ADDRESS, couponCode = code })
    end

    it("when an unpaid order is cancelled, and when one expires", function()
        local cancelled = checkout()
        w:expect(200, "POST", "/api/orders/" .. cancelled.id .. "/cancel", buyer, {})
        assert.equal(1, count("order.closed", cancelled.id))
        assert.equal(1, count("order.closed", '"status":"CANCELLED"'))
        local expired = checkout()
        w.db:query("update orders set expires_at = now() where id = '" .. expired.id .. "'")
        shell.wait_until("it expires", WAIT_S, function()
            return w:expect(200, "GET", "/api/orders/" .. expired.id, buyer).status == "EXPIRED"
        end)
        assert.equal(1, count("order.closed", expired.id))
        assert.equal(1, count("order.closed", '"status":"EXPIRED"'))
    end)

    it("when a paid order is cancelled as a whole, and not for a part", function()
        local other = w:vendor()
        w:add(buyer, lamp)
        w:add(buyer, w:product(other))
        local order = w:checkout(buyer)
        w:pay(buyer, order)
        for i, part in ipairs(order.vendorOrders) do
            assert.equal(0, count("order.closed", order.id))
            local owner = part.vendorId == shop.vendor_id and shop or other
            w:expect(200, "POST", "/api/vendor/orders/" .. part.id .. "/cancel", owner,
                { reason = "part " .. i })
        end
        assert.equal(1, count("order.closed", order.id))
    end)

    it("about a product that is made, changed and put on sale, and may refuse", function()
        local function offer(status, name)
            return w:expect(status, "POST", "/api/products", shop, {
                name = name, stock = 1, price = { amount = 100, currency = "USD" },
            })
        end
        local made = offer(201, "Vase")
        assert.equal(1, count("product.check", '"action":"create"%' .. made.id))
        local refused = offer(409, "nobody's vase")
        assert.equal("plugin_refused", refused.code)
        assert.equal("this word is not for here", refused.message)
        assert.equal(0, w.db:value("select count(*) from products where name like 'nobody%'"))
        assert.equal(0, count("product.check", "nobody"))
        assert.equal("plugin_failed", offer(503, "fail").code)
        w:expect(409, "PATCH", "/api/products/" .. made.id, shop, { name = "no vase" })
        w:expect(200, "PATCH", "/api/products/" .. made.id, shop, { name = "Blue vase" })
        w:expect(200, "POST", "/api/products/" .. made.id .. "/publish", shop, {})
        assert.equal(1, count("product.check", '"action":"change"'))
        assert.equal(1, count("product.check", '"action":"publish"%' .. made.id))
    end)

    it("about a review, and may refuse it", function()
        local order = checkout()
        w:pay(buyer, order)
        story.ship(w, shop, order.vendorOrders[1].id, "PROCESSING", "SHIPPED", "DELIVERED")
        local function review(status, title)
            return w:expect(status, "POST", "/api/reviews", buyer,
                { orderId = order.id, productId = lamp.id, rating = 5, title = title })
        end
        assert.equal("plugin_refused", review(409, "no good").code)
        review(201, "Bright")
        assert.equal(1, count("review.check", '"kind":"PRODUCT"%"title":"Bright"'))
    end)

    it("and loses alone what it did when it is optional and its statement fails", function()
        for _, code in ipairs({ "TELL", "RAISE", "GO ON" }) do
            local from = #w.server:log()
            w:add(buyer, lamp)
            local order = w:request("POST", "/api/checkout", buyer,
                { shippingAddress = world.ADDRESS, couponCode = code })
            assert.equal(201, order.status, code .. order.body)
            assert.matches('"event":"plugin.failed","plugin":"spoiler"',
                w.server:log():sub(from + 1), 1, true)
        end
        assert.equal(0, w.db:value("select count(*) from plugin_spoiler.words"))
    end)
end)
