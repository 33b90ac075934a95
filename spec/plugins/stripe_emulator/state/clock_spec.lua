local clock = require("stripe_emulator.state.clock")

describe("The virtual clock", function()
    local real_ms, virtual, ran
    before_each(function()
        real_ms, ran = 1000 * 1000, {}
        virtual = clock.new(function()
            return real_ms
        end)
    end)

    local function remember(name)
        return function()
            ran[#ran + 1] = name
        end
    end

    it("runs with real time, ahead by what it was advanced", function()
        clock.advance(virtual, 50)
        assert.equal(1050, clock.now(virtual))
        real_ms = real_ms + 2500
        assert.equal(1052, clock.now(virtual))
    end)

    it("runs what is due in the order of its time, each once", function()
        clock.after(virtual, 30, remember("c"))
        clock.after(virtual, 10, remember("a"))
        clock.after(virtual, 20, remember("b"))
        clock.after(virtual, 20, remember("b2"))
        clock.advance(virtual, 19)
        assert.same({ "a" }, ran)
        clock.advance(virtual, 11)
        assert.same({ "a", "b", "b2", "c" }, ran)
        clock.advance(virtual, 100)
        assert.equal(4, #ran)
    end)

    it("runs what became due by real time", function()
        clock.after(virtual, 5, remember("a"))
        real_ms = real_ms + 5000
        clock.run_due(virtual)
        assert.same({ "a" }, ran)
    end)
end)
