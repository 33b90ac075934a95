local json = require("core.json")
local s = require("souk.schema")

local function decoded(text)
    return assert(json.decode_marked(text))
end

--- The value of a body checked by type, or the messages by field.
local function check(kind, text)
    local value, faults = kind.check(decoded(text))
    local by_field = {}
    for _, fault in ipairs(faults or {}) do
        by_field[fault.field] = fault.message
    end
    return value, faults and by_field
end

describe("schema.integer", function()
    local quantity = s.object({ n = s.integer({ min = 1, max = 999 }) })
    for _, right in ipairs({ "1", "999", "42" }) do
        it("takes " .. right, function()
            assert.equal(tonumber(right), check(quantity, '{"n":' .. right .. "}").n)
        end)
    end
    for _, wrong in ipairs({
        "0", "1000", "-1", "1.0", "1e2", "1.5", '"1"', "true", "null", "[]", "{}", "[1]",
        "9007199254740992", "9007199254740993", "1e999999", "-0.0",
    }) do
        it("refuses " .. wrong, function()
            local text = '{"n":' .. wrong .. "}"
            local value, problem = json.decode_marked(text)
            local faults = value == nil and problem or select(2, quantity.check(value))
            assert.is_truthy(faults)
        end)
    end
    it("is read from the text of a query, as digits only", function()
        local limit = s.object({ limit = s.integer({ min = 1, max = 100 }) })
        assert.equal(20, limit.text({ limit = "20" }).limit)
        for _, wrong in ipairs({ "20.0", "1e1", "0x10", " 20", "20 ", "+20", "٢٠", "" }) do
            assert.is_nil(limit.text({ limit = wrong }), wrong)
        end
    end)
end)

describe("schema.amount", function()
    local amount = s.amount()
    it("goes from 0 to 10^12", function()
        assert.equal(0, amount.check(0))
        assert.equal(1e12, amount.check(1e12))
        assert.is_nil(amount.check(-1))
        assert.is_nil(amount.check(1e12 + 1))
    end)
end)

describe("schema.number", function()
    local lat = s.object({ lat = s.number({ min = -90, max = 90 }) })
    it("takes whole numbers however they are written", function()
        assert.equal(1, check(lat, '{"lat":1.0}').lat)
        assert.equal(10, check(lat, '{"lat":1e1}').lat)
        assert.equal(-51.5, check(lat, '{"lat":-51.5}').lat)
    end)
    it("refuses what is out of range or no number", function()
        for _, wrong in ipairs({ "90.1", "-91", '"51"', "null", "true", "[]" }) do
            assert.is_nil((check(lat, '{"lat":' .. wrong .. "}")), wrong)
        end
    end)
    it("can leave out its lower bound", function()
        local radius = s.number({ above = 0, max = 20038 })
        assert.is_nil((radius.check(0)))
        assert.equal(0.001, radius.check(0.001))
    end)
end)

describe("schema.string", function()
    it("counts bytes", function()
        local short = s.string({ max = 3 })
        assert.equal("abc", short.check("abc"))
        assert.is_nil((short.check("éé")))
    end)
    it("refuses bad UTF-8, NUL and other types", function()
        local any = s.string()
        for _, wrong in ipairs({ "\255", "a\0b", 1, true, json.null }) do
            assert.is_nil((any.check(wrong)))
        end
    end)
    it("refuses blanks and control characters in a line", function()
        local line = s.string({ min = 1, is_line = true })
        for _, wrong in ipairs({ " ", "a\nb", "\27[31m" }) do
            assert.is_nil((line.check(wrong)))
        end
        assert.equal("Ada Lovelace", line.check("Ada Lovelace"))
    end)
    it("hands on an e-mail in lower case", function()
        assert.equal("ada@souk.test", s.string({ format = "email" }).check("ADA@souk.test"))
    end)
end)

describe("schema.object", function()
    local body = s.object({
        name = s.string({ min = 1, max = 5 }),
        price = s.money(),
        tags = s.optional(s.array(s.enum({ "A", "B" }), { max = 2 })),
        note = s.optional(s.string(), "none"),
        parent = s.optional(s.nullable(s.uuid())),
    })

    it("gives every fault at once, each at its place", function()
        local value,
            faults = check(body, '{"name":"","price":{"amount":1.0},"tags":["A","C"],"x":1}')
        assert.is_nil(value)
        assert.same({
            name = "must not be empty",
            ["price.amount"] = "must be a whole number from 0 to 1000000000000",
            ["price.currency"] = "is required",
            ["tags.1"] = "must be one of A, B",
            x = "is not known here",
        }, faults)
    end)
    it("fills defaults and leaves out what is missing", function()
        local value = check(body, '{"name":"mug","price":{"amount":1,"currency":"USD"}}')
        assert.equal("none", value.note)
        assert.is_nil(value.tags)
        assert.is_nil(value.parent)
    end)
    it("copies what it changes, and nothing else", function()
        local price = { amount = 1, currency = "USD" }
        local whole = { name = "mug", price = price, note = "x" }
        assert.equal(whole, body.check(whole))
        local given = { name = "mug", price = price, parent = json.null }
        local clean = body.check(given)
        assert.same({ name = "mug", price = price, note = "none" }, clean)
        assert.equal(price, clean.price)
        assert.same({ name = "mug", price = price, parent = json.null }, given)
    end)
    it("takes null only where it may be null, as nil", function()
        local text = '{"name":"mug","price":{"amount":1,"currency":"USD"},%s:null}'
        local value, faults = check(body, text:format('"parent"'))
        assert.is_nil(faults)
        assert.is_nil(value.parent)
        assert.is_nil((check(body, text:format('"note"'))))
    end)
    it("refuses a list, a text or a marked number in its place", function()
        for _, wrong in ipairs({ "[1]", '"x"', "1.0", "true" }) do
            assert.is_nil((check(body, wrong)))
        end
    end)
    it("does not let a field be smuggled in by an odd name", function()
        for _, name in ipairs({ "__index", "1", "", "role", "Name" }) do
            local _, faults = check(body,
                '{"name":"mug","price":{"amount":1,"currency":"USD"},' .. json.encode(name)
                    .. ":1}")
            assert.is_truthy(faults, name)
        end
    end)
end)

