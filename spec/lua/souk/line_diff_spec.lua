local line_diff = require("souk.line_diff")

describe("line_diff", function()
    it("is empty for texts that are the same", function()
        assert.equal("", line_diff("a\nb\n", "a\nb\n"))
    end)

    it("names what went, what came, and where", function()
        assert.equal("-   2  b\n+   2  x\n+   4  d", line_diff("a\nb\nc\n", "a\nx\nc\nd\n"))
    end)

    it("takes an empty text", function()
        assert.equal("-   1  \n+   1  a", line_diff("", "a"))
    end)
end)
