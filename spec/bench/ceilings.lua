--- What PostgreSQL does alone, asked by pgbench: the ceilings that souk's figures are held against.
-- Plain statements over several rows, written as one would write them by hand; what they read is
-- the statement of sql/queries.
local loads = require("spec.bench.loads")
local place = require("spec.bench.place")

local ceilings = {}

--- pgbench's variables hold one value, so arrays travel as their text; the statements cast.
local READ = [[
\set i :i + 1
\set n :client_id * :each + :i
with lines as materialized (
    @read@
), parts as materialized (
    select vendor_id, uuid_v7() as id, sum(price_minor * quantity) as subtotal
    from lines group by vendor_id
), items as materialized (
    select lines.*, parts.id as part_id, uuid_v7() as item_id
    from lines inner join parts on parts.vendor_id = lines.vendor_id
)
select
    @buyer@ as buyer,
    uuid_v7() as ord,
    array_agg(product_id order by product_id) as products,
    array_agg(quantity order by product_id) as quantities,
    array_agg(price_minor order by product_id) as prices,
    array_agg(name order by product_id) as names,
    array_agg(part_id order by product_id) as item_parts,
    array_agg(vendor_id order by product_id) as item_vendors,
    array_agg(item_id order by product_id) as items,
    (select sum(subtotal) from parts) as subtotal,
    (select array_agg(id order by id) from parts) as parts,
    (select array_agg(vendor_id order by id) from parts) as vendors,
    (select array_agg(subtotal order by id) from parts) as subtotals
from items \gset
]]

local ADDRESS = [['{"name": "Ada Buyer", "line1": "1 Market Lane", "city": "Lisbon",
    "postalCode": "1100-148", "country": "PT"}']]

local BUYER = "('be000002-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))"

local LOCK = [[select stock, reserved from product_stock
where product_id = any(:products::uuid[]) order by product_id for update;]]

local WRITE = {
    "delete from cart_items where cart_id = :buyer::uuid;",
    [[with locked as materialized (
    select product_stock.product_id, w.quantity from product_stock
    inner join unnest(:products::uuid[], :quantities::integer[]) as w (product_id, quantity)
        on w.product_id = product_stock.product_id
    order by product_stock.product_id for no key update of product_stock
)
update product_stock set reserved = reserved + locked.quantity from locked
where product_stock.product_id = locked.product_id;]],
    [[insert into orders (id, buyer_id, currency, subtotal_minor, discount_minor, shipping_minor,
    total_minor, platform_fee_minor, shipping_address, expires_at)
values (:ord::uuid, :buyer::uuid, 'USD', :subtotal::bigint, 0, 0, :subtotal::bigint, 0,
    @address@::jsonb, now() + interval '900 s') returning number, expires_at, created_at;]],
    [[insert into vendor_orders (id, order_id, vendor_id, currency, subtotal_minor, fee_minor,
    earnings_minor, fee_policy_version, fee_reason, fee_input, shipping_minor)
select p.id, :ord::uuid, p.vendor_id, 'USD', p.subtotal, 0, p.subtotal, 'bench', 'none', '{}', 0
from unnest(:parts::uuid[], :vendors::uuid[], :subtotals::bigint[])
    as p (id, vendor_id, subtotal);]],
    [[insert into order_items (id, order_id, vendor_order_id, vendor_id, product_id, name,
    unit_price_minor, quantity, discount_minor, line_total_minor)
select i.id, :ord::uuid, i.part, i.vendor, i.product, i.name, i.price, i.quantity, 0,
    i.price * i.quantity
from unnest(:items::uuid[], :item_parts::uuid[], :item_vendors::uuid[], :products::uuid[],
    :names::text[], :prices::bigint[], :quantities::integer[])
    as i (id, part, vendor, product, name, price, quantity);]],
    [[insert into fee_lines (vendor_order_id, position, name, amount_minor)
select id, 1, 'none', 0 from unnest(:parts::uuid[]) as p (id);]],
    "insert into outbox_events (type, data) values ('bench.order', '{}');",
}

local function script(opening, closing)
    local read = loads.statement("checkout/read", { "array[" .. BUYER .. "]" }):gsub(";%s*$", "")
    local writes = table.concat(WRITE, "\n"):gsub("@address@", (ADDRESS:gsub("%%", "%%%%")))
    return READ:gsub("@(%w+)@", { read = read, buyer = BUYER }) .. opening .. writes .. closing
end

local function checkouts(database, clients, buyers, opening, closing)
    local each = math.floor(buyers / clients)
    return loads.pgbench(database, script(opening, closing), clients, 1,
        { i = 0, each = each }, each)
end

--- Checks out the carts of so many buyers, each once, one order a transaction, two round trips.
function ceilings.checkouts(database, clients, buyers)
    return checkouts(database, clients, buyers, "\\startpipeline\nbegin;\n",
        "\ncommit;\n\\endpipeline\n")
end

--- The same as it is written at first: a lock, then a round trip a statement.
function ceilings.naive_checkouts(database, clients, buyers)
    return checkouts(database, clients, buyers, "begin;\n" .. LOCK .. "\n", "\ncommit;\n")
end

--- A table of one product and its reservations, apart from souk's.
function ceilings.make_reservations(database)
    place.sql(database, [[
create table if not exists bench_stock (
    id int primary key, stock int not null, reserved int not null
) with (fillfactor = 50);
create table if not exists bench_reservations (id bigserial primary key, product int not null,
    quantity int not null);
insert into bench_stock values (1, 1000000000, 0) on conflict do nothing;]])
end

--- One statement each.
function ceilings.reservations(database, clients)
    ceilings.make_reservations(database)
    return loads.pgbench(database, [[
with taken as (
    update bench_stock set reserved = reserved + 1
    where id = 1 and stock - reserved >= 1 returning id
)
insert into bench_reservations (product, quantity) select id, 1 from taken;
]], clients)
end

return ceilings
