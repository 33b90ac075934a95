--- Cards show what a product's categories and images are, and category_ids tell search, whoever
-- changes them and whatever comes at once.
local database = require("spec.support.database")
local shell = require("spec.support.shell")

local PRODUCT = "00000000-0000-4000-8003-000000000001"

local ROWS = [[
insert into users (id, email, password_hash, name, role)
values ('00000000-0000-4000-8000-000000000001', 'v@souk.test', '$2x', 'v', 'VENDOR');
insert into vendors (id, user_id, business_name, slug, status)
values ('00000000-0000-4000-8001-000000000001', '00000000-0000-4000-8000-000000000001', 'Shop',
    'shop', 'ACTIVE');
insert into products (id, vendor_id, name, slug, price_minor, currency, status)
select ('00000000-0000-4000-8003-00000000000' || g)::uuid, '00000000-0000-4000-8001-000000000001',
    'Thing ' || g, 'thing-' || g, 1, 'USD', 'PUBLISHED'
from generate_series(1, 2) as g;
insert into categories (id, name, slug)
select ('00000000-0000-4000-8004-00000000000' || g)::uuid, 'Kind ' || g, 'kind-' || g
from generate_series(1, 3) as g;
]]

-- What the view should show, gathered from the tables.
local WRONG = [[
select count(*) from product_full
where categories::jsonb is distinct from (
    select coalesce(jsonb_agg(jsonb_build_object('id', categories.id, 'slug', categories.slug,
        'name', categories.name) order by categories.name, categories.id), '[]')
    from product_categories
    inner join categories on categories.id = product_categories.category_id
    where product_categories.product_id = product_full.id)
or images::jsonb is distinct from (
    select coalesce(jsonb_agg(jsonb_build_object('id', id, 'url', url, 'alt', alt,
        'position', position) order by position), '[]')
    from product_images where product_images.product_id = product_full.id)
or not exists (
    select from products
    where products.id = product_full.id and products.category_ids = array(
        select category_id from product_categories where product_id = products.id
        order by category_id))
]]

describe("product cards", function()
    local db

    local function shown(column)
        return db:value(("select %s from product_full where id = '%s'"):format(column, PRODUCT))
    end

    local function file(product, category)
        return ("insert into product_categories values ('00000000-0000-4000-8003-00000000000%d', "
            .. "'00000000-0000-4000-8004-00000000000%d')"):format(product, category)
    end

    local function rename(category, name)
        return ("update categories set name = '%s' where slug = 'kind-%d'"):format(name, category)
    end

    before_each(function()
        db = database.fresh()
        db:query(ROWS)
    end)

    after_each(function()
        db:drop()
    end)

    it("are empty for a product without categories and images", function()
        assert.equal("[]", shown("categories"))
        assert.equal("[]", shown("images"))
    end)

    it("show categories by name as they come, change their name or slug, and go", function()
        db:query(file(1, 2) .. ";" .. file(1, 1) .. ";" .. file(2, 1))
        assert.equal('[{"id":"00000000-0000-4000-8004-000000000001",'
            .. '"slug":"kind-1","name":"Kind 1"},'
            .. '{"id":"00000000-0000-4000-8004-000000000002","slug":"kind-2","name":"Kind 2"}]',
            shown("categories"))
        db:query(rename(1, "Other \"things\""))
        db:query("update categories set slug = 'kind-9' where slug = 'kind-2'")
        assert.truthy(shown("categories"):find('"kind-9"', 1, true))
        assert.equal(0, db:value(WRONG))
        db:query("delete from product_categories where category_id::text like '%2'")
        assert.is_nil(shown("categories"):find("kind-9", 1, true))
        assert.equal(0, db:value(WRONG))
    end)

    it("show images in their order as they come, move, change and go", function()
        db:query(("insert into product_images (product_id, url, alt, position, media_type, "
            .. "size_bytes, width, height) select '%s', '/media/' || g, 'its \"side\"', 3 - g, "
            .. "'image/png', 1, 1, 1 from generate_series(1, 2) as g"):format(PRODUCT))
        assert.truthy(shown("images"):find('"/media/2".*"/media/1"'))
        assert.equal(0, db:value(WRONG))
        db:query("update product_images set product_id = "
            .. "'00000000-0000-4000-8003-000000000002' where position = 1")
        assert.equal(0, db:value(WRONG))
        db:query("update product_images set alt = 'front'")
        assert.truthy(shown("images"):find('"front"', 1, true))
        db:query("delete from product_images")
        assert.equal("[]", shown("images"))
        assert.equal(0, db:value(WRONG))
    end)

    it("leave the product itself alone when a category is renamed", function()
        db:query(file(1, 1))
        local before = db:value("select string_agg(ctid::text, ' ') from products")
        db:query(rename(1, "Else"))
        assert.equal(before, db:value("select string_agg(ctid::text, ' ') from products"))
    end)

    local function at_once(first, second)
        local url = shell.quote(db.url)
        local psql = "/usr/lib/postgresql/15/bin/psql -X -q -v ON_ERROR_STOP=1 -d " .. url .. " -c "
        local slow = "begin; " .. first .. "; select pg_sleep(0.6); commit"
        local _, code = shell.run(psql .. shell.quote(slow) .. " >/dev/null & sleep 0.2; " .. psql
            .. shell.quote(second) .. " && wait $!")
        assert.equal(0, code)
        assert.equal(0, db:value(WRONG))
    end

    it("miss no rename that was under way when a product was filed", function()
        at_once(rename(1, "New"), file(1, 1))
        assert.truthy(shown("categories"):find('"New"', 1, true))
    end)

    it("miss no product that was being filed when a category was renamed", function()
        at_once(file(1, 1), rename(1, "New"))
        assert.truthy(shown("categories"):find('"New"', 1, true))
    end)

    it("show both of two renames at once", function()
        db:query(file(1, 1) .. ";" .. file(1, 2))
        at_once(rename(1, "New"), rename(2, "Newer"))
    end)
end)
