local crypto = require("core.crypto")
local db = require("core.db")
local lab = require("spec.core.db.lab")

local MOST_KEYS = 16

--- So many rows an id as its last digit says, with how many ids were asked for together.
local ROWS = lab.query([[
select w.place, w.id::text as id, cardinality($1::uuid[]) as together, n
from unnest($1::uuid[]) with ordinality as w (id, place)
cross join lateral generate_series(1, ('x' || right(w.id::text, 1))::bit(4)::integer) as n
order by w.place, n]])

describe("reads for a key", function()
    it("give each who asks its own rows, in their order", function()
        local ids = {}
        for i = 1, 64 do
            ids[i] = crypto.uuid7()
        end
        local answers = lab.together(#ids, function(i)
            return assert(db.query_of(ROWS, ids[i]))
        end)
        for i, rows in ipairs(answers) do
            assert.equal(tonumber(ids[i]:sub(-1), 16), #rows)
            for n, row in ipairs(rows) do
                assert.same({ ids[i], n }, { row.id, row.n })
            end
        end
    end)

    it("go together when many ask, and the first alone", function()
        local answers = lab.together(64, function(i)
            return assert(db.query_of(ROWS, ("00000000-0000-7000-8000-%011x1"):format(i)))
        end)
        local most = 0
        for _, rows in ipairs(answers) do
            most = math.max(most, rows[1].together)
        end
        assert.equal(1, answers[1][1].together)
        assert.equal(MOST_KEYS, most)
    end)

    it("of one who asks alone are made at once", function()
        local rows = assert(db.query_of(ROWS, "00000000-0000-7000-8000-000000000002"))
        assert.same({ 2, 1 }, { #rows, rows[1].together })
    end)

    it("fail for all who asked together, and for nobody after", function()
        local faulty = lab.query([[
            select w.place, 1 / ('x' || right(w.id::text, 1))::bit(4)::integer as part
            from unnest($1::uuid[]) with ordinality as w (id, place)]])
        local function ask(id)
            local rows, err = db.query_of(faulty, id)
            return rows and rows[1].part or err.code
        end
        local answers = lab.together(40, function()
            return ask("00000000-0000-7000-8000-000000000000")
        end)
        for _, answer in ipairs(answers) do
            assert.equal("internal", answer)
        end
        assert.equal(1, ask("00000000-0000-7000-8000-000000000001"))
    end)

    it("are refused inside a transaction, for two parameters, and for what is no id", function()
        local id = crypto.uuid7()
        local two = lab.query("select 1 as place where $1::uuid[] is null and $2::int is null")
        assert.has_error(function() db.query_of(two, id) end)
        assert.has_error(function() db.query_of(ROWS, "1") end)
        lab.tx(function()
            assert.has_error(function() db.query_of(ROWS, id) end)
            return true
        end)
    end)
end)
