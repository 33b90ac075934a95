--- Rows for specs of SQL: two vendors, a buyer, two products of 60.00 and 40.00 with 10 each, and
--- orders of one of each, made past the server.
local database = require("spec.support.database")
local shell = require("spec.support.shell")

local fixture = {}
fixture.__index = fixture

local PSQL = "/usr/lib/postgresql/15/bin/psql -X -q -A -t -v ON_ERROR_STOP=1 -d "

local EMPTY = [[
set session_replication_role = replica;
do $$
declare
    v_table text;
begin
    for v_table in
        select tablename from pg_tables
        where schemaname = 'public' and tablename not in ('schema_migrations', 'installation')
    loop
        execute format('delete from %I', v_table);
    end loop;
end;
$$;
set session_replication_role = origin;
]]

local ROWS = [[
insert into users (id, email, password_hash, name, role)
select ('00000000-0000-4000-8000-00000000000' || g)::uuid, 'u' || g || '@souk.test', '$2x',
    'u' || g,
    case when g < 3 then 'VENDOR' else 'BUYER' end
from generate_series(1, 3) as g;
insert into vendors (id, user_id, business_name, slug, status)
select ('00000000-0000-4000-8001-00000000000' || g)::uuid,
    ('00000000-0000-4000-8000-00000000000' || g)::uuid, 'Shop ' || g, 'shop-' || g, 'ACTIVE'
from generate_series(1, 2) as g;
insert into buyers (id, user_id) values
    ('00000000-0000-4000-8002-000000000001', '00000000-0000-4000-8000-000000000003');
insert into products (id, vendor_id, name, slug, price_minor, currency, status)
select ('00000000-0000-4000-8003-00000000000' || g)::uuid,
    ('00000000-0000-4000-8001-00000000000' || g)::uuid, 'Thing ' || g, 'thing-' || g,
    8000 - g * 2000, 'USD', 'PUBLISHED'
from generate_series(1, 2) as g;
update product_stock set stock = 10;
create or replace procedure order_make(p_id uuid) language plpgsql as $$
begin
    perform stock_reserve(array_agg(id), array_agg(1), array_agg(price_minor)) from products;
    insert into orders (id, buyer_id, currency, subtotal_minor, total_minor, platform_fee_minor,
        shipping_address, expires_at)
    select p_id, buyers.id, 'USD', 10000, 10000, 1000, '{}', now() + interval '1 minute'
    from buyers;
    insert into vendor_orders (order_id, vendor_id, currency, subtotal_minor, fee_minor,
        earnings_minor, fee_policy_version, fee_input)
    select p_id, vendor_id, 'USD', price_minor, price_minor / 10, price_minor - price_minor / 10,
        'v', '{}'
    from products;
    insert into order_items (order_id, vendor_order_id, vendor_id, product_id, name,
        unit_price_minor, quantity, line_total_minor)
    select p_id, vendor_orders.id, products.vendor_id, products.id, products.name, price_minor, 1,
        price_minor
    from products
    inner join vendor_orders
        on vendor_orders.vendor_id = products.vendor_id and vendor_orders.order_id = p_id;
    insert into fee_lines (vendor_order_id, position, name, amount_minor)
    select id, 1, 'commission', fee_minor from vendor_orders where order_id = p_id;
    insert into payments (id, order_id, number, method, amount_minor, currency, is_live)
    values (p_id, p_id, 1, 'CARD', 10000, 'USD', false);
end;
$$;
]]

function fixture.new()
    local self = setmetatable({ db = database.fresh(), orders = 0 }, fixture)
    self.db:query(ROWS)
    return self
end

--- As new, but quicker. The ledger lets itself be emptied by a superuser's trick only.
function fixture:reset()
    self.db:query(EMPTY .. ROWS)
    self.orders = 0
end

function fixture:done()
    self.db:drop()
end

--- An order of one of each with a payment of the same id; its id.
function fixture:order()
    self.orders = self.orders + 1
    local id = ("10000000-0000-4000-8000-%012d"):format(self.orders)
    self.db:query("call order_make('" .. id .. "')")
    return id
end

--- Brings news of a payment; changes: fields of the PaymentIntent that differ. Returns the
--- outcome.
function fixture:news(payment_id, order_id, status, changes)
    local fields = {
        id = "'pi_" .. payment_id .. "'", status = "'" .. status .. "'", providerStatus = "'x'",
        amount = "10000", received = "10000", currency = "'usd'",
        orderId = "'" .. order_id .. "'", isLive = "false",
    }
    for name, value in pairs(changes or {}) do
        fields[name] = value
    end
    local pairs_text = {}
    for name, value in pairs(fields) do
        pairs_text[#pairs_text + 1] = ("'%s', %s"):format(name, value)
    end
    return self.db:value(("select outcome from payment_apply('%s', jsonb_build_object(%s))")
        :format(payment_id, table.concat(pairs_text, ", ")))
end

function fixture:paid()
    local id = self:order()
    assert(self:news(id, id, "SUCCEEDED") == "CONFIRMED")
    return id
end

--- The vendor order of 60.00 (1) or 40.00 (2).
function fixture:part(order_id, number)
    return self.db:value(("select id from vendor_orders where order_id = '%s' "
        .. "and subtotal_minor = %d"):format(order_id, 8000 - number * 2000))
end

--- {stock, reserved} of a product by its number.
function fixture:shelf(number)
    local row = self.db:query("select stock, reserved from product_stock where product_id = "
        .. "'00000000-0000-4000-8003-00000000000" .. number .. "'")[1]
    return { tonumber(row[1]), tonumber(row[2]) }
end

--- How many invariants do not hold.
function fixture:violations()
    return self.db:value("select coalesce(sum(violations), 0) from invariant_report()")
end

--- Runs SQL texts each in a session of its own, `at_once` at a time. Returns how many succeeded.
function fixture:together(texts, at_once)
    local folder = shell.must("mktemp -d"):gsub("%s+$", "")
    for i, text in ipairs(texts) do
        shell.write(("%s/%d.sql"):format(folder, i), text)
    end
    local output = shell.must(("ls %s/*.sql | xargs -P %d -I {} sh -c '%s %s -f {} "
        .. ">/dev/null 2>{}.err && echo done || true'"):format(
        folder, at_once, PSQL, '"' .. self.db.url .. '"'))
    local problems = shell.must("cat " .. folder .. "/*.err")
    shell.must("rm -r " .. folder)
    return select(2, output:gsub("done", "")), problems
end

return fixture
