--- Who goes together, who waits for whom, and what becomes of a flight that fails.
local db = require("core.db")
local lab = require("spec.core.db.lab")
local sleep = require("core.sleep")
local stock = require("core.stock")

local A, B, C = "good a", "good b", "good c"

--- Each order tells who it was, in which transaction, and in which place of it. A wait of -1 fails.
local FLIGHT = lab.query([[
select w.who, txid_current()::text as flight, w.place
from unnest($1::text[], $2::integer[]) with ordinality as w (who, wait_ms, place)
cross join (
    select pg_sleep(sqrt(min(wait_ms)) ^ 2 / 1000) from unnest($1::text[], $2::integer[])
        as all_of_them (who, wait_ms)
) as pause
order by w.place]])

describe("stock", function()
    --- An order of `who` for these goods, whose flight takes that long.
    local function place(who, goods, wait_ms)
        return stock.place(FLIGHT, who, goods, db.array({ who }), db.array({ wait_ms or 0 }))
    end

    --- orders: {who, goods, wait_ms}, a few ms after each other; their rows, or errors, by who.
    local function together(orders)
        local rows, landed = {}, {}
        lab.together(#orders, function(i)
            sleep(1 + i * 15)
            local row, problem = place(unpack(orders[i]))
            rows[orders[i][1]] = row or problem
            landed[#landed + 1] = orders[i][1]
            return true
        end)
        return rows, landed
    end

    it("sends an order at once, alone, when nobody wants what it wants", function()
        local before = stock.stats()
        for _ = 1, 5 do
            assert.equal(1, place("ada", { A }).place)
        end
        local after = stock.stats()
        assert.same({ 5, 5 }, { after.orders - before.orders, after.flights - before.flights })
        assert.same({ 0, 0 }, { after.waiting, after.in_air })
    end)

    it("gathers those that want the same goods while one is under way, in order of arrival",
        function()
            local rows, landed = together({
                { "ada", { A }, 1000 }, { "bob", { A } }, { "cyd", { B, A } }, { "dan", { A } },
            })
            assert.not_equal(rows.ada.flight, rows.bob.flight)
            assert.same({ rows.bob.flight, rows.bob.flight }, { rows.cyd.flight, rows.dan.flight })
            assert.same({ 1, 1, 2, 3 },
                { rows.ada.place, rows.bob.place, rows.cyd.place, rows.dan.place })
            assert.same({ "ada", "bob", "cyd", "dan" }, landed)
        end)

    it("gathers those who come back as soon as they are told", function()
        local CLIENTS, TIMES = 8, 5
        local before = stock.stats()
        lab.together(CLIENTS, function(i)
            for _ = 1, TIMES do
                assert.is_nil(select(2, place("client " .. i, { A })))
            end
            return true
        end)
        local after = stock.stats()
        assert.equal(CLIENTS * TIMES, after.orders - before.orders)
        -- The first alone, those who came meanwhile, and from then on all.
        assert.equal(2 + TIMES - 1, after.flights - before.flights)
    end)

    it("keeps nobody waiting for those who want something else", function()
        local rows, landed = together({
            { "ada", { A }, 1000 }, { "bob", { A } }, { "cyd", { B } },
        })
        assert.equal("cyd", landed[1])
        assert.equal(1, rows.cyd.place)
    end)

    it("lets who wants something else go with as many as are in the air", function()
        local names, are_together = { "ada", "bob", "cyd", "dan" }, false
        for _ = 1, 50 do -- one that was held up for long sees nobody in the air
            local flights = {}
            lab.together(#names, function(i)
                flights[i] = place(names[i], { "good of " .. names[i] }).flight
                return true
            end)
            assert.not_equal(flights[1], flights[2])
            assert.not_equal(flights[2], flights[3])
            are_together = are_together or flights[3] == flights[4]
        end
        assert.is_true(are_together)
    end)

    it("waits a moment for company, not for a flight that is held up", function()
        local rows, landed = together({
            { "ada", { A }, 1000 }, { "bob", { B }, 1000 }, { "cyd", { C } },
        })
        assert.equal("cyd", landed[1])
        assert.equal(1, rows.cyd.place)
    end)

    it("lets nobody overtake one who waits for the same goods", function()
        local rows, landed = together({
            { "ada", { A }, 1000 }, { "bob", { A, B } }, { "cyd", { B } }, { "dan", { C } },
        })
        assert.same({ "dan", "ada", "bob", "cyd" }, landed)
        assert.same({ rows.bob.flight, 2 }, { rows.cyd.flight, rows.cyd.place })
    end)

    it("never makes two orders of one owner at a time", function()
        local rows = together({ { "ada", { A }, 800 }, { "bob", { A }, 50 }, { "cyd", { A } } })
        assert.equal(rows.bob.flight, rows.cyd.flight)
        local flights = {}
        lab.together(4, function(i)
            sleep(1 + i * 10)
            flights[i] = stock.place(FLIGHT, "ada", { "of no " .. i }, db.array({ "ada" }),
                db.array({ 60 })).flight
            return true
        end)
        local seen = {}
        for _, flight in ipairs(flights) do
            assert.is_nil(seen[flight])
            seen[flight] = true
        end
    end)

    it("parts a flight that fails: who is to blame fails, the others do not", function()
        local before = stock.stats().parted
        local rows, landed = together({
            { "ada", { A }, 1000 }, { "bob", { A } }, { "cyd", { A }, -1 }, { "dan", { A } },
        })
        assert.equal(before + 1, stock.stats().parted)
        assert.same({ 500, 1, 1 }, { rows.cyd.status, rows.bob.place, rows.dan.place })
        assert.not_equal(rows.bob.flight, rows.dan.flight)
        assert.same({ "ada", "bob", "cyd", "dan" }, landed)
    end)

    it("refuses more than may wait, and answers the others", function()
        local refused, served, first = 0, 0, 1500
        lab.together(60, function()
            lab.together(20, function(i)
                local wait_ms
                wait_ms, first = first, 0
                local row, problem = place("o" .. i, { A }, wait_ms)
                served, refused = served + (row and 1 or 0), refused + (row and 0 or 1)
                assert.is_true(row ~= nil or problem.code == "busy")
                return true
            end)
            return true
        end)
        assert.same({ 1025, 175 }, { served, refused })
    end)

    it("takes columns as lists of entries, too", function()
        local names, entries = { "who", "wait_ms" }, { { who = "eve", wait_ms = 0 } }
        assert.equal("eve", stock.place(FLIGHT, "eve", { A }, names, entries).who)
        assert.error_matches(function()
            stock.place(FLIGHT, "eve", { A }, { "who" }, entries)
        end, "takes 2 values, not 1", 1, true)
        for at = 0, 70 do
            local who = ("e"):rep(at) .. "\0" .. ("e"):rep(70 - at)
            assert.error_matches(function()
                stock.place(FLIGHT, "eve", { A }, names, { { who = who, wait_ms = 0 } })
            end, "$1 holds a NUL byte", 1, true)
        end
    end)

    it("takes columns only, and goes with no transaction of the caller's", function()
        assert.error_matches(function()
            stock.place(FLIGHT, "ada", { A }, "ada", db.array({ 1 }))
        end, "a column is made by db.array")
        assert.error_matches(function()
            stock.place(FLIGHT, "ada", { 1 }, db.array({ "ada" }), db.array({ 1 }))
        end, "goods are ids")
        assert(db.begin())
        assert.error_matches(function()
            place("ada", { A })
        end, "inside a transaction")
        db.rollback()
    end)
end)