describe("schema.array", function()
    local ids = s.array(s.integer(), { min = 1, max = 3 })
    it("counts its items", function()
        assert.same({ 1, 2 }, ids.check(decoded("[1,2]")))
        for _, wrong in ipairs({ "[]", "[1,2,3,4]", '{"a":1}', "1" }) do
            assert.is_nil((ids.check(decoded(wrong))), wrong)
        end
    end)
    it("encodes as a list when it is empty", function()
        assert.equal("[]", json.encode(s.array(s.uuid()).check(decoded("[]"))))
    end)
end)

describe("schema.attributes", function()
    local attributes = s.attributes({ max = 2 })
    it("takes texts, numbers and booleans", function()
        assert.same({ colour = "blue", kg = 1.5 },
            attributes.check(decoded('{"colour":"blue","kg":1.5}')))
        assert.equal(2, attributes.check(decoded('{"kg":2.0}')).kg)
    end)
    it("refuses depth, null and too many keys", function()
        for _, wrong in ipairs({ '{"a":{}}', '{"a":[1]}', '{"a":null}', '{"a":1,"b":2,"c":3}',
            "[1]", '{"":1}' }) do
            assert.is_nil((attributes.check(decoded(wrong))), wrong)
        end
    end)
end)

describe("schema.uuid", function()
    it("takes any case and hands on lower case", function()
        local id = "0192F0C1-2B3C-7D4E-8F90-A1B2C3D4E5F6"
        assert.equal(id:lower(), s.uuid().check(id))
    end)
    it("refuses what is none", function()
        for _, wrong in ipairs({ "", "1", "0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5fg",
            "'; drop table users;--", 7 }) do
            assert.is_nil((s.uuid().check(wrong)))
        end
    end)
end)

describe("a type's JSON Schema", function()
    local function encoded(kind)
        return json.encode(kind.json())
    end
    it("says that nothing unknown is taken", function()
        assert.equal(
            '{"additionalProperties":false,"properties":{"a":{"type":"boolean"}},'
                .. '"required":["a"],"type":"object"}',
            encoded(s.object({ a = s.boolean() })))
    end)
    it("has an empty list of properties as an object", function()
        assert.equal('{"additionalProperties":false,"properties":{},"type":"object"}',
            encoded(s.object({})))
    end)
    it("says null beside the type", function()
        assert.equal('{"format":"uuid","type":["string","null"]}', encoded(s.nullable(s.uuid())))
        assert.equal('{"anyOf":[{"$ref":"#/components/schemas/X"},{"type":"null"}]}',
            encoded(s.nullable(s.ref("X"))))
    end)
    it("says the default", function()
        assert.equal('{"default":false,"type":"boolean"}', encoded(s.optional(s.boolean(), false)))
    end)
    it("has an example that it takes itself", function()
        local kind = s.object({
            id = s.uuid(), at = s.time(), email = s.string({ format = "email" }), price = s.money(),
            place = s.location(), rating = s.rating(), list = s.array(s.enum({ "A" })),
            code = s.string({ format = "country" }), day = s.string({ format = "date" }),
            tiny = s.string({ max = 2 }), extra = s.attributes({ max = 5 }),
        })
        local _, faults = kind.check(decoded(json.encode(kind.example)))
        assert.is_nil(faults)
    end)
end)

describe("schema.ref", function()
    it("finds what is defined after it, even itself", function()
        local tree = s.ref("SpecTree")
        s.define("SpecTree",
            s.object({ name = s.string(), below = s.array(s.ref("SpecTree"), { example = {} }) }))
        local _, faults = check(tree,
            '{"name":"a","below":[{"name":"b","below":[]},{"name":1,"below":[]}]}')
        assert.same({ ["below.1.name"] = "must be a text" }, faults)
    end)
    it("refuses a second definition", function()
        s.define("SpecOnce", s.boolean())
        assert.has_error(function()
            s.define("SpecOnce", s.boolean())
        end)
    end)
end)
