-- What a visitor of the first `./souk up` finds.
local crypto = require("core.crypto")
local database = require("spec.support.database")
local shell = require("spec.support.shell")

local PASSWORD = "souk-demo-2026"
local TABLES = { "users", "buyers", "vendors", "categories", "products", "product_categories",
    "inventory_movements" }

local sql = database.own()

local function load()
    shell.must("/usr/lib/postgresql/15/bin/psql -X -q -A -t -v ON_ERROR_STOP=1 -1 -d "
        .. shell.quote(sql.url) .. " -f sql/seeds/demo.sql")
end

local function fingerprints()
    local all = {}
    for _, name in ipairs(TABLES) do
        all[name] = sql:value(([[
            select count(*) || ' ' || md5(string_agg(t::text, '' order by t::text))
            from %s as t]]):format(name))
    end
    return all
end

describe("the demo marketplace", function()
    setup(load)

    it("has a dozen active shops in as many cities, far from each other", function()
        assert.equal(12, sql:value("select count(*) from vendors where status = 'ACTIVE'"))
        assert.equal(0, sql:value([[select count(*) from vendors as a inner join vendors as b
            on a.id < b.id and abs(a.lat_deg - b.lat_deg) + abs(a.lon_deg - b.lon_deg) < 1]]))
        assert.equal(0, sql:value(
            "select count(*) from vendors where country is null or description = ''"))
    end)

    it("has some hundred published products, at least ten a shop", function()
        local count = sql:value("select count(*) from products where status = 'PUBLISHED'")
        assert.is_true(count >= 120 and count <= 300)
        assert.is_true(sql:value([[select min(count) from
            (select count(*) from products group by vendor_id) as by_vendor]]) >= 10)
    end)

    it("has sensible names, descriptions, prices and stock", function()
        assert.equal(0, sql:value([[select count(*) from products
            inner join product_stock on product_id = id
            where length(name) not between 4 and 60 or length(description) < 20
                or price_minor not between 300 and 50000 or currency <> 'USD'
                or stock not between 1 and 1000 or reserved <> 0 or rating_count <> 0]]))
        assert.equal(0, sql:value([[select count(*) from products where slug !~ '^[a-z0-9-]+$']]))
    end)

    it("has a tree of categories with two levels, each lower one in use", function()
        assert.is_true(sql:value("select count(*) from categories where parent_id is null") >= 6)
        assert.equal(0, sql:value([[select count(*) from categories as c
            inner join categories as parents on parents.id = c.parent_id
            where parents.parent_id is not null]]))
        assert.equal(0, sql:value([[select count(*) from categories where parent_id is not null
            and id not in (select category_id from product_categories)]]))
        assert.equal(0, sql:value([[select count(*) from products
            where id not in (select product_id from product_categories)]]))
    end)

    it("accounts for all stock by movements", function()
        assert.equal(0, sql:value([[select count(*) from product_stock left join
            (select product_id, sum(delta) from inventory_movements group by 1) as moved
            using (product_id) where stock <> coalesce(moved.sum, 0)]]))
        assert.equal(0, sql:value("select count(*) from invariant_report() where violations > 0"))
    end)

    it("lets every login in with the documented password, one for each role at least", function()
        local roles = {}
        for _, row in ipairs(sql:query("select role, password_hash, email from users")) do
            roles[row[1]] = true
            assert.matches("@demo%.souk%.example$", row[3])
        end
        assert.same({ ADMIN = true, BUYER = true, VENDOR = true }, roles)
        for _, name in ipairs({ "admin", "buyer", "vendor", "mumbai" }) do
            local hash = sql:value(([[select password_hash from users
                where email = '%s@demo.souk.example']]):format(name))
            assert.is_true(crypto.check_password(PASSWORD, hash))
        end
        assert.equal(0, sql:value([[select count(*) from users left join vendors
            on vendors.user_id = users.id left join buyers on buyers.user_id = users.id
            where (role = 'VENDOR') <> (vendors.id is not null)
                or (role = 'BUYER') <> (buyers.id is not null)]]))
    end)

    it("contains the worked example: 60.00 and 40.00 of two vendors", function()
        assert.same({ { "6000" }, { "4000" } }, sql:query([[select price_minor from products
            where slug in ('monsoon-coffee-gift-box', 'masala-chai-gift-tin')
            order by price_minor desc]]))
    end)

    it("uses ids of version 7", function()
        for _, name in ipairs({ "users", "vendors", "categories", "products" }) do
            assert.equal(0, sql:value(([[select count(*) from %s where id::text
                !~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$']])
                :format(name)))
        end
    end)

    it("changes nothing when it is loaded again, nor what was changed since", function()
        sql:query([[update products set status = 'ARCHIVED', name = 'Gone'
                where slug = 'masala-chai-gift-tin';
            update product_stock set stock = stock - 1 where product_id =
                (select id from products where slug = 'monsoon-coffee-gift-box');
            delete from product_categories where product_id =
                (select id from products where slug = 'monsoon-coffee-gift-box')]])
        local before = fingerprints()
        load()
        assert.same(before, fingerprints())
    end)
end)
