local json = require("core.json")
local saved = require("stripe_emulator.state.saved")
local support = require("spec.plugins.stripe_emulator.support")

describe("The saved state", function()
    local kept, log
    before_each(function()
        kept = {}
        log = saved.new(support.file(kept), json)
        saved.load(log)
    end)

    local function read()
        return saved.load(saved.new(support.file(kept), json))
    end

    it("gives back what was put and not removed, in the order it came", function()
        saved.put(log, "a", "x", 1)
        saved.put(log, "a", "y", { 2 })
        saved.put(log, "b", 7, "other")
        saved.commit(log)
        saved.put(log, "a", "z", 3)
        saved.put(log, "a", "x", 4)
        saved.remove(log, "a", "y")
        saved.commit(log)
        local sections = read()
        assert.same({ { key = "x", value = 4 }, { key = "z", value = 3 } }, sections.a)
        assert.same({ { key = 7, value = "other" } }, sections.b)
        assert.same({}, sections.c)
    end)

    local said = {
        empty_array = json.array({}), array = json.array({ 1, 2 }), object = {}, null = json.null,
        raw = json.raw('{"b":1,"a":[]}'), deep = { { list = json.array({}), more = { {} } } },
        text = 'new\nline "$" \\', no = false, big = 2 ^ 53,
    }
    for name, value in pairs(said) do
        it("keeps " .. name .. " as JSON would write it", function()
            saved.put(log, "a", "x", { value = value })
            saved.commit(log)
            local back = read().a[1].value
            assert.equal(json.encode({ value = value }), json.encode(back))
            assert.equal(json.encode({ value = value }), json.encode(read().a[1].value))
        end)
    end

    it("does not change what it was given", function()
        local value = { list = json.array({}), inner = { raw = json.raw("1") } }
        local before = json.encode(value)
        saved.put(log, "a", "x", value)
        assert.equal(before, json.encode(value))
    end)

    it("has all of what belongs together or nothing of it, wherever it was cut off", function()
        saved.put(log, "a", "x", 1)
        saved.commit(log)
        local whole = #kept.text
        saved.put(log, "a", "x", 2)
        saved.put(log, "a", "y", 2)
        saved.commit(log)
        local text = kept.text
        for length = whole, #text do
            kept.text = text:sub(1, length)
            local entries = read().a
            local expected = length == #text and { 2, 2 } or { 1 }
            assert.same(expected, { entries[1].value, entries[2] and entries[2].value }, length)
        end
    end)

    it("goes on after something was cut off", function()
        saved.put(log, "a", "x", 1)
        saved.commit(log)
        kept.text = kept.text .. '["a","y'
        log = saved.new(support.file(kept), json)
        saved.load(log)
        saved.put(log, "a", "z", 3)
        saved.commit(log)
        assert.same({ "x", "z" }, { read().a[1].key, read().a[2].key })
    end)

    it("is written anew without what was superseded", function()
        for number = 1, 1000 do
            saved.put(log, "a", number % 10, number)
            saved.commit(log)
        end
        local long = #kept.text
        local first = read().a
        assert.equal(10, #first)
        assert.is_true(#kept.text < long / 50)
        assert.same(first, read().a)
    end)

    it("forgets all when told", function()
        saved.put(log, "a", "x", 1)
        saved.commit(log)
        saved.clear(log)
        saved.put(log, "a", "y", 2)
        saved.commit(log)
        assert.same({ { key = "y", value = 2 } }, read().a)
    end)

    it("is an error when it cannot be written", function()
        saved.put(log, "a", "x", 1)
        kept.refusal = "no space left"
        assert.has_error(function()
            saved.commit(log)
        end, "the emulator's state cannot be saved: no space left")
    end)

    it("has what could not be written at first, half of a line or none", function()
        for _, half in ipairs({ "", '["a","x"', '["a","x",1]', '["a","x",1]\n', "[" }) do
            kept = {}
            log = saved.new(support.file(kept), json)
            saved.load(log)
            saved.put(log, "a", "w", 0)
            saved.commit(log)
            saved.put(log, "a", "x", 1)
            kept.refusal = "no space left"
            assert.has_error(function()
                saved.commit(log)
            end)
            kept.text, kept.refusal = kept.text .. half, nil
            saved.put(log, "a", "y", 2)
            saved.commit(log)
            local entries = read().a
            assert.same({ 0, 1, 2 }, { entries[1].value, entries[2].value, entries[3].value })
        end
    end)

    it("is nothing without a file", function()
        local none = saved.new(nil, json)
        saved.put(none, "a", "x", 1)
        saved.clear(none)
        saved.commit(none)
        assert.same({}, saved.load(none).a)
    end)
end)
