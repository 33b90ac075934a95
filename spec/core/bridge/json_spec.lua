local cjson = require("cjson")
local json = require("core.json")

describe("core.json.encode", function()
    local cases = {
        { "writes whole numbers exactly up to 2^53", 9007199254740992, "9007199254740992" },
        { "writes amounts of 10^14 without an exponent", 123456789012345, "123456789012345" },
        { "writes the shortest fraction that reads back", 0.1, "0.1" },
        { "keeps an empty array an array", json.array(), "[]" },
        { "keeps an empty object an object", {}, "{}" },
        { "sorts members, so that equal values give equal bytes",
            { b = 1, a = { 2, 3 } }, '{"a":[2,3],"b":1}' },
        { "passes raw JSON through", { x = json.raw("[1, 2]") }, '{"x":[1, 2]}' },
        { "writes null", { json.null }, "[null]" },
        { "escapes control characters", "a\n\1\"\\", '"a\\n\\u0001\\"\\\\"' },
        { "writes a marked object even with [1] unset", json.object(), "{}" },
    }
    for _, case in ipairs(cases) do
        it(case[1], function()
            assert.equal(case[3], json.encode(case[2]))
        end)
    end

    it("refuses NaN, infinity, functions and cycles with a reason", function()
        local cycle = {}
        cycle.x = cycle
        for _, value in ipairs({ 0 / 0, math.huge, print, cycle }) do
            assert.has_error(function()
                json.encode({ value })
            end)
        end
    end)
end)

describe("core.json.decode", function()
    local refused = {
        "", "{", "[1,]", "{'a':1}", "NaN", "Infinity", "0x10", "01", "+1", "1.", ".5", "1e",
        "1e999", '"\\u0000"', '"\\ud800"', '"\255"', '"\192\175"', '"a\nb"', "[1] x", "nul",
        '{"a" 1}', "\239\187\191{}",
        ("["):rep(33) .. ("]"):rep(33),
    }
    for _, text in ipairs(refused) do
        it("refuses " .. text:sub(1, 20):gsub("%c", "?"), function()
            local value, why = json.decode(text)
            assert.is_nil(value)
            assert.is_string(why)
        end)
    end

    it("takes 32 levels", function()
        assert.is_table(json.decode(("["):rep(32) .. ("]"):rep(32)))
    end)

    it("refuses an object with more than a thousand members", function()
        local members = {}
        for i = 1, 1001 do
            members[i] = ('"k%d":1'):format(i)
        end
        assert.is_nil((json.decode("{" .. table.concat(members, ",") .. "}")))
    end)

    local escaped = {
        [ [["\"\\\/\b\f\n\r\t"]] ] = "\"\\/\b\f\n\r\t",
        [ [["a\u0041b\u00e9\u20AC\ud83d\ude00z"]] ] = "aAb\195\169\226\130\172\240\159\152\128z",
        [ [["\u007f\u0080\u07ff\u0800\uffff\ud800\udc00\udbff\udfff"]] ] = "\127\194\128\223\191"
            .. "\224\160\128\239\191\191\240\144\128\128\244\143\191\191",
    }
    for text, value in pairs(escaped) do
        it("reads the escapes of " .. text, function()
            assert.equal(value, (json.decode(text)))
            assert.equal(value, json.decode("{" .. text .. ":0}") and
                next(json.decode("{" .. text .. ":0}")))
        end)
    end

    for _, count in ipairs({ 0, 1, 2, 15, 16, 17, 18, 40, 1000 }) do
        it(("reads an object of %d members, of which each may be one too"):format(count), function()
            local members, expected = {}, {}
            for i = 1, count do
                members[i] = ('"k%d" : {"n":%d,"list":[%d, null,{}]}'):format(i, i, i)
                expected["k" .. i] = { n = i, list = { i, json.null, {} } }
            end
            assert.same(expected, json.decode("{" .. table.concat(members, " , ") .. "}"))
        end)
    end

    it("takes the later of two members with one name", function()
        assert.same({ a = 3, b = 2 }, json.decode('{"a":1,"b":2,"a":3}'))
        local members = {}
        for i = 1, 40 do
            members[i] = ('"k%d":%d'):format(i % 20, i)
        end
        assert.equal(21, json.decode("{" .. table.concat(members, ",") .. "}").k1)
        assert.equal(40, json.decode("{" .. table.concat(members, ",") .. "}").k0)
    end)

    --- Pieces put together by chance: most are JSON, some are nearly.
    local function text_by_chance(dice, depth)
        local kind = dice(depth > 3 and 5 or 7)
        local function parts(make)
            local list = {}
            for i = 1, dice(5) - 1 do
                list[i] = make(i)
            end
            return table.concat(list, dice(40) == 1 and ";" or " ,\n")
        end
        local plain = { [1] = "true", [2] = "null", [3] = tostring(dice(1e9) / dice(64)),
            [4] = ("-%de%d"):format(dice(99), dice(12) - 6),
            [5] = ([["%s\u%04x%s\n"]]):format(("q"):rep(dice(30)), dice(0xd7ff), "ж€😀") }
        if plain[kind] then
            return dice(200) == 1 and plain[kind]:sub(2) or plain[kind]
        elseif kind == 6 then
            return "[" .. parts(function()
                return text_by_chance(dice, depth + 1)
            end) .. (dice(60) == 1 and "" or "]")
        end
        return "{" .. parts(function(i)
            return ('"k%d\\t" : %s'):format(i * dice(2), text_by_chance(dice, depth + 1))
        end) .. (dice(60) == 1 and "," or "") .. "}"
    end

    it("reads what lua-cjson reads, and as it does, whatever it takes", function()
        local state, taken, left = 42, 0, 0
        local function dice(sides)
            state = (state * 1103515245 + 12345) % 2147483648
            return math.floor(state / 65536) % sides + 1
        end
        for _ = 1, 4000 do
            local text = ("[%s,%s]"):format(text_by_chance(dice, 0), text_by_chance(dice, 0))
            local value = json.decode(text)
            if value == nil then
                left = left + 1
            else
                taken = taken + 1
                assert.same(cjson.decode(text), value, text)
            end
        end
        assert.is_true(taken > 2000 and left > 100, taken .. " taken, " .. left)
    end)

    it("leaves nothing of what it refuses", function()
        for _ = 1, 1000 do
            assert.is_nil((json.decode('{"a":{"b":[1,{"c":"d"}]},"e":[{"f":1},]}')))
        end
    end)

    it("reads what encode wrote", function()
        local value = { a = { 1, 2.5, "x", true }, ["ключ"] = "значение" }
        assert.same(value, json.decode(json.encode(value)))
    end)
end)

describe("core.json.decode_marked", function()
    local cases = {
        { "1.0", { ["\0"] = "1.0" } },
        { "1e3", { ["\0"] = "1e3" } },
        { "9007199254740993", { ["\0"] = "9007199254740993" } },
        { "9007199254740991", 9007199254740991 },
        { "12.97", 12.97 },
        { "-5", -5 },
    }
    for _, case in ipairs(cases) do
        it("tells how " .. case[1] .. " was written", function()
            assert.same({ case[2] }, json.decode_marked("[" .. case[1] .. "]"))
        end)
    end
end)
