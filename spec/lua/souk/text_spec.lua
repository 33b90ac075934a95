local text = require("souk.text")

describe("text.is_utf8", function()
    local cases = {
        { "takes ASCII", "abc", true },
        { "takes two, three and four bytes", "é€😀", true },
        { "refuses a lone continuation", "\128", false },
        { "refuses a cut sequence", "\226\130", false },
        { "refuses an overlong slash", "\192\175", false },
        { "refuses an overlong three-byte form", "\224\128\175", false },
        { "refuses a surrogate", "\237\160\128", false },
        { "refuses what lies above U+10FFFF", "\244\144\128\128", false },
        { "refuses 0xFF", "a\255b", false },
    }
    for _, case in ipairs(cases) do
        local name, value, expected = unpack(case)
        it(name, function()
            assert.equal(expected, text.is_utf8(value))
        end)
    end
end)

describe("the format email", function()
    local clean = text.formats.email.clean
    it("lowers what it takes", function()
        assert.equal("ada.k+x@sub.souk.test", clean("Ada.K+x@Sub.Souk.Test"))
    end)
    for _, wrong in ipairs({
        "ada", "ada@", "@souk.test", "ada@souk", "a b@souk.test", "ada@@souk.test",
            "ada@souk..test",
        ".ada@souk.test", "ada.@souk.test", "ada@-souk.test", "ada@souk.test\n", "é@souk.test",
        ("a"):rep(65) .. "@souk.test",
    }) do
        it("refuses " .. wrong:gsub("%c", "?"), function()
            assert.is_nil(clean(wrong))
        end)
    end
end)

describe("the format date-time", function()
    local clean = text.formats["date-time"].clean
    for _, right in ipairs({
        "2026-01-27T10:30:00Z", "2026-01-27T10:30:00.123Z", "2024-02-29T23:59:59+05:30",
    }) do
        it("takes " .. right, function()
            assert.equal(right, clean(right))
        end)
    end
    for _, wrong in ipairs({
        "2026-02-29T10:30:00Z", "2026-13-01T10:30:00Z", "2026-01-32T10:30:00Z", "2026-01-27",
        "2026-01-27T24:00:00Z", "2026-01-27T10:60:00Z", "2026-01-27T10:30:00",
            "0000-01-01T00:00:00Z",
        "2026-01-27T10:30:00+15:00",
    }) do
        it("refuses " .. wrong, function()
            assert.is_nil(clean(wrong))
        end)
    end
end)

describe("text.slug", function()
    local cases = {
        { "joins words by hyphens", "Ceramic  Mug!", "ceramic-mug" },
        { "writes marked letters plainly", "Crème Brûlée Straße", "creme-brulee-strasse" },
        { "drops apostrophes", "Ada's Looms", "adas-looms" },
        { "has no hyphen at its ends", "--Mug--", "mug" },
        { "is nil when no letter can be written", "日本", nil },
    }
    for _, case in ipairs(cases) do
        local name, given, expected = unpack(case, 1, 3)
        it(name, function()
            assert.equal(expected, text.slug(given))
        end)
    end
    it("is at most 80 bytes and still a slug", function()
        local slug = text.slug(("word "):rep(40))
        assert.is_true(#slug <= 80)
        assert.equal(slug, text.formats.slug.clean(slug))
    end)
end)

describe("base64url", function()
    it("gives back every length", function()
        for length = 0, 70 do
            local bytes = ("\0\255\128abc"):rep(12):sub(1, length)
            assert.equal(bytes, text.from_base64url(text.base64url(bytes)))
        end
    end)
    it("refuses what is none", function()
        for _, wrong in ipairs({ "a", "a+b=", "ab c", "é" }) do
            assert.is_nil(text.from_base64url(wrong))
        end
    end)
end)
