--- What a webhook storm needs: many paid orders quickly, their events as Stripe tells them, and a
--- sender with several connections that tries again.
local client = require("spec.support.client")
local core_stripe = require("core.stripe")
local emulator = require("spec.support.emulator")
local json = require("core.json")
local random = require("spec.property.random")
local socket = require("socket")

local storm = {}

local CONNECTIONS = 12
local RETRY_S = 0.3

-- Orders -----------------------------------------------------------------------------------------

--- Copies of an unpaid order with everything that belongs to it, each with a payment of its own.
local CLONE = [[
create temporary table made as
select g, uuid_v7() as order_id, uuid_v7() as payment_id from generate_series(1, %d) as g;
update product_stock set stock = stock + 100000, reserved = reserved + %d * order_items.quantity
from order_items
where order_items.order_id = '%s' and order_items.product_id = product_stock.product_id;
insert into orders
select (jsonb_populate_record(orders, jsonb_build_object(
    'id', made.order_id, 'number', 'C' || made.g))).*
from orders cross join made where orders.id = '%s';
insert into vendor_orders
select (jsonb_populate_record(vendor_orders, jsonb_build_object(
    'id', md5(vendor_orders.id::text || made.g)::uuid, 'order_id', made.order_id))).*
from vendor_orders cross join made where vendor_orders.order_id = '%s';
insert into order_items
select (jsonb_populate_record(order_items, jsonb_build_object(
    'id', uuid_v7(), 'order_id', made.order_id,
    'vendor_order_id', md5(order_items.vendor_order_id::text || made.g)::uuid))).*
from order_items cross join made where order_items.order_id = '%s';
insert into fee_lines
select (jsonb_populate_record(fee_lines, jsonb_build_object(
    'vendor_order_id', md5(fee_lines.vendor_order_id::text || made.g)::uuid))).*
from fee_lines inner join vendor_orders on vendor_orders.id = fee_lines.vendor_order_id
cross join made where vendor_orders.order_id = '%s';
insert into payments (id, order_id, number, method, amount_minor, currency, is_live)
select made.payment_id, orders.id, 1, 'CARD', orders.total_minor, orders.currency, false
from made inner join orders on orders.id = made.order_id;
select order_id, payment_id from made;
]]

--- Array of {order_id, payment_id}.
function storm.clone(w, order_id, count)
    local sql = CLONE:format(count, count, order_id, order_id, order_id, order_id, order_id)
    local made = {}
    for i, row in ipairs(w.db:query(sql)) do
        made[i] = { order_id = row[1], payment_id = row[2] }
    end
    return made
end

--- Runs each(element) for all elements, several at once.
function storm.each(list, each)
    local at, entries = 0, {}
    for i = 1, CONNECTIONS do
        entries[i] = function()
            while at < #list do
                at = at + 1
                each(list[at], at)
            end
        end
    end
    client.parallel(entries)
end

--- Pays all of them at Stripe, which tells nobody yet.
function storm.pay(w, made, amount)
    storm.each(made, function(row)
        local answer = emulator.call(w.stripe, "POST", "/v1/payment_intents", table.concat({
            "amount=" .. amount, "currency=usd", "confirm=true", "payment_method=pm_card_visa",
            "automatic_payment_methods[enabled]=true", "return_url=http://localhost/",
            "transfer_group=order_" .. row.order_id, "metadata[order_id]=" .. row.order_id,
            "metadata[payment_id]=" .. row.payment_id,
        }, "&"), { ["Idempotency-Key"] = "storm-" .. row.payment_id })
        assert(answer.status == 200, answer.body)
        row.intent, row.charge = answer.json.id, answer.json.latest_charge
    end)
end

--- What Stripe's answer to the first call would have told: the order is paid.
function storm.apply(w, made, amount)
    local values = {}
    for i, row in ipairs(made) do
        values[i] = ("('%s'::uuid, '%s', '%s', '%s')"):format(
            row.payment_id, row.order_id, row.intent, row.charge)
    end
    w.db:query(([[select payment_apply(v.payment_id, jsonb_build_object('id', v.intent, 'status',
        'SUCCEEDED', 'providerStatus', 'succeeded', 'amount', %d, 'received', %d, 'currency', 'usd',
        'orderId', v.order_id, 'isLive', false, 'chargeId', v.charge))
        from (values %s) as v (payment_id, order_id, intent, charge)]]):format(
        amount, amount, table.concat(values, ", ")))
end

-- Events -----------------------------------------------------------------------------------------

local function page(w, after, account)
    local headers = { Authorization = "Bearer " .. emulator.KEY, ["Stripe-Account"] = account }
    local answer = client.request({
        port = w.stripe.port, path = "/v1/events?limit=100" .. after, headers = headers,
    })
    assert(answer.status == 200, answer.body)
    return json.decode(answer.body)
end

--- All events of the platform, or of one connected account: {id, body, path, secret}.
function storm.events(w, account)
    local found, after = {}, ""
    repeat
        local list = page(w, after, account)
        for _, event in ipairs(list.data) do
            found[#found + 1] = {
                id = event.id, type = event.type, body = json.encode(event),
                path = "/api/webhooks/stripe" .. (account and "/connect" or ""),
                secret = account and emulator.CONNECT_WEBHOOK_SECRET or emulator.WEBHOOK_SECRET,
            }
            after = "&starting_after=" .. event.id
        end
    until not list.has_more
    return found
end

--- Every event so often, in an order that a seed gives.
function storm.shuffled(events, times, seed)
    local all, numbers = {}, random.new(seed)
    for _, event in ipairs(events) do
        for _ = 1, times do
            all[#all + 1] = event
        end
    end
    for i = #all, 2, -1 do
        local other = numbers:between(1, i)
        all[i], all[other] = all[other], all[i]
    end
    return all
end

local function post(w, event)
    return w:request("POST", event.path, nil, event.body, {
        ["Stripe-Signature"] = core_stripe.sign(event.body, event.secret, os.time()),
    }).status
end

--- Sends all, each until it is taken. between(sent) is called before each. {sent, refused, s}.
function storm.send(w, all, between)
    local began_s, told = socket.gettime(), { sent = 0, refused = 0 }
    storm.each(all, function(event, at)
        between(at)
        local status = post(w, event)
        while status == 0 or status >= 500 do
            told.refused = told.refused + 1
            socket.sleep(RETRY_S / CONNECTIONS)
            status = post(w, event)
        end
        assert(status == 200, event.type .. ": " .. status)
        told.sent = told.sent + 1
    end)
    told.s = socket.gettime() - began_s
    return told
end

return storm
