--- Words that look like words, the same at every run: for catalogues of any size, and for typing
--- errors whose right answer is known.
local bit = require("bit")

local vocabulary = {}

local ONSETS = { "b", "br", "c", "ch", "cl", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l",
    "m", "n", "p", "pl", "qu", "r", "s", "sh", "sl", "st", "t", "tr", "v", "w", "z" }
local VOWELS = { "a", "e", "i", "o", "u", "ai", "ea", "ee", "oa", "ou" }
local CODAS = { "", "", "", "n", "r", "l", "m", "t", "k", "nd", "rk", "st", "lt", "mp" }

--- Numbers from a seed, by xorshift: the same everywhere, and as many streams as there are seeds.
function vocabulary.draw(seed)
    local state = bit.bxor(seed * 2654435 % 4294967296, 0x2545F491)
    if state == 0 then
        state = 88172645
    end
    local function below(n)
        state = bit.bxor(state, bit.lshift(state, 13))
        state = bit.bxor(state, bit.rshift(state, 17))
        state = bit.bxor(state, bit.lshift(state, 5))
        return state % 4294967296 % n
    end
    for _ = 1, 8 do
        below(1)
    end
    return below
end

local function syllable(below)
    return ONSETS[below(#ONSETS) + 1] .. VOWELS[below(#VOWELS) + 1] .. CODAS[below(#CODAS) + 1]
end

local function longest(rank)
    return rank <= 500 and 6 or rank <= 5000 and 8 or 11
end

--- count words, all different, of 4 to 11 letters; the first ones are the shorter.
function vocabulary.words(count)
    local below, words, seen = vocabulary.draw(7), {}, {}
    while #words < count do
        local word = ""
        for _ = 1, below(100) < 60 and 2 or 3 do
            word = word .. syllable(below)
        end
        if #word >= 4 and #word <= longest(#words + 1) and not seen[word] then
            seen[word] = true
            words[#words + 1] = word
        end
    end
    return words
end

return vocabulary
