--- Search, measured statement by statement on a connection of its own: what PostgreSQL takes for a
--- page, a total, facets, a completion, a correction. Each is asked four times, and the median of
--- the last three counts, in time of a core: who else wants it does not make a word slow. p99 is
--- that of words, one of which is slower than another. Databases are made once and kept by their
--- names. Run by ./souk bench search.
package.path = "./?.lua;" .. package.path
local percentile = require("spec.bench.percentile")
local vocabulary = require("spec.support.vocabulary")

local ADMIN = os.getenv("SOUK_BENCH_ADMIN")
local BINARY = os.getenv("SOUK_BINARY") or "build/release/souk"
local HOME = os.getenv("SOUK_BENCH_HOME") or "/tmp"
local IS_QUICK = os.getenv("SOUK_BENCH_MODE") ~= "full"
local PSQL = "/usr/lib/postgresql/15/bin/psql -X -q -A -t -v ON_ERROR_STOP=1 -d "
local ASKED = IS_QUICK and 12 or 60
local TIMED = IS_QUICK and 1 or 3
local LIST_SQL = "sql/queries/product/%s.sql"

local function quote(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function url(name)
    return (ADMIN:gsub("dbname=%S+", "dbname=" .. name))
end

local function sh(line)
    local pipe = assert(io.popen(line .. " 2>&1; echo \"|$?\""))
    local output = pipe:read("*a")
    pipe:close()
    local text, code = output:match("^(.*)|(%d+)\n$")
    if code ~= "0" then
        error(line .. "\n" .. text, 0)
    end
    return text
end

local function sql(name, text)
    return sh(PSQL .. quote(url(name)) .. " -c " .. quote(text))
end

local function say(...)
    io.stderr:write(table.concat({ ... }), "\n")
end

--- A catalogue of that size with its dictionary, made unless it is there.
local function catalogue(vendors, products)
    local name = ("souk_search_%d_%d"):format(vendors, products)
    local is_there = sql("postgres", "select 1 from pg_database where datname = '" .. name .. "'")
        :find("1") ~= nil
    if not is_there then
        say("making a catalogue of ", vendors, " vendors and ", products, " products")
        sql("postgres", "create database " .. name .. "_new")
    end
    local at = is_there and name or name .. "_new"
    sh(("DATABASE_URL=%s %s migrate --conf conf/dev.conf"):format(quote(url(at)), BINARY))
    if not is_there then
        sh(("sh spec/bench/catalogue.sh %s %d %d"):format(quote(url(at)), vendors, products))
        sql(at, "call term_fill()")
        sql(at, "analyze terms")
        sql("postgres", ("alter database %s_new rename to %s"):format(name, name))
    end
    -- As a migration leaves it that wrote all products anew.
    if sql(name, "select relallvisible from pg_class where relname = 'products'") == "0\n" then
        sql(name, "vacuum products")
    end
    return name
end

local function literal(value)
    return value == nil and "null" or "'" .. tostring(value):gsub("'", "''") .. "'"
end

local function statement(path)
    local file = assert(io.open(path))
    local text = file:read("*a"):gsub("%-%-[^\n]*\n", ""):gsub(";%s*$", "")
    file:close()
    return text
end

--- Milliseconds of each list of arguments, in order of size: what the backend took of a core, which
--- is what a client waits for when the core is free and memory is warm.
local function time(name, path, lists, count)
    local lines = {
        "prepare asked as " .. statement(path) .. ";", "set jit = off;", "\\o /dev/null",
        "set client_min_messages = log;", "set log_statement_stats = on;",
    }
    for _, list in ipairs(lists) do
        local values = {}
        for i = 1, count do
            values[i] = literal(list[i])
        end
        local line = ("execute asked(%s);\n"):format(table.concat(values, ", "))
        lines[#lines + 1] = line:rep(1 + TIMED)
    end
    local script = HOME .. "/search.sql"
    local file = assert(io.open(script, "w"))
    file:write(table.concat(lines, "\n"), "\n")
    file:close()
    local times, asked = {}, {}
    for user, system in sh(PSQL .. quote(url(name)) .. " -f " .. script)
        :gmatch("!\t([%d.]+) s user, ([%d.]+) s system, [%d.]+ s elapsed") do
        asked[#asked + 1] = (user + system) * 1000
        if #asked == 1 + TIMED then
            table.remove(asked, 1)
            table.sort(asked)
            times[#times + 1], asked = asked[math.ceil(TIMED / 2)], {}
        end
    end
    assert(#times == #lists, "not all was timed")
    table.sort(times)
    return times
end

local function row(what, size, times)
    local sum = 0
    for _, ms in ipairs(times) do
        sum = sum + ms
    end
    print(("row\t%s\t%s\t%.0f\t%.0f\t%.0f\t%.0f"):format(what, size,
        percentile(times, 0.5) * 1000, percentile(times, 0.95) * 1000,
        percentile(times, 0.99) * 1000, #times / sum * 1000))
    io.stdout:flush()
    return percentile(times, 0.99), percentile(times, 0.95)
end

-- What is asked -----------------------------------------------------------------------------------

local words = vocabulary.words(60000)

--- Words of a band of ranks.
local function band(first, last)
    local below, list = vocabulary.draw(first + 3), {}
    for i = 1, ASKED do
        list[i] = words[first + below(last - first + 1)]
    end
    return list
end

local bands = {
    { "rare word", band(20001, 60000) }, { "medium word", band(400, 4000) },
    { "word in 1 to 10 %", band(61, 400) }, { "common word", band(1, 60) },
    { "two common words", {} }, { "common and rare", {} }, { "common and 1 to 10 %", {} },
}
for i = 1, ASKED do
    bands[5][2][i] = bands[4][2][i] .. " " .. bands[4][2][i % ASKED + 1]
    bands[6][2][i] = bands[4][2][i] .. " " .. bands[1][2][i]
    bands[7][2][i] = bands[4][2][i] .. " " .. bands[3][2][i]
end

local function filters(fields)
    local parts = {}
    for name, value in pairs(fields) do
        parts[#parts + 1] = ("%q: %s"):format(name,
            type(value) == "string" and ("%q"):format(value) or tostring(value))
    end
    return "{" .. table.concat(parts, ", ") .. "}"
end

local function lists_of(texts, sort, more)
    local lists = {}
    for i, text in ipairs(texts) do
        local fields = { q = text }
        for name, value in pairs(more or {}) do
            fields[name] = value
        end
        lists[i] = { filters(fields), sort, nil, nil, 21, 0 }
    end
    return lists
end

local function repeated(list)
    local lists = {}
    for i = 1, ASKED do
        lists[i] = list
    end
    return lists
end

--- Beginnings of names, one letter to all of a word, and of a second word.
local function beginnings()
    local list, below = {}, vocabulary.draw(5)
    for i = 1, ASKED * 3 do
        local word = words[1 + below(i % 3 == 0 and 50 or 20000)]
        local typed = word:sub(1, 1 + below(#word))
        list[i] = { i % 4 == 0 and words[1 + below(300)] .. " " .. typed or typed, 10 }
    end
    return list
end

local function typos()
    local list = {}
    for line in io.lines("spec/fixtures/typos.tsv") do
        list[#list + 1] = { line:match("^(%S+)\t(%S+)$") }
    end
    return list
end

local worst = {}

local function worse(goal, ms)
    worst[goal] = math.max(worst[goal] or 0, ms)
end

local function measure_words(name, size)
    for _, one in ipairs(bands) do
        for _, sort in ipairs({ "relevance", "newest", "price", "rating" }) do
            local p99 = row(one[1] .. ", by " .. sort, size,
                time(name, LIST_SQL:format("search"), lists_of(one[2], sort), 6))
            worse((sort == "relevance" and "relevance " or "ordered ") .. size, p99)
        end
        local counted = {}
        for i, text in ipairs(one[2]) do
            counted[i] = { filters({ q = text }), 10001 }
        end
        worse("counted " .. size, (row("total, " .. one[1], size,
            time(name, LIST_SQL:format("count"), counted, 2))))
        for _, list in ipairs(counted) do
            list[2] = 1000
        end
        worse("counted " .. size, (row("facets, " .. one[1], size,
            time(name, LIST_SQL:format("facets"), counted, 2))))
    end
end

--- Words within a category and a range of prices: which is rarest differs from word to word.
local function measure_narrowed(name, size)
    local narrowings = {
        { "in a category", { category = "category-20" } },
        { "in a price range", { minPrice = 60000, maxPrice = 70000 } },
    }
    for _, narrowing in ipairs(narrowings) do
        for _, place in ipairs({ 2, 3, 4 }) do
            local band_name, texts = unpack(bands[place])
            for _, sort in ipairs({ "newest", "price" }) do
                worse("narrowed " .. size, (row(("%s %s, by %s"):format(band_name, narrowing[1],
                    sort), size, time(name, LIST_SQL:format("search"),
                    lists_of(texts, sort, narrowing[2]), 6))))
            end
        end
    end
end

local function measure_filters(name, size)
    local cases = {
        { "price range, by price", { minPrice = 5000, maxPrice = 9000 }, "price" },
        { "rare category, newest", { category = "category-50" }, "newest" },
        { "common category, by price", { category = "category-1" }, "price" },
        { "in stock, by rating", { inStock = true }, "rating" },
    }
    for _, case in ipairs(cases) do
        worse("ordered " .. size, (row(case[1], size, time(name, LIST_SQL:format("search"),
            repeated({ filters(case[2]), case[3], nil, nil, 21, 0 }), 6))))
    end
    local _, p95 = row("newest, no filter", size, time(name, LIST_SQL:format("newest"),
        repeated({ nil, nil, 21, 0 }), 4))
    return p95
end

local function measure_corrections(name, size)
    local lists, known = {}, {}
    for i, typo in ipairs(typos()) do
        lists[i] = { "{" .. typo[1] .. "}" }
        known[i] = ("('%s', '%s')"):format(typo[1], typo[2])
    end
    -- Of those whose word some product has.
    local right = tonumber(sql(name, ("select 100.0 * count(*) filter (where exists (select"
        .. " from term_corrections(array[typed]) as best where best.word = meant)) / count(*)"
        .. " from (values %s) as typos (typed, meant)"
        .. " where exists (select from terms where terms.word = meant)"):format(
        table.concat(known, ", "))))
    row("a word corrected", size, time(name, "sql/queries/term/corrections.sql", lists, 1))
    return right
end

local FEWEST = IS_QUICK and 1000 or 10000 -- products, and as many vendors
local sizes = IS_QUICK and { FEWEST } or { FEWEST, 100000, 1000000 }
local list_p95, corrected = {}, nil
for _, products in ipairs(sizes) do
    local name, size = catalogue(FEWEST, products), products .. " products"
    measure_words(name, size)
    if not IS_QUICK and products == 1000000 then
        measure_narrowed(name, size)
    end
    list_p95[products] = measure_filters(name, size)
    worse("suggest " .. size, (row("completion", size,
        time(name, LIST_SQL:format("suggest"), beginnings(), 2))))
    corrected = measure_corrections(name, size)
end
local p95_few = measure_filters(catalogue(10, FEWEST), FEWEST .. " products of 10 vendors")

local function goal(text, value, op, bound, unit)
    print(("goal\t%s\t%s\t%s\t%s\t%s\t%s"):format(unit == "x" and "6" or "5", text,
        value and ("%.2f %s"):format(value, unit) or "not measured", value or "-", op, bound))
end

print("note\tsearch: times of a core on one connection, memory warm, a median of three a word")
local LAST = "1000000 products"
goal("ordered lists at 1M, p99", worst["ordered " .. LAST], "<=", 25, "ms")
goal("the same in a category or a price range, p99", worst["narrowed " .. LAST], "<=", 25,
    "ms")
goal("relevance at 1M, any word, p99", worst["relevance " .. LAST], "<=", 75, "ms")
goal("totals and facets at 1M, p99", worst["counted " .. LAST], "<=", 50, "ms")
goal("completion at 1M, p99", worst["suggest " .. LAST], "<=", 5, "ms")
goal("typing errors put right", corrected, ">=", 95, "%")
goal(("list p95, %d vendors over 10"):format(FEWEST), list_p95[FEWEST] / p95_few, "<=", 1.1,
    "x")
goal("list p95, 1M products over 10 000",
    list_p95[1000000] and list_p95[1000000] / list_p95[FEWEST], "<=", 2, "x")
