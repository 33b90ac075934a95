--- What search reads of a catalogue, in pages as EXPLAIN counts them: a bounded number, whatever
--- the words, and the same for 10 vendors as for 10 000.
local database = require("spec.support.database")
local shell = require("spec.support.shell")

local PRODUCTS = 2000
--- Vendors looked at for one page: of 21 rows twice, of completions at most 100.
local LOOKED_UP = 100

local function statement(name)
    return (shell.read("sql/queries/" .. name .. ".sql"):gsub("%-%-[^\n]*\n", ""):gsub(";%s*$", ""))
end

--- The pages that a statement touches, the second time it runs on a connection.
local function pages(db, name, arguments)
    local call = "execute asked(" .. arguments .. ")"
    local rows = db:query(("prepare asked as %s; explain (analyze, buffers) %s; "
        .. "explain (analyze, buffers) %s"):format(statement(name), call, call))
    local found, is_top = {}, false
    for _, row in ipairs(rows) do
        local hit = row[1]:match("Buffers: shared hit=(%d+)")
        if row[1]:find("actual time", 1, true) and not row[1]:find("->", 1, true) then
            is_top = true
        elseif hit and is_top then
            found[#found + 1], is_top = tonumber(hit), false
        end
    end
    return assert(found[2], name .. " " .. arguments)
end

local function list(filters, sort)
    return { "product/search", ("'%s', '%s', null, null, 21, 0"):format(filters, sort) }
end

-- pulkea is in three of four products, fulple in some of a hundred, nothing has xyzzy.
local CASES = {
    { 300, { "product/newest", "null, null, 21, 0" } },
    { 450, list("{}", "price") },
    { 450, list("{}", "rating") },
    { 450, list('{"minPrice": 5000, "maxPrice": 9000}', "-price") },
    { 900, list('{"inStock": true}', "newest") },
    { 900, list('{"q": "pulkea"}', "newest") },
    { 900, list('{"q": "pulkea"}', "price") },
    { 5000, list('{"q": "fulple"}', "price") },
    { 5000, list('{"q": "fulple pulkea"}', "rating") },
    { 1600, list('{"q": "xyzzy"}', "newest") },
    { 1600, list('{"q": "xyzzy pulkea"}', "price") },
    { 2000, list('{"category": "category-50"}', "newest") },
    { 700, { "product/suggest", "'p', 10" } },
    { 700, { "product/suggest", "'pulk', 10" } },
    { 700, { "product/suggest", "'pulkea jun', 10" } },
    { 700, { "product/suggest", "'xyzzy', 10" } },
    { 300, { "term/corrections", "'{pulkae}'" } },
}

local function catalogue(vendors)
    local db = database.fresh()
    shell.must(("sh spec/bench/catalogue.sh %s %d %d"):format(shell.quote(db.url), vendors,
        PRODUCTS))
    db:query([[
        insert into terms (word, stem, in_names, in_products)
        select word, word, ndoc, ndoc from ts_stat(
            'select to_tsvector(''simple'', name) from products where status = ''PUBLISHED''')
        where ndoc > 2;
        analyze terms]])
    return db
end

describe("search", function()
    local few, many

    setup(function()
        few, many = catalogue(10), catalogue(10000)
    end)
    teardown(function()
        few:drop()
        many:drop()
    end)

    for _, case in ipairs(CASES) do
        local budget, asked = unpack(case)
        it(("reads at most %d pages, for any number of vendors: %s %s"):format(budget, asked[1],
            asked[2]), function()
            local of_few, of_many = pages(few, asked[1], asked[2]), pages(many, asked[1], asked[2])
            assert.is_true(of_many <= budget, of_many .. " pages")
            -- An index of 10 000 vendors is two pages deeper than one of 10.
            assert.is_true(of_many <= of_few + 2 * LOOKED_UP, ("%d with 10 vendors, %d with 10 000")
                :format(of_few, of_many))
        end)
    end
end)
