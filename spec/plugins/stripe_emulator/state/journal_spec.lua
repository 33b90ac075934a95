local journal = require("stripe_emulator.state.journal")

describe("The journal", function()
    it("is found by any of its fields, oldest first", function()
        local book = journal.new()
        for number = 1, 6 do
            journal.add(book, { status = number % 2 == 0 and 200 or 402, executed = number > 3 })
        end
        local found = journal.find(book, { status = "200", executed = "true" })
        assert.same({ 4, 6 }, { found[1].number, found[2].number })
        assert.equal(6, #journal.find(book, {}))
    end)

    it("keeps the last five thousand and goes on counting", function()
        local book = journal.new()
        for _ = 1, 5100 do
            journal.add(book, {})
        end
        local all = journal.find(book, {})
        assert.same({ 5000, 101, 5100 }, { #all, all[1].number, all[#all].number })
    end)
end)
