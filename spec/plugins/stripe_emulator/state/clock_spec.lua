local clock = require("stripe_emulator.state.clock")

describe("The virtual clock", function()
    local real_ms, virtual, ran
    before_each(function()
        real_ms, ran = 1000 * 1000, {}
        virtual = clock.new(function()
            return real_ms
        end, function(kind, args)
            ran[#ran + 1] = kind .. (args.name or "")
        end)
    end)

    it("runs with real time, ahead by what it was advanced", function()
        clock.advance(virtual, 50)
        assert.equal(1050, clock.now(virtual))
        real_ms = real_ms + 2500
        assert.equal(1052, clock.now(virtual))
    end)

    it("runs what is due in the order of its time, each once", function()
        clock.after(virtual, 30, "c")
        clock.after(virtual, 10, "a")
        clock.after(virtual, 20, "b", { name = "1" })
        clock.at(virtual, 1020, "b", { name = "2" })
        clock.advance(virtual, 19)
        assert.same({ "a" }, ran)
        clock.advance(virtual, 11)
        assert.same({ "a", "b1", "b2", "c" }, ran)
        clock.advance(virtual, 100)
        assert.equal(4, #ran)
    end)

    it("runs each at its own time, and what it asks for on the way too", function()
        local seen = {}
        virtual.run = function(_, args)
            seen[#seen + 1] = clock.now(virtual)
            if args.left > 0 then
                clock.after(virtual, 10, "again", { left = args.left - 1 })
            end
        end
        clock.after(virtual, 10, "again", { left = 2 })
        clock.advance(virtual, 25)
        assert.same({ 1010, 1020 }, seen)
        assert.equal(1025, clock.now(virtual))
        clock.advance(virtual, 5)
        assert.same({ 1010, 1020, 1030 }, seen)
    end)

    it("runs what became due by real time", function()
        clock.after(virtual, 5, "a")
        real_ms = real_ms + 5000
        clock.run_due(virtual)
        assert.same({ "a" }, ran)
    end)
end)
