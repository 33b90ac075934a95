--- Random refunds of random orders: amounts, units, whole parts, cancellations, and refunds that
-- fail, in any order. Whatever happened, what is given back in the end is what was paid, to the
-- cent, of every vendor, and of the fee. The seed of a history is in its name.
local fixture = require("spec.sql.fixture")

local HISTORIES = 12
local STEPS = 40
--- Another one for other histories: the suite has the same every time.
local SEED = tonumber(os.getenv("SOUK_SEED") or "") or 1

--- Five vendors with two things each, whose prices are odd, and an order of some of them with fees
-- that no policy would ask for.
local MARKET = [[
insert into users (id, email, password_hash, name, role)
select ('00000000-0000-4000-8000-0000000001' || lpad(g::text, 2, '0'))::uuid,
    'v' || g || '@souk.test', '$2x', 'v' || g, 'VENDOR' from generate_series(1, 5) as g;
insert into vendors (id, user_id, business_name, slug, status)
select ('00000000-0000-4000-8001-0000000001' || lpad(g::text, 2, '0'))::uuid,
    ('00000000-0000-4000-8000-0000000001' || lpad(g::text, 2, '0'))::uuid, 'Stall ' || g,
    'stall-' || g, 'ACTIVE' from generate_series(1, 5) as g;
insert into products (vendor_id, name, slug, price_minor, currency, status)
select vendors.id, vendors.slug || g, vendors.slug || '-' || g,
    floor(1 + 3000 * random() * random())::bigint, 'USD', 'PUBLISHED'
from vendors cross join generate_series(1, 2) as g
where vendors.slug like 'stall-%' order by vendors.slug, g;
update product_stock set stock = 1000;
create temporary table basket on commit preserve rows as
select products.*, floor(1 + 6 * random())::integer as quantity
from products where slug like 'stall-%' and random() < 0.6;
insert into basket select products.*, 3 from products
where slug = 'stall-1-1' and not exists (select from basket);
select stock_reserve(array_agg(id), array_agg(quantity), array_agg(price_minor)) from basket;
insert into orders (id, buyer_id, currency, subtotal_minor, total_minor, platform_fee_minor,
    shipping_address, expires_at)
select '%ORDER%', buyers.id, 'USD', sums.total, sums.total, 0, '{}', now() + interval '1 minute'
from buyers, (select sum(price_minor * quantity) as total from basket) as sums;
insert into vendor_orders (order_id, vendor_id, currency, subtotal_minor, fee_minor,
    earnings_minor, fee_policy_version, fee_input)
select '%ORDER%', vendor_id, 'USD', total, fee, total - fee, 'v', '{}'
from (
    select vendor_id, sum(price_minor * quantity) as total,
        floor((sum(price_minor * quantity) + 1) * random())::bigint as fee
    from basket group by vendor_id
) as parts;
update orders set platform_fee_minor = (
    select sum(fee_minor) from vendor_orders where order_id = '%ORDER%'
) where id = '%ORDER%';
insert into order_items (order_id, vendor_order_id, vendor_id, product_id, name,
    unit_price_minor, quantity, line_total_minor)
select '%ORDER%', vendor_orders.id, basket.vendor_id, basket.id, basket.name, price_minor, quantity,
    price_minor * quantity
from basket inner join vendor_orders
    on vendor_orders.vendor_id = basket.vendor_id and vendor_orders.order_id = '%ORDER%';
insert into fee_lines (vendor_order_id, position, name, amount_minor)
select id, 1, 'commission', fee_minor from vendor_orders where order_id = '%ORDER%';
insert into payments (id, order_id, number, method, amount_minor, currency, is_live)
select '%ORDER%', '%ORDER%', 1, 'CARD', total_minor, 'USD', false
from orders where id = '%ORDER%';
select payment_apply('%ORDER%', jsonb_build_object('id', 'pi_1', 'status', 'SUCCEEDED',
    'providerStatus', 'x', 'currency', 'usd', 'orderId', '%ORDER%', 'isLive', false,
    'amount', total_minor, 'received', total_minor))
from orders where id = '%ORDER%';
do 'begin for step in 1..%STEPS% loop call refund_step(''%ORDER%''); end loop; end';
]]

--- One step by chance. What the rules refuse changes nothing; any other failure ends the history.
local STEP = [[
create procedure refund_step(p_order_id uuid) language plpgsql as $$
declare
    v_kind double precision := random();
    v_part vendor_orders := (select p from vendor_orders as p order by random() limit 1);
    v_item order_items := (select i from order_items as i order by random() limit 1);
    v_units jsonb := jsonb_build_array(jsonb_build_object(
        'orderItemId', v_item.id, 'quantity', floor(1 + 3 * random())));
    v_amount bigint := floor(1 + v_part.subtotal_minor * random() * random());
begin
    if v_kind < 0.35 then
        perform refund_ask(p_order_id, case when random() < 0.5 then v_part.id end, v_amount, null,
            false, 'ADMIN', 'spec', null);
    elsif v_kind < 0.6 then
        perform refund_ask(p_order_id, null, null, v_units, random() < 0.5, 'ADMIN', 'spec', null);
    elsif v_kind < 0.7 then
        perform order_cancel_items(p_order_id, v_item.vendor_order_id, v_units, 'spec', null);
    elsif v_kind < 0.95 then
        perform refund_fail(id, 'spec') from (
            select id from refunds where status <> 'FAILED' order by random() limit 1
        ) as r;
    elsif v_kind < 0.98 then
        perform refund_ask(p_order_id, v_part.id, null, null, false, 'ADMIN', 'spec', null);
    else
        perform order_cancel_paid(p_order_id, array[v_part.id], 'VENDOR_CANCEL', 'spec', null);
    end if;
exception when sqlstate 'SK411' or sqlstate 'SK416' then
    null;
end;
$$;
]]

local ORDER = "10000000-0000-4000-8000-000000000001"

describe("random refunds", function()
    local f

    setup(function()
        f = fixture.new()
        f.db:query(STEP)
    end)

    teardown(function()
        f:done()
    end)

    local function broken()
        return f.db:query("select name, sample from invariant_report() where violations > 0")
    end

    --- The history in one session, so that one seed decides all of it.
    local function live(seed)
        f:reset()
        f.db:query(("select setseed(%.6f);"):format(seed % 100000 / 100000)
            .. MARKET:gsub("%%ORDER%%", ORDER):gsub("%%STEPS%%", STEPS))
    end

    for number = 1, HISTORIES do
        local seed = SEED + number - 1
        it(("add up to what was paid, exactly (seed %d)"):format(seed), function()
            live(seed)
            assert.same({}, broken())
            f.db:try(("select refund_ask('%s', null, null, null, false, 'ADMIN', 'rest', null)")
                :format(ORDER))
            assert.same({}, broken())
            assert.same({}, f.db:query("select id from vendor_orders where (refunded_minor, "
                .. "refunded_fee_minor) <> (subtotal_minor, fee_minor)"))
            assert.equal("REFUNDED", f.db:value("select status from payments"))
            assert.same({}, f.db:query("select account, sum(amount_minor) from ledger_postings "
                .. "group by account having sum(amount_minor) <> 0"))
            assert.equal(0, f.db:value("select sum(amount_minor) from payout_items"))
            assert.is_false(f.db:try(("select refund_ask('%s', null, 1, null, false, 'ADMIN', "
                .. "'more', null)"):format(ORDER)))
        end)
    end
end)
