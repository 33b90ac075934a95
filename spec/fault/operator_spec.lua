--- An operator's story on a server under load: a policy is edited, refused with a readable reason,
--- mended, simulated on 100 000 past orders, let loose and taken back. No request fails, and no
--- order is priced by two versions.
local client = require("spec.support.client")
local socket = require("socket")
local tell = require("spec.support.tell")
local world = require("spec.support.world")

local PAST = 100000
--- The sanitized build takes three times as long, and the machine does other things beside.
local SIMULATION_MAX_S = os.getenv("SOUK_TEST_BUILD") == "release" and 30 or 200
local BUYERS = 4

--- Past orders are copies of a real one, cancelled, so that no timer has to do with them.
local COPIES = [[
create temporary table made as
select gen_random_uuid() as order_id, n
from generate_series(1, %d) as n;
insert into orders (id, number, buyer_id, status, currency, subtotal_minor, total_minor,
    platform_fee_minor, shipping_address, expires_at, created_at)
select made.order_id, 'P' || made.n, o.buyer_id, 'CANCELLED', o.currency, o.subtotal_minor,
    o.total_minor, o.platform_fee_minor, o.shipping_address, now(),
    now() - made.n * interval '20 seconds'
from made, orders as o where o.id = '%s';
insert into vendor_orders (id, order_id, vendor_id, status, currency, subtotal_minor, fee_minor,
    earnings_minor, fee_policy_version, fee_reason, fee_input, created_at)
select gen_random_uuid(), made.order_id, v.vendor_id, 'CANCELLED', v.currency, v.subtotal_minor,
    v.fee_minor, v.earnings_minor, v.fee_policy_version, v.fee_reason, v.fee_input,
    now() - made.n * interval '20 seconds'
from made, vendor_orders as v where v.order_id = '%s';
analyze vendor_orders;
]]

local BAD = [[
return {
    evaluate = function(o)
        local rate = o.vendor.tier == "gold" and 700
        return { fee = money.bps(o.subtotal, rate) }
    end,
    examples = {
        { given = { subtotal = 10000, vendor = { tier = "none" } }, expect = { fee = 1000 } },
    },
}
]]

describe("An operator's story", function()
    local w, admin, shops, things, buyers
    local past

    setup(function()
        w = world.start()
        admin = w:admin()
        shops = { w:vendor(), w:vendor() }
        things, buyers = {}, {}
        for i, shop in ipairs(shops) do
            things[i] = w:product(shop, { price = 5000 + i, stock = 100000 })
        end
        for i = 1, BUYERS do
            buyers[i] = w:buyer()
        end
    end)
    teardown(function()
        w:stop()
    end)

    --- One order of two vendors; the versions of its parts.
    local function order(buyer)
        for _, thing in ipairs(things) do
            local added = w:request("POST", "/api/cart/items", buyer,
                { productId = thing.id, quantity = 1 })
            if added.status ~= 201 then
                return nil, added.status .. " " .. added.body
            end
        end
        local answer = w:request("POST", "/api/checkout", buyer,
            { shippingAddress = world.ADDRESS })
        if answer.status ~= 201 then
            return nil, answer.status .. " " .. answer.body
        end
        return {
            id = answer.json.id, one = answer.json.vendorOrders[1].feePolicyVersion,
            two = answer.json.vendorOrders[2].feePolicyVersion,
        }
    end

    local function active()
        for _, row in ipairs(w:expect(200, "GET", "/api/admin/policies", admin).data) do
            if row.name == "fee" then
                return row
            end
        end
    end

    local function offer(source, status)
        return w:expect(status, "POST", "/api/admin/policies/fee/versions", admin,
            { source = source, note = "gold vendors pay 7 %" })
    end

    local function simulate(version)
        local began_s = socket.gettime()
        local wish = w:expect(202, "POST",
            ("/api/admin/policies/fee/versions/%d/simulate"):format(version), admin,
            { since = "2020-01-01T00:00:00.000Z" })
        local steps, seen = {}
        repeat
            seen = w:expect(200, "GET", "/api/admin/simulations/" .. wish.id, admin)
            if steps[#steps] ~= seen.progress then
                steps[#steps + 1] = seen.progress
            end
        until seen.status == "DONE" or socket.gettime() - began_s > SIMULATION_MAX_S
        return seen, steps, socket.gettime() - began_s
    end

    local function story(seen_orders)
        local refused = offer(BAD, 422)
        assert.equal(4, refused.details[1].line)
        assert.matches("number expected", refused.details[1].message, 1, true)
        local mended = offer(BAD:gsub('== "gold" and 700', '== "gold" and 700 or 990')
            :gsub("fee = 1000 }", "fee = 990 }"), 201)
        local simulation, steps, took_s = simulate(mended.version)
        tell(("%d orders simulated in %.1f s under load, %d steps of progress"):format(
            simulation.orders, took_s, #steps))
        assert.equal("DONE", simulation.status)
        assert.is_true(simulation.orders >= past and simulation.errors == 0)
        assert.is_true(took_s < SIMULATION_MAX_S)
        assert.is_true(#steps >= 3)
        local before = active()
        seen_orders.mark("before")
        w:expect(200, "POST", ("/api/admin/policies/fee/versions/%d/activate")
            :format(mended.version), admin, { reason = "agreed" })
        seen_orders.mark("active")
        for _ = 1, 5 do
            local made = assert(order(buyers[BUYERS]))
            assert.same({ mended.hash, mended.hash }, { made.one, made.two })
        end
        local back = w:expect(200, "POST", "/api/admin/policies/fee/rollback", admin, {})
        assert.equal(before.hash, back.hash)
        assert.equal(before.hash, assert(order(buyers[BUYERS])).one)
        return before.hash, mended.hash
    end

    it("ends with every order priced by one version, and no request failed", function()
        w:add(buyers[1], things[1], 1)
        local first = w:checkout(buyers[1])
        past = PAST
        w.db:query(COPIES:format(PAST, first.id, first.id))
        local is_done, failed, made, known, mended = false, {}, {}, nil, nil
        local seen_orders = { mark = function(name) made[#made + 1] = name end }
        local entries = {}
        for i = 1, BUYERS - 1 do
            entries[i] = function()
                while not is_done do
                    local placed, problem = order(buyers[i])
                    if placed then
                        made[#made + 1] = placed
                    else
                        failed[#failed + 1] = problem
                    end
                end
            end
        end
        entries[#entries + 1] = function()
            local is_ok, one, two = pcall(story, seen_orders)
            is_done = true
            assert(is_ok, one)
            known, mended = one, two
        end
        client.parallel(entries)
        assert.same({}, failed)
        local count, is_before = 0, true
        for _, placed in ipairs(made) do
            if type(placed) == "string" then
                is_before = false
            else
                count = count + 1
                assert.equal(placed.one, placed.two)
                assert.is_true(placed.one == known or placed.one == mended)
                assert.is_true(not is_before or placed.one == known)
            end
        end
        assert.is_true(count > 20)
    end)
end)
