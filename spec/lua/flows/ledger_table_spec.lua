local ledger_table = require("flows.ledger_table")

describe("flows.ledger_table", function()
    local amounts = {
        { 5400, 2, "54.00" }, { -5400, 2, "-54.00" }, { 5, 2, "0.05" }, { -5, 2, "-0.05" },
        { 0, 2, "0.00" }, { 5400, 0, "5400" }, { -7, 0, "-7" }, { 0, 0, "0" },
        { 5400, 3, "5.400" }, { 99999999999999, 2, "999999999999.99" },
    }
    for _, case in ipairs(amounts) do
        it(("writes %.0f with %d digits behind the point as %s"):format(unpack(case)), function()
            assert.equal(case[3], ledger_table.amount(case[1], case[2]))
        end)
    end

    it("puts words to the left and amounts to the right", function()
        assert.equal("a    what  1.00\n---  ----  ----\nbcd           5", ledger_table.text(
            { { "a", "what", "1.00" }, "rule", { "bcd", "", "5" } }, 2))
    end)

    it("measures characters, not bytes", function()
        assert.equal("é    1\nab  22", ledger_table.text({ { "é", "1" }, { "ab", "22" } }, 1))
    end)

    it("prints nothing that a terminal would obey", function()
        assert.equal("a?[31mb?c?d", ledger_table.name("a\27[31mb\nc\226\128\174d"))
        assert.equal("?31m", ledger_table.name("\194\15531m"))
    end)

    it("cuts long names between characters", function()
        assert.equal(("é"):rep(23) .. "…", ledger_table.name(("é"):rep(30)))
        assert.equal(("é"):rep(24), ledger_table.name(("é"):rep(24)))
    end)
end)
