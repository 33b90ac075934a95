--- What specs of buying and money have in common: a buyer with an order, the emulator's controls,
--- and the books as SQL sees them. A story is {buyer, shop, thing, order, payment?}.
local client = require("spec.support.client")
local shell = require("spec.support.shell")

local story = {}

local WAIT_S = 30

--- options: price, stock, quantity, shop.
function story.ordered(w, options)
    options = options or {}
    local shop = options.shop or w:vendor()
    local thing = w:product(shop, {
        price = options.price or 6000, stock = options.stock or 3,
    })
    local buyer = w:buyer()
    w:add(buyer, thing, options.quantity or 1)
    return { buyer = buyer, shop = shop, thing = thing, order = w:checkout(buyer) }
end

function story.paid(w, options)
    local made = story.ordered(w, options)
    local answer, payment = w:pay(made.buyer, made.order)
    assert(answer.status == 200, answer.body)
    made.order, made.payment = answer.json, payment
    return made
end

--- A paid order of one thing from each of two shops: the worked example of 60.00 and 40.00.
function story.paid_by_two(w)
    local a, b = w:vendor(), w:vendor()
    local thing_a = w:product(a, { price = 6000, stock = 5 })
    local thing_b = w:product(b, { price = 4000, stock = 5 })
    local buyer = w:buyer()
    w:add(buyer, thing_a)
    w:add(buyer, thing_b)
    local answer, payment = w:pay(buyer, w:checkout(buyer))
    assert(answer.status == 200, answer.body)
    return {
        buyer = buyer, a = a, b = b, thing_a = thing_a, thing_b = thing_b,
        order = answer.json, payment = payment,
    }
end

function story.order(w, made)
    return w:expect(200, "GET", "/api/orders/" .. made.order.id, made.buyer)
end

function story.wait_for(w, made, status)
    shell.wait_until("order " .. status, WAIT_S, function()
        return story.order(w, made).status == status
    end)
end

--- {stock, reserved} of the story's thing.
function story.shelf(w, made)
    return { w:stock(made.shop, made.thing) }
end

--- The vendor's part of the order, as that vendor sees it.
function story.part(w, made, shop)
    shop = shop or made.shop
    for _, part in ipairs(made.order.vendorOrders) do
        if part.vendorId == shop.vendor_id then
            return w:expect(200, "GET", "/api/vendor/orders/" .. part.id, shop)
        end
    end
end

--- Steps of a vendor order, each of which must be taken.
function story.ship(w, shop, part_id, ...)
    for _, status in ipairs({ ... }) do
        w:expect(200, "PATCH", "/api/vendor/orders/" .. part_id .. "/status", shop,
            { status = status })
    end
end

--- Postings of an order's transactions of one kind, as {account = amount}.
function story.postings(w, order_id, kind)
    local found = {}
    for _, row in ipairs(w.db:query(([[
        select replace(p.account, 'vendor:', ''), sum(p.amount_minor) from ledger_transactions t
        join ledger_postings p on p.transaction_id = t.id
        where t.order_id = '%s' and t.kind = '%s' group by p.account]]):format(order_id, kind))) do
        found[row[1]] = tonumber(row[2])
    end
    return found
end

function story.count(w, kind, order_id)
    return w.db:value(("select count(*) from ledger_transactions where kind = '%s' "
        .. "and order_id = '%s'"):format(kind, order_id))
end

--- A control of the emulator; body is a table.
function story.emulator(w, method, path, body)
    local answer = client.request({
        port = w.stripe.port, method = method, path = "/_emu" .. path, body = body,
    })
    assert(answer.status == 200, answer.body)
    return answer.json
end

function story.fault(w, fault)
    return story.emulator(w, "POST", "/faults", fault)
end

--- What Stripe was asked: entries of the journal for a method and path that begins so.
function story.asked(w, method, path)
    local found = {}
    for _, entry in ipairs(story.emulator(w, "GET", "/journal").data) do
        if entry.method == method and entry.path:sub(1, #path) == path then
            found[#found + 1] = entry
        end
    end
    return found
end

--- Waits until Stripe has nothing more to tell: what comes later changes rows once more.
function story.all_told(w)
    shell.wait_until("all events are told", WAIT_S, function()
        return #story.emulator(w, "GET", "/webhooks").waiting == 0
    end)
end

return story
