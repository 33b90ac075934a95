--- The sanitized build takes small pieces from malloc too, where a sanitizer sees them: what the
-- other builds use is compiled apart here.
local ffi = require("ffi")
local bit = require("bit")
local shell = require("spec.support.shell")

ffi.cdef([[
struct souk_heap { char room[4096]; };
void *heap_resize(struct souk_heap *heap, void *at, size_t old_size, size_t new_size);
void heap_done(struct souk_heap *heap);
]])

describe("A Lua state's heap", function()
    local heap, library

    setup(function()
        local path = os.tmpname()
        shell.must("gcc -O2 -shared -fPIC -Icore -o " .. path .. " core/bridge/heap.c")
        library = ffi.load(path)
        os.remove(path)
    end)

    before_each(function()
        heap = ffi.new("struct souk_heap")
    end)

    after_each(function()
        library.heap_done(heap)
    end)

    local function make(size, mark)
        local at = library.heap_resize(heap, nil, 0, size)
        assert(at ~= nil)
        ffi.fill(at, size, mark)
        return { at = ffi.cast("uint8_t *", at), size = size, mark = mark }
    end

    local function check(piece)
        for i = 0, piece.size - 1 do
            if piece.at[i] ~= piece.mark then
                error(("byte %d of %d was overwritten"):format(i, piece.size))
            end
        end
    end

    local function drop(piece)
        library.heap_resize(heap, piece.at, piece.size, 0)
    end

    it("never gives the same bytes to two, of whatever sizes", function()
        math.randomseed(7)
        local pieces = {}
        for turn = 1, 20000 do
            local i = math.random(2000)
            if pieces[i] then
                check(pieces[i])
                drop(pieces[i])
                pieces[i] = nil
            else
                pieces[i] = make(math.random(turn % 20 == 0 and 2000 or 130), turn % 251)
            end
        end
        for _, piece in pairs(pieces) do
            check(piece)
            drop(piece)
        end
    end)

    it("gives pieces aligned to 16 bytes, down to the last of a slab", function()
        for size = 1, 512 do
            for _ = 1, size % 16 == 0 and 1100 or 2 do
                local address = ffi.cast("uintptr_t", make(size, size % 251).at)
                assert.equal(0, bit.band(tonumber(address % 16), 15))
            end
        end
    end)

    it("keeps what is in a piece that grows or shrinks", function()
        for _, sizes in ipairs({ { 10, 16 }, { 16, 17 }, { 512, 513 }, { 513, 4000 }, { 700, 40 },
            { 300, 20 } }) do
            local piece = make(sizes[1], 77)
            piece.at = ffi.cast("uint8_t *",
                library.heap_resize(heap, piece.at, sizes[1], sizes[2]))
            piece.size = math.min(sizes[1], sizes[2])
            check(piece)
            piece.size = sizes[2]
            drop(piece)
        end
    end)

    it("takes again what was given back, before it asks for more", function()
        local seen, distinct = {}, 0
        for _ = 1, 50 do
            local pieces = {}
            for i = 1, 1000 do
                pieces[i] = make(48, 1)
                local key = tostring(pieces[i].at)
                distinct = distinct + (seen[key] and 0 or 1)
                seen[key] = true
            end
            for _, piece in ipairs(pieces) do
                drop(piece)
            end
        end
        assert.is_true(distinct < 3000, distinct .. " places for 1000 pieces at a time")
    end)
end)
