local heap = require("stripe_emulator.state.heap")

describe("A heap", function()
    local waiting
    before_each(function()
        waiting = heap.new(function(a, b)
            return a < b
        end)
    end)

    local function drained()
        local out = {}
        for item in heap.pop, waiting do
            out[#out + 1] = item
        end
        return out
    end

    it("gives the first of what was put in, whatever the order", function()
        local wanted, seed = {}, 7
        for position = 1, 500 do
            wanted[position] = position
        end
        for position = 500, 1, -1 do
            seed = (seed * 1103515245 + 12345) % 2147483648
            local other = seed % position + 1
            wanted[position], wanted[other] = wanted[other], wanted[position]
        end
        for _, item in ipairs(wanted) do
            heap.push(waiting, item)
        end
        table.sort(wanted)
        assert.same(wanted, drained())
        assert.equal(0, waiting.count)
    end)

    it("takes more while it is being emptied", function()
        heap.push(waiting, 3)
        heap.push(waiting, 1)
        assert.equal(1, heap.pop(waiting))
        heap.push(waiting, 2)
        assert.equal(2, heap.first(waiting))
        assert.same({ 2, 3 }, drained())
        assert.is_nil(heap.pop(waiting))
    end)
end)
