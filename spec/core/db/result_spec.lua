local db = require("core.db")
local json = require("core.json")

local made = 0

--- A query of this text; returns its name.
local function query(sql)
    made = made + 1
    local name = "result/" .. made
    db.spec.define(name, sql)
    return name
end

local function json_of(sql, ...)
    return (assert(db.row_json(query(sql), ...)))
end

describe("a row as JSON", function()
    local cases = {
        { "writes null", "select null::text as a", '{"a":null}' },
        { "writes booleans", "select true as a, false as b", '{"a":true,"b":false}' },
        { "writes whole numbers of every size exactly",
            "select 1::int2 as a, -2147483648 as b, 9223372036854775807 as c",
            '{"a":1,"b":-2147483648,"c":9223372036854775807}' },
        { "writes fractions as the shortest digits", "select 0.1::float8 as a, 1e300::float8 as b",
            '{"a":0.1,"b":1e+300}' },
        { "writes numeric with all its digits", "select 12345678901234567890.123 as a",
            '{"a":12345678901234567890.123}' },
        { "has no NaN and no Infinity",
            "select 'NaN'::float8 as a, '-Infinity'::float8 as b, 'NaN'::numeric as c",
            '{"a":null,"b":null,"c":null}' },
        { "escapes texts", [[select E'q"b\\n\nt\tu\u0001' as a]], [[{"a":"q\"b\\n\nt\tu\u0001"}]] },
        { "keeps UTF-8", "select 'Żółć 日本 😀' as a", '{"a":"Żółć 日本 😀"}' },
        { "passes json through as it is stored",
            [[select '{"x": [1, null]}'::jsonb as a, '[ 1 ]'::json as b]],
            '{"a":{"x": [1, null]},"b":[ 1 ]}' },
        { "writes times in UTC with milliseconds",
            [[select '2026-01-27 12:30:00.123456+02'::timestamptz as a,
                '2026-01-27 10:30:00+00'::timestamptz as b]],
            '{"a":"2026-01-27T10:30:00.123Z","b":"2026-01-27T10:30:00.000Z"}' },
        { "cuts a time and does not round it up",
            "select '2026-12-31 23:59:59.9999+00'::timestamptz as a",
            '{"a":"2026-12-31T23:59:59.999Z"}' },
        { "writes a time of less than a millisecond's digits",
            "select '2026-01-27 10:30:00.5+00'::timestamptz as a",
            '{"a":"2026-01-27T10:30:00.500Z"}' },
        { "writes times without a date of ours as PostgreSQL does",
            "select 'infinity'::timestamptz as a", '{"a":"infinity"}' },
        { "writes all else as text", "select '{a,b}'::text[] as a, '2026-01-27'::date as b, "
            .. "'018f0000-0000-7000-8000-000000000000'::uuid as c",
            '{"a":"{a,b}","b":"2026-01-27","c":"018f0000-0000-7000-8000-000000000000"}' },
        { "nests by dots", [[select 1 as "a.b.c", 2 as "a.b.d", 3 as "a.e", 4 as f]],
            '{"a":{"b":{"c":1,"d":2},"e":3},"f":4}' },
        { "keeps two groups apart", [[select 1 as "a.x", 2 as "b.x"]],
            '{"a":{"x":1},"b":{"x":2}}' },
        { "writes a group that may be missing as null",
            [[select 1 as id, null::int as "at?.lat", null::int as "at?.lng", 2 as z]],
            '{"id":1,"at":null,"z":2}' },
        { "writes it whole when one member is there",
            [[select null::int as "at?.lat", 2 as "at?.lng"]],
            '{"at":{"lat":null,"lng":2}}' },
        { "decides for inner groups on their own",
            [[select 1 as "a.n", null::int as "a.b?.c", null::int as "a.b?.d?.e", 5 as "a.z"]],
            '{"a":{"n":1,"b":null,"z":5}}' },
        { "writes a plain group of nulls as an object of nulls", [[select null::int as "a.b"]],
            '{"a":{"b":null}}' },
        { "leaves hidden columns out, wherever they stand",
            [[select 9 as "~first", 1 as "a.b", 9 as "~mid", 2 as "a.c", 9 as "~last"]],
            '{"a":{"b":1,"c":2}}' },
        { "is an empty object when all is hidden", [[select 1 as "~a"]], "{}" },
        { "escapes names", [[select 1 as "a""b"]], [[{"a\"b":1}]] },
    }
    for _, case in ipairs(cases) do
        local name, sql, expected = unpack(case)
        it(name, function()
            assert.equal(expected, json_of(sql))
        end)
    end

    it("escapes at every place of texts of every length", function()
        local specials = { '"', "\\", "\n", "\31", "\127", "Ż", " ", "!", "#", "[", "]" }
        local texts = {}
        for length = 0, 26 do
            for place = 1, length do
                for _, special in ipairs(specials) do
                    texts[#texts + 1] = ("x"):rep(place - 1) .. special .. ("y"):rep(length - place)
                end
            end
        end
        local name = query("select v from unnest($1::text[]) with ordinality t (v, i) order by i")
        local text, count = assert(db.json(name, db.array(texts)))
        assert.equal(#texts, count)
        for i, row in ipairs(json.decode(text)) do
            assert.equal(texts[i], row.v)
        end
    end)

    it("is nothing when there is no row", function()
        local text, err = db.row_json(query("select 1 as a where false"))
        assert.is_nil(text)
        assert.is_nil(err)
    end)

    it("follows a table whose columns a migration has changed", function()
        assert(db.exec(query("create table shapes (id int, n int)")))
        assert(db.exec(query("insert into shapes values (1, 2)")))
        local name = query("select * from shapes")
        for _ = 1, 4 do -- on each reader
            assert.equal('{"id":1,"n":2}', (assert(db.row_json(name))))
        end
        assert(db.exec(query([[alter table shapes alter n type text,
            add column t text default 'x']])))
        for _ = 1, 4 do
            assert.equal('{"id":1,"n":"2","t":"x"}', (assert(db.row_json(name))))
        end
    end)
end)

describe("rows as JSON", function()
    it("are an array, with their count", function()
        local text, count = db.json(query("select g as n from generate_series(1, 3) g"))
        assert.equal('[{"n":1},{"n":2},{"n":3}]', text)
        assert.equal(3, count)
        text, count = db.json(query("select 1 as n where false"))
        assert.equal("[]", text)
        assert.equal(0, count)
    end)

    it("are a page of limit rows, whether there are more, and the last one kept", function()
        local name = query([[select g as n, g * 10 as "~sort",
            '2026-01-27 10:30:00.123456+00'::timestamptz as "at" from generate_series(1, $2) g
            limit $1]])
        local text, shown, has_more, sort, at, n, none =
            db.json_page(name, 2, "sort at n none", 3, 5)
        assert.equal('{"data":[{"n":1,"at":"2026-01-27T10:30:00.123Z"},'
            .. '{"n":2,"at":"2026-01-27T10:30:00.123Z"}]', tostring(text))
        assert.same({ 2, true, 20, "2026-01-27 10:30:00.123456+00", 2 },
            { shown, has_more, sort, at, n })
        assert.is_nil(none)
        text, shown, has_more, n = db.json_page(name, 2, "n", 3, 2)
        assert.equal(2, #json.decode(tostring(json.add(text, "}"))).data)
        assert.same({ 2, false, 2 }, { shown, has_more, n })
        text, shown, has_more, n = db.json_page(name, 2, "n", 3, 0)
        assert.equal('{"data":[]', tostring(text))
        assert.same({ 0, false }, { shown, has_more, n })
    end)
end)

describe("a row as JSON beside some of its columns", function()
    it("is the object and what these columns are", function()
        local name = query([[select $1::integer as n, 'a "b"' as name, null::text as "gone",
            '2026-01-27 10:30:00.123456+00'::timestamptz as "at", 'x' as "~hidden"
            where $1::integer > 0]])
        local text, hidden, n, gone, at, none =
            db.json_row(name, "hidden n gone at none", 7)
        assert.equal('{"n":7,"name":"a \\"b\\"","gone":null,"at":"2026-01-27T10:30:00.123Z"}',
            tostring(text))
        assert.same({ "x", 7, "2026-01-27 10:30:00.123456+00" }, { hidden, n, at })
        assert.is_nil(gone)
        assert.is_nil(none)
    end)

    it("is nil where there is no row, and nil, err where it cannot be read", function()
        local name = query("select 1 / $1::integer as n where $1::integer < 5")
        assert.equal(1, select("#", db.json_row(name, "n", 9)))
        assert.is_nil((db.json_row(name, "n", 9)))
        local text, problem = db.json_row(name, "n", 0)
        assert.is_nil(text)
        assert.equal("internal", problem.code)
    end)
end)

describe("rows as tables", function()
    it("have the same shape, with nil for null and raw JSON for json", function()
        local rows = assert(db.query(query([[select 9007199254740993 as big, -5 as neg,
            1.5::float8 as f, 2.25::numeric as n,
            true as t, 'x' as s, null::int as gone, 1 as "a.b.c", null::int as "no?.x",
            3 as "yes?.x", 7 as "~key",
            '2026-01-27 10:30:00.123456+00'::timestamptz as at,
            '2026-01-27 10:30:00.123456+00'::timestamptz as "~exact", '{"k": 1}'::jsonb as j
            from generate_series(1, 2)]])))
        assert.equal(2, #rows)
        local row = rows[2]
        assert.equal('{"k": 1}', tostring(row.j))
        row.j = nil
        assert.same({
            big = 9007199254740992, neg = -5, f = 1.5, n = 2.25, t = true, s = "x",
            a = { b = { c = 1 } },
            yes = { x = 3 }, key = 7, at = "2026-01-27T10:30:00.123Z",
            exact = "2026-01-27 10:30:00.123456+00",
        }, row)
    end)

    it("pass json on to the encoder as it is", function()
        local row = assert(db.one(query([[select '{"a": [], "b": 1}'::jsonb as j]])))
        assert.equal('{"j":{"a": [], "b": 1}}', json.encode(row))
    end)

    it("are none for one without a row", function()
        assert.is_nil((db.one(query("select 1 as a where false"))))
    end)
end)

describe("values given to a statement", function()
    local function echo(type, value)
        return assert(db.one(query("select $1::" .. type .. " as v"), value)).v
    end

    it("keep whole numbers, fractions, booleans, texts and nulls", function()
        assert.equal(9007199254740991, echo("int8", 9007199254740991))
        assert.equal(-1, echo("int4", -1))
        assert.equal(0.1, echo("float8", 0.1))
        assert.equal(1 / 3, echo("float8", 1 / 3))
        assert.is_true(echo("boolean", true))
        assert.is_false(echo("boolean", false))
        assert.equal("it's \\ \"q\" $1", echo("text", "it's \\ \"q\" $1"))
        assert.equal("", echo("text", ""))
        assert.is_nil(echo("text", nil))
        assert.is_nil(echo("text", json.null))
        assert.equal('{"a": 1}', tostring(echo("jsonb", json.raw('{"a":1}'))))
    end)

    it("may be arrays of texts, numbers, booleans and nulls", function()
        local items = { "a", 'q"', "b\\", "c,d", "{}", "", "NULL", "Ż" }
        local rows = assert(db.query(query("select v from unnest($1::text[]) v"), db.array(items)))
        for i, item in ipairs(items) do
            assert.equal(item, rows[i].v)
        end
        assert.equal(#items, #rows)
        assert.equal("{1,-2.5,NULL}", echo("numeric[]", db.array({ 1, -2.5, json.null })))
        assert.equal("{t,f}", echo("boolean[]", db.array({ true, false })))
        assert.equal("{}", echo("int[]", db.array({})))
    end)

    it("are quoted in arrays wherever a quote or a backslash stands, at any length", function()
        for length = 1, 70 do
            for at = 1, length do
                for _, mark in ipairs({ '"', "\\", '\\"', '""' }) do
                    local text = ("x"):rep(at - 1) .. mark .. ("y"):rep(length - at)
                    assert.equal('{"' .. text:gsub('["\\]', "\\%0") .. '","."}',
                        db.array({ text, "." }))
                end
            end
            assert.equal('{"' .. ('\\"'):rep(length) .. '"}', db.array({ ('"'):rep(length) }))
        end
    end)

    it("may be columns of a list, a text for each name, quoted as an array's", function()
        local entries = { { a = 'q"', n = 1e12, is = true }, { a = "b\\", n = -3, is = false } }
        assert.same({ '{"q\\"","b\\\\"}', "{1000000000000,-3}", "{t,f}", "{}", "{NULL}" },
            { db.columns({ "a", "n", "is" }, entries, { "x" }, {}, { "y" },
                { { y = json.null } }) })
        for word, given in pairs({
            ["x of entry 1 cannot be a nil"] = { { "x" }, { {} } },
            ["x of entry 2 cannot be a table"] = { { "x" }, { { x = 1 }, { x = {} } } },
            ["entry 1 is no table"] = { { "x" }, { 1 } },
            ["names are texts"] = { { 1 }, { { 1 } } },
            ["a list of names, and a list of entries"] = { { "x" } },
        }) do
            local is_done, why = pcall(db.columns, unpack(given))
            assert.is_false(is_done)
            assert.matches(word, why, 1, true)
        end
    end)

    it("are refused when they are too few, too many, tables, functions or hold NUL", function()
        local name = query("select $1::text as a, $2::text as b")
        assert.has_error(function() db.one(name, "x") end, name .. " takes 2 values, not 1")
        assert.has_error(function() db.one(name, "x", "y", nil) end,
            name .. " takes 2 values, not 3")
        assert.has_error(function() db.one(name, "x", {}) end, name .. ": $2 cannot be a table")
        assert.has_error(function() db.one(name, print, "y") end,
            name .. ": $1 cannot be a function")
        assert.has_error(function() db.one(name, "a\0b", "y") end, name .. ": $1 holds a NUL byte")
        assert.has_error(function() db.array({ {} }) end, "db.array: element 1 cannot be a table")
        assert.has_error(function() db.one("no/such") end,
            "core.db: no query 'no/such': sql/queries has no such file")
    end)

    it("are counted outside of strings, names and comments only", function()
        local row = db.one(query([[select '$7' as a, $1::int as "$9" -- $8
            /* $10 */]]), 5)
        assert.equal("$7", row.a)
        assert.equal(5, row["$9"])
    end)
end)
