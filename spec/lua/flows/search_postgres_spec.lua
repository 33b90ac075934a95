--- The dictionary and what is made of it; what every provider keeps is in
--- spec/lua/souk/search_spec.lua.
local database = require("spec.support.database")
local json = require("core.json")
local search = require("souk.search")
local search_postgres = require("flows.search_postgres")
local shell = require("spec.support.shell")
local vocabulary = require("spec.support.vocabulary")

local WORDS = 3000

--- {typed, meant} of the fixed set of typing errors.
local function typos()
    local list = {}
    for line in shell.read("spec/fixtures/typos.tsv"):gmatch("[^\n]+") do
        list[#list + 1] = { line:match("^(%S+)\t(%S+)$") }
    end
    return list
end

local function fill_terms(own, words)
    own:query(([[
        truncate terms;
        insert into terms (word, stem, in_names, in_products)
        select word, word, 1, 1 + 100000 / place
        from unnest(string_to_array('%s', ' ')) with ordinality as listed (word, place)
        on conflict do nothing;
        analyze terms]]):format(table.concat(words, " ")))
end

describe("search.correct", function()
    local own = database.own()
    setup(database.wait)

    it("puts at least 95 % of the fixed typing errors right", function()
        local words, wrong = vocabulary.words(WORDS), {}
        for _, typo in ipairs(typos()) do
            words[#words + 1] = typo[2]
        end
        fill_terms(own, words)
        for _, typo in ipairs(typos()) do
            local meant = search.correct(typo[1])
            if meant ~= typo[2] then
                wrong[#wrong + 1] = typo[1] .. " " .. tostring(meant) .. " not " .. typo[2]
            end
        end
        assert.is_true(#wrong <= 11, table.concat(wrong, "\n"))
    end)

    local cases = {
        { "a letter too few", "cramic" },
        { "a letter too many", "ceramicc" },
        { "two letters swapped", "ceramci" },
        { "another letter", "ceramix" },
    }
    for _, case in ipairs(cases) do
        it("takes back " .. case[1], function()
            fill_terms(own, { "ceramic" })
            assert.equal("ceramic", search.correct(case[2]))
        end)
    end
    it("takes the word that more products have, of two as near", function()
        fill_terms(own, { "lamp", "limp" })
        assert.equal("lamp", search.correct("lmp"))
        fill_terms(own, { "limp", "lamp" })
        assert.equal("limp", search.correct("lmp"))
    end)
    it("leaves operators, phrases and unwanted words as they are", function()
        fill_terms(own, { "ceramic", "bowl" })
        assert.equal('"ceramic  bowl" or -cramic', search.correct('"cramic  bwol" or -cramic'))
    end)
    it("knows a word by its stem, and answers nil when nothing is to be done", function()
        own:query("truncate terms; insert into terms values ('bowls', 'bowl', 1, 1)")
        for _, text in ipairs({ "bowl", "the", "or", "", "xyzzyq", "12345", "''--;", "b", "ß" }) do
            assert.is_nil(search.correct(text))
        end
        assert.is_nil(search.correct(("wrong "):rep(40)))
    end)
    it("does not care for how letters are written", function()
        own:query("truncate terms; insert into terms values ('käse', 'käse', 1, 1)")
        assert.equal("käse", search.correct("käsee"))
        assert.equal("käse", search.correct("KSE"))
    end)
end)

describe("the dictionary", function()
    local own = database.own()

    setup(function()
        own:query([[
            insert into users (id, email, password_hash, name, role)
            values ('00000000-0000-7000-8000-000000000001', 'v@example.com', '$2b$', 'V', 'VENDOR');
            insert into vendors (id, user_id, business_name, slug, status)
            values ('00000000-0000-7000-8000-000000000002',
                '00000000-0000-7000-8000-000000000001', 'V', 'v', 'ACTIVE');
            insert into products (vendor_id, name, slug, description, price_minor, currency, status)
            select '00000000-0000-7000-8000-000000000002', 'Lamp ' || n, 'lamp-' || n,
                'A shining lamp, no. ' || n || case when n = 7 then ' peculiar' else '' end,
                100, 'USD', case when n = 9 then 'DRAFT' else 'PUBLISHED' end
            from generate_series(1, 50) as n]])
    end)

    local function counts(word)
        local row = own:query("select in_names, in_products from terms where word = '" .. word
            .. "'")[1]
        return row and row[1] .. " " .. row[2]
    end

    it("has the words of what is on sale, and how many names and products they are in", function()
        own:query("truncate terms")
        own:query("call term_fill()")
        assert.equal("49 49", counts("lamp"))
        assert.equal("0 49", counts("shining"))
        assert.equal("0 1", counts("peculiar"))
        assert.is_nil(counts("the"))
        assert.is_nil(counts("7"))
    end)
    it("reads no more products in a turn than it is told", function()
        own:query("truncate term_rounds, term_counts; select term_round(10, 4)")
        assert.is_true(own:value("select in_names from term_counts where word = 'lamp'") <= 10)
        own:query("select term_round(10, 4)")
        assert.equal(2, own:value("select count(*) from term_counts where word = 'lamp'"))
    end)
    it("has the words of a small catalogue in as many turns as it was read in, and two", function()
        own:query("truncate terms, term_rounds, term_counts")
        for _ = 1, 3 do
            own:query("select term_round(1000, 64)")
        end
        assert.equal("49 49", counts("lamp"))
        assert.equal("t", own:value("select ended_at is not null from term_rounds"))
    end)
    it("forgets words that are gone, a round later", function()
        own:query("update products set description = '' where name = 'Lamp 7'")
        own:query("call term_fill()")
        assert.is_nil(counts("peculiar"))
        assert.equal("49 49", counts("lamp"))
    end)
    it("rests while nothing has changed", function()
        own:query("call term_fill()")
        own:query("update term_rounds set changes = term_changes(), ended_at = '2020-01-01'")
        search_postgres.count_terms()
        assert.equal("2020-01-01 00:00:00+00", own:value("select ended_at from term_rounds"))
        own:query("update products set version = 2 where name = 'Lamp 1';"
            .. "select pg_stat_force_next_flush()")
        shell.wait_until("a round begins", 20, function()
            search_postgres.count_terms()
            return own:value("select ended_at is null or ended_at > now() - interval '1 day'"
                .. " from term_rounds") == "t"
        end)
    end)
    it("is used by completions, which are names", function()
        own:query("call term_fill()")
        local found = json.decode(search.suggest("LMAP 3", 3))
        assert.equal("Lamp 3", found[1].text)
        assert.equal("lamp-3", found[1].slug)
        assert.same({}, json.decode(search.suggest("lamp 9%", 3)))
    end)
end)

describe("search.query", function()
    it("gives ids, scores and where the next page begins, by the name of who found them", function()
        local hits = search.query({
            filters = { q = "lamp" }, sort = "relevance", limit = 2, wants_total = true,
            wants_facets = true,
        })
        assert.equal(2, #hits.ids)
        assert.is_number(hits.scores[1])
        assert.same({ hits.sorts[2], hits.ids[2] }, hits.after)
        assert.same({ 49, true, "postgres" }, { hits.total, hits.total_is_exact, hits.provider })
        assert.equal(49, hits.facets[1].count)
        local rest = search.query({
            filters = { q = "lamp" }, sort = "relevance", limit = 100, after = hits.after,
        })
        assert.equal(47, #rest.ids)
        assert.is_nil(rest.after)
    end)
    it("counts facets over the first thousand matches", function()
        database.own():query([[
            insert into products (vendor_id, name, slug, price_minor, currency, status)
            select '00000000-0000-7000-8000-000000000002', 'Clock ' || n, 'clock-' || n, 100,
                'USD', 'PUBLISHED'
            from generate_series(1, 1100) as n]])
        local hits = search.query({
            filters = { q = "clock" }, sort = "newest", limit = 1, wants_facets = true,
            wants_total = true,
        })
        assert.equal(1100, hits.total)
        assert.equal(1000, hits.facets[1].count)
    end)
    it("completes a word behind others, misspelt ones among them", function()
        database.own():query("call term_fill()")
        for _, typed in ipairs({ "clock 7", "7 clo", "clokc 7", "7 clokc" }) do
            local texts = {}
            for _, found in ipairs(json.decode(search.suggest(typed, 10))) do
                texts[found.text] = true
            end
            assert.is_true(texts["Clock 7"], typed)
        end
    end)
end)
