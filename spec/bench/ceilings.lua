--- What PostgreSQL does alone, asked by pgbench: the ceiling that souk's figures are held against.
-- The statements are those of sql/queries, taken from the files.
local loads = require("spec.bench.loads")

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
    array_agg(product_id) as products, array_agg(quantity) as quantities,
    array_agg(price_minor) as prices, array_agg(name) as names,
    array_agg(part_id) as item_parts, array_agg(vendor_id) as item_vendors,
    array_agg(item_id) as items, array_agg(0) as discounts,
    (select sum(subtotal) from parts) as subtotal,
    (select array_agg(id) from parts) as parts, (select array_agg(vendor_id) from parts) as vendors,
    (select array_agg(subtotal) from parts) as subtotals, (select array_agg(0) from parts) as fees,
    (select array_agg('ten percent'::text) from parts) as reasons,
    (select array_agg('{}'::text) from parts) as inputs,
    (select array_agg(0) from parts) as shippings, (select array_agg(1) from parts) as positions
from items \gset
]]

local ADDRESS = [['{"name": "Ada Buyer", "line1": "1 Market Lane", "city": "Lisbon",
    "postalCode": "1100-148", "country": "PT"}']]

local BUYER = "('be000002-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))"

--- The write of a checkout: entries as flows/checkout sends them.
local function entries()
    return {
        loads.statement("checkout/take_cart", { ":buyer", ":products", ":quantities" }),
        loads.statement("checkout/reserve", { ":products", ":quantities", ":prices" }),
        loads.statement("order/insert", { ":ord", ":buyer", "'USD'", ":subtotal", "0", "0", "0",
            ADDRESS, "null", "900" }),
        loads.statement("vendor_order/insert", { ":ord", "'USD'", "'bench'", ":parts", ":vendors",
            ":subtotals", ":fees", ":reasons", ":inputs", ":shippings" }),
        loads.statement("order/insert_items", { ":ord", ":items", ":item_parts", ":item_vendors",
            ":products", ":names", ":prices", ":quantities", ":discounts" }),
        loads.statement("vendor_order/insert_fees",
            { ":parts", ":positions", ":reasons", ":fees" }),
        loads.statement("event/emit", { "'order.created'", "'{}'" }),
    }
end

--- Checks out the carts of so many buyers, each once, one order a transaction, two round trips.
function ceilings.checkouts(database, clients, buyers)
    local each = math.floor(buyers / clients)
    local read = loads.statement("checkout/read", { BUYER }):gsub(";%s*$", "")
    local script = READ:gsub("@(%w+)@", { read = read, buyer = BUYER })
        .. "\\startpipeline\nbegin;\n" .. table.concat(entries(), "\n")
        .. "\ncommit;\n\\endpipeline\n"
    return loads.pgbench(database, script, clients, 1, { i = 0, each = each }, each)
end

return ceilings
