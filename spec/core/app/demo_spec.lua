-- `souk demo` fills a database of this spec's own.
local database = require("spec.support.database")
local shell = require("spec.support.shell")

local BINARY = os.getenv("SOUK_BINARY") or "build/sanitize/souk"
local VENDORS, PRODUCTS = 60, 3000
-- All but what is made by the clock or by chance of the transaction.
local CONTENT = {
    users = "id, email, name, role",
    vendors = "id, user_id, business_name, slug, description, lat_deg, lon_deg, status, country",
    products = "id, vendor_id, name, slug, description, price_minor, status, created_at",
    product_stock = "product_id, stock, reserved",
    inventory_movements = "id, product_id, kind, delta, stock_after, created_at",
}

local function demo(db, arguments)
    return shell.run(("DATABASE_URL=%s %s demo %s --conf conf/test.conf"):format(
        shell.quote(db.url), BINARY, arguments))
end

local function fill(db, arguments)
    local output, code = demo(db, arguments)
    assert.equal(0, code, output)
    return output
end

local function content(db)
    local all = {}
    for name, columns in pairs(CONTENT) do
        all[name] = db:value(([[
            select count(*) || ' ' || md5(string_agg(t::text, '' order by t::text))
            from (select %s from %s) as t]]):format(columns, name))
    end
    return all
end

local function indexes(db)
    return db:query("select indexdef from pg_indexes where tablename = 'products' order by 1")
end

describe("souk demo", function()
    local db, output, indexes_before

    setup(function()
        db = database.fresh()
        indexes_before = indexes(db)
        output = fill(db, ("--vendors %d --products %d --seed 7"):format(VENDORS, PRODUCTS))
    end)

    teardown(function()
        db:drop()
    end)

    it("makes as many vendors and products as asked for, and says how fast", function()
        assert.equal(VENDORS, db:value("select count(*) from vendors where status = 'ACTIVE'"))
        assert.equal(PRODUCTS,
            db:value("select count(*) from products where status = 'PUBLISHED'"))
        assert.matches("^60 vendors and 3000 products in [%d.]+ s %(%d+ products/s%), seed 7",
            output)
    end)

    it("keeps every invariant", function()
        assert.equal(0, db:value("select count(*) from invariant_report() where violations > 0"))
        assert.equal(0, db:value([[select count(*) from product_stock left join
            (select product_id, sum(delta) from inventory_movements group by 1) as moved
            using (product_id) where stock <> coalesce(moved.sum, 0)]]))
        assert.equal(PRODUCTS,
            db:value("select count(distinct product_id) from product_categories"))
        assert.equal(0, db:value("select count(*) from users where role <> 'VENDOR'"))
        assert.equal(0, db:value([[select count(*) from categories as c
            inner join categories as parents on parents.id = c.parent_id
            where parents.parent_id is not null]]))
    end)

    it("gives products names of words, sensible prices, and to some no stock", function()
        assert.equal(0, db:value([[select count(*) from products
            where name !~ '^[A-Z][A-Za-z. -]+$' or price_minor not between 199 and 200000]]))
        local empty = db:value("select count(*) from product_stock where stock = 0")
        assert.is_true(empty > PRODUCTS / 100 and empty < PRODUCTS / 10)
    end)

    it("puts most products into few categories, and shops of all sizes into cities", function()
        local largest = db:value([[select max(count) from
            (select count(*) from product_categories group by category_id) as by_category]])
        local categories = db:value("select count(distinct category_id) from product_categories")
        assert.is_true(largest > 3 * PRODUCTS / categories)
        assert.is_true(db:value("select count(distinct country) from vendors") > 10)
        assert.is_true(db:value([[select max(count) > 3 * min(count) from
            (select count(*) from products group by vendor_id) as by_vendor]]) == "t")
    end)

    it("is the same for the same seed", function()
        local other = database.fresh()
        fill(other, ("--seed 7 --products %d --vendors %d"):format(PRODUCTS, VENDORS))
        local same = content(other)
        other:drop()
        assert.same(content(db), same)
    end)

    it("leaves the indexes of products as they were", function()
        assert.same(indexes_before, indexes(db))
    end)

    it("refuses a seed that is loaded, and takes the next one unasked", function()
        local before = content(db)
        local refusal, code = demo(db, "--vendors 1 --products 1 --seed 7")
        assert.equal(1, code)
        assert.matches("seed 7 is loaded already", refusal)
        assert.same(before, content(db))
        assert.matches("seed 1\n$", fill(db, "--vendors 2 --products 5"))
        assert.matches("seed 2\n$", fill(db, "--vendors 2 --products 5"))
        assert.equal(VENDORS + 4, db:value("select count(*) from vendors"))
    end)

    it("says how it is used when it is used wrongly, and what failed when it fails", function()
        for _, arguments in ipairs({ "", "--vendors 5", "--vendors 0 --products 5",
            "--vendors 5 --products x", "--vendors 5 --products 5 --colour red",
            "--vendors 5 --products" }) do
            local text, code = demo(db, arguments)
            assert.equal(2, code, arguments)
            assert.matches("usage: souk demo", text)
        end
        local text, code = demo({ url = "host=/nowhere dbname=x" }, "--vendors 1 --products 1")
        assert.equal(1, code)
        assert.matches("nothing was loaded", text)
    end)
end)
