local db = require("core.db")
local fake = require("spec.core.db.fake_server")
local lab = require("spec.core.db.lab")

local TEXT, INT = 25, 23

--- What a server says to a statement that it has never seen, with everything that it may say
--- besides.
local function talkative()
    return table.concat({
        fake.frame("S", "application_name\0souk\0"),
        fake.PARSED, fake.PARAMETERS,
        fake.failure("N", "WARNING", "01000", "mind the gap"),
        fake.description({ "n", INT }, { "text", TEXT }, { "none", TEXT }),
        fake.BOUND, fake.row("1", "one", false),
        fake.frame("A", "\0\0\0\1channel\0payload\0"),
        fake.failure("N", "NOTICE", "00000", "between rows"),
        fake.row("-22", "", false),
        fake.complete("SELECT 2"), fake.ready(),
    })
end

local SEEN = '[{"n":1,"text":"one","none":null},{"n":-22,"text":"","none":null}]'

--- A statement of its own each time, so that the server is asked to describe it.
local function ask()
    return db.json(lab.query("select 'wire " .. math.random() .. os.clock() .. "'"))
end

describe("an answer", function()
    it("is the same wherever it is cut in two", function()
        local whole, at = talkative(), 0
        fake.run(function()
            at = at + 1
            return { whole:sub(1, at), whole:sub(at + 1) }
        end, function()
            for _ = 1, #whole - 1 do
                assert.equal(SEEN, ask())
            end
            assert.equal(2, db.spec.stats().reconnected)
        end)
    end)

    it("may come byte by byte", function()
        local pieces = {}
        for byte in talkative():gmatch(".") do
            pieces[#pieces + 1] = byte
        end
        fake.run(function() return pieces end, function()
            assert.equal(SEEN, ask())
        end)
    end)

    it("may be longer than what is read at once", function()
        local long = ("x"):rep(70000)
        local rows = {}
        for i = 1, 40 do
            rows[i] = fake.row(tostring(i), long)
        end
        local answer = fake.PARSED .. fake.PARAMETERS
            .. fake.description({ "n", INT }, { "text", TEXT }) .. fake.BOUND
            .. table.concat(rows) .. fake.complete("SELECT 40") .. fake.ready()
        fake.run(function() return { answer } end, function()
            for _ = 1, 3 do
                local all = db.query(lab.query("select 'long " .. os.clock() .. "'"))
                assert.equal(40, #all)
                assert.same({ n = 40, text = long }, all[40])
            end
        end)
    end)

    it("may begin anywhere in what is read at once", function()
        local described = fake.PARSED .. fake.PARAMETERS .. fake.description({ "text", TEXT })
            .. fake.BOUND
        local one = described .. fake.row(("a"):rep(20000)) .. fake.complete("SELECT 1")
        local many = described .. fake.row(("b"):rep(3000)):rep(20) .. fake.complete("SELECT 20")
        fake.run(function() return { one .. many .. fake.ready() } end, function()
            local names = { lab.query("select 'one first'"), lab.query("select 'many then'") }
            local results = {}
            lab.together(2, function(i)
                results[i] = assert(db.query(names[i]))
            end)
            assert.same({ { text = ("a"):rep(20000) } }, results[1])
            assert.equal(20, #results[2])
            for _, row in ipairs(results[2]) do
                assert.equal(("b"):rep(3000), row.text)
            end
        end)
    end)

    it("without rows has none, whether there could be some or not", function()
        local answers = {
            fake.PARSED .. fake.PARAMETERS .. fake.description({ "n", INT }) .. fake.BOUND
                .. fake.complete("SELECT 0") .. fake.ready(),
            fake.PARSED .. fake.PARAMETERS .. fake.NO_DATA .. fake.BOUND
                .. fake.complete("SET") .. fake.ready(),
            fake.PARSED .. fake.PARAMETERS .. fake.NO_DATA .. fake.BOUND
                .. fake.frame("I", "") .. fake.ready(),
        }
        local at = 0
        fake.run(function()
            at = at + 1
            return { answers[at] }
        end, function()
            for _ = 1, #answers do
                assert.equal("[]", ask())
            end
        end)
    end)

    it("describes a statement once a session", function()
        local name = lab.query("select 'described once'")
        local described = 0
        fake.run(function(messages)
            for _, message in ipairs(messages) do
                described = described + (message.type == "D" and 1 or 0)
            end
            local is_new = messages[1].type == "P"
            return { (is_new and fake.PARSED .. fake.PARAMETERS .. fake.description({ "n", INT })
                or "") .. fake.BOUND .. fake.row("7") .. fake.complete("SELECT 1") .. fake.ready() }
        end, function()
            for _ = 1, 3 do
                assert.equal('[{"n":7}]', db.json(name))
            end
            assert.equal(1, described)
        end)
    end)

    it("whose columns nobody described is asked for again, with them", function()
        local name, times = lab.query("select 'interrupted'"), 0
        fake.run(function(messages)
            times = times + 1
            local first = messages[1].type
            if times == 1 then
                -- Parsed, but the description failed.
                return { fake.PARSED .. fake.failure("E", "ERROR", "57014", "canceled")
                    .. fake.ready() }
            end
            return { (first == "D" and fake.PARAMETERS .. fake.description({ "n", INT }) or "")
                .. fake.BOUND .. fake.row("7") .. fake.complete("SELECT 1") .. fake.ready() }
        end, function()
            local row, problem = db.json(name)
            assert.is_nil(row)
            assert.equal("statement_timeout", problem.code)
            assert.equal('[{"n":7}]', db.json(name))
        end)
    end)
end)

describe("a failure", function()
    it("in the middle of rows takes them back, and its neighbours run again", function()
        local failing, fine = lab.query("select 'fails'"), lab.query("select 'is fine'")
        local answers = 0
        fake.run(function(messages)
            answers = answers + 1
            local described = fake.PARSED .. fake.PARAMETERS .. fake.description({ "n", INT })
                .. fake.BOUND
            if #messages > 5 then
                return { described .. fake.row("1"),
                    fake.failure("E", "ERROR", "22012", "division by zero") .. fake.ready() }
            end
            return { described .. fake.row("2") .. fake.complete("SELECT 1") .. fake.ready() }
        end, function()
            local results = {}
            lab.together(2, function(i)
                results[i] = { db.json(i == 1 and failing or fine) }
            end)
            assert.is_nil(results[1][1])
            assert.equal("internal", results[1][2].code)
            assert.equal('[{"n":2}]', results[2][1])
            assert.equal(2, answers)
        end)
    end)
end)

describe("a server that makes no sense", function()
    local described = fake.PARSED .. fake.PARAMETERS .. fake.description({ "n", INT }) .. fake.BOUND
    local SYNC, NOBODY = "lost synchronization with the server", "the server said what nobody asked"
    local ROW = "a row is not one"
    local cases = {
        { "a type that there is not", "\1\0\0\0\4", NOBODY },
        { "a length below its own", "2\0\0\0\3", SYNC },
        { "a short message of a megabyte", "2\0\16\0\0", SYNC },
        { "a row of two gigabytes", "D\127\255\255\255", SYNC },
        { "a row before it was described", fake.PARSED .. fake.row("1"), NOBODY },
        { "a row of too many columns", described .. fake.row("1", "2") .. fake.complete("X"), ROW },
        { "a row of too few", described .. fake.frame("D", "\0\0") .. fake.complete("X"), ROW },
        { "a cell that is longer than its row",
            described .. fake.frame("D", "\0\1\0\0\0\9x") .. fake.complete("X"), ROW },
        { "a cell of a negative length",
            described .. fake.frame("D", "\0\1\255\255\255\254") .. fake.complete("X"), ROW },
        { "bytes behind a row", described .. fake.frame("D", "\0\1\0\0\0\1xy")
            .. fake.complete("X"), ROW },
        { "columns without an end", fake.PARSED .. fake.frame("T", "\0\1name"),
            "a description of rows is not one" },
        { "a tag without an end", described .. fake.frame("C", "SELECT 0"), "a tag has no end" },
        { "a failure without a code", fake.frame("E", "SERROR\0\0"), "a failure is not one" },
        { "a failure without an end", fake.frame("E", "SERROR\0Cxxxxx"), "a failure is not one" },
        { "that it is ready too early", fake.PARSED .. fake.ready(), NOBODY },
        { "a status of two bytes",
            described .. fake.complete("SELECT 0") .. fake.frame("Z", "II"),
            "a status is not one" },
        { "COPY", described .. fake.frame("G", "\0\0\0"), NOBODY },
        { "that it wants a password", fake.frame("R", "\0\0\0\3"), NOBODY },
    }
    for _, case in ipairs(cases) do
        local name, answer, why = unpack(case)
        it("is left when it says " .. name, function()
            fake.run(function() return { answer } end, function()
                assert.is_true(db.spec.stats().reconnected == 2)
                local row, problem = ask()
                if row then
                    assert.equal("a status of two bytes", name)
                else
                    assert.equal("database_unavailable", problem.code)
                end
                lab.eventually("the session ends", 1000, function()
                    return db.spec.why() == why
                end)
            end)
        end)
    end

    it("never gives half an answer as a whole one, wherever the connection ends", function()
        local whole = talkative()
        local upto = #whole - #fake.ready() - #fake.complete("SELECT 2")
        local at = 0
        fake.run(function()
            at = at + 1
            if at % 2 == 0 then
                return { whole }
            end
            return { whole:sub(1, math.floor(at / 2) * 7), close = true }
        end, function()
            for _ = 1, math.floor(upto / 7) do
                local text = ask()
                assert.equal(SEEN, text)
            end
        end)
    end)

    it("does no harm, whatever bytes it says", function()
        local whole, is_sane = talkative(), false
        fake.run(function()
            if is_sane then
                return { whole }
            end
            local said = whole
            for _ = 1, math.random(3) do
                local at = math.random(#said)
                said = said:sub(1, at - 1) .. string.char(math.random(0, 255)) .. said:sub(at + 1)
            end
            return { said, close = true }
        end, function()
            for _ = 1, 25 do
                local text, problem = ask()
                assert.is_true(text ~= nil or problem.status >= 400)
            end
            is_sane = true
            assert.equal(SEEN, lab.eventually("it is understood again", 3000, ask))
        end)
    end)

    it("says goodbye while nothing is asked: the next one is asked", function()
        local said = false
        fake.run(function()
            local answer = talkative()
            if not said then
                said = true
                answer = answer .. fake.failure("E", "FATAL", "57P01", "going down")
            end
            return { answer }
        end, function()
            assert.equal(SEEN, ask())
            lab.eventually("it is heard", 1000, function()
                return db.spec.why() == "going down"
            end)
            assert.equal(SEEN, ask())
        end)
    end)
end)
