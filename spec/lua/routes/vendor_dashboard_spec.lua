local shell = require("spec.support.shell")
local story = require("spec.lua.story")
local world = require("spec.support.world")

describe("GET /api/vendor/dashboard", function()
    local w, made

    setup(function()
        shell.keep_off_midnight(60)
        w = world.start()
        made = story.paid(w, { price = 1500, quantity = 2, stock = 9 })
    end)

    teardown(function()
        w:stop()
    end)

    local function get(query)
        return w:request("GET", "/api/vendor/dashboard" .. query, made.shop)
    end

    it("counts what was paid, by day", function()
        local board = get("").json
        assert.equal(30, #board.days)
        assert.equal(board.to, board.days[30].day)
        assert.same({ 1, 3000, 2700 }, {
            board.days[30].orders, board.days[30].sales.amount, board.days[30].earnings.amount,
        })
        assert.same({ made.thing.id, 2, 3000 }, {
            board.topProducts[1].productId, board.topProducts[1].quantity,
            board.topProducts[1].sales.amount,
        })
        assert.same({ confirmed = 1, processing = 0, shipped = 0 }, board.openOrders)
        assert.equal(2700, board.balance[1].pending)
        assert.same({ average = 0, count = 0 }, board.rating)
    end)

    it("does not count what nobody paid", function()
        story.ordered(w, { shop = made.shop })
        assert.equal(1, get("").json.days[30].orders)
    end)

    it("takes a span of days", function()
        local board = get("?from=2024-02-27&to=2024-03-01").json
        assert.same({ "2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01" },
            { board.days[1].day, board.days[2].day, board.days[3].day, board.days[4].day })
        assert.equal(0, #board.topProducts)
    end)

    for _, query in ipairs({
        "?from=2024-03-02&to=2024-03-01", "?from=2000-01-01&to=2024-03-01", "?from=yesterday",
        "?from=2024-02-30",
    }) do
        it("refuses " .. query, function()
            assert.equal(422, get(query).status)
        end)
    end

    it("is for vendors", function()
        assert.equal(403, w:request("GET", "/api/vendor/dashboard", made.buyer).status)
    end)
end)
