--- What changed between two texts, line by line: the longest common subsequence, as `diff` shows it
--- without context. For texts of some hundred lines: its table is their product.

local function lines_of(text)
    local lines = {}
    for line in (text:gsub("\n$", "") .. "\n"):gmatch("([^\n]*)\n") do
        lines[#lines + 1] = line
    end
    return lines
end

--- Lengths of common subsequences of what follows (i, j).
local function lengths(a, b)
    local rows = { [#a + 1] = {} }
    for j = 1, #b + 1 do
        rows[#a + 1][j] = 0
    end
    for i = #a, 1, -1 do
        local row, below = { [#b + 1] = 0 }, rows[i + 1]
        for j = #b, 1, -1 do
            row[j] = a[i] == b[j] and below[j + 1] + 1 or math.max(below[j], row[j + 1])
        end
        rows[i] = row
    end
    return rows
end

--- The changed lines, each with "-" or "+" and its number; "" when the texts are the same.
return function(old, new)
    local a, b, out = lines_of(old), lines_of(new), {}
    local rows = lengths(a, b)
    local i, j = 1, 1
    while i <= #a or j <= #b do
        if i <= #a and j <= #b and a[i] == b[j] then
            i, j = i + 1, j + 1
        elseif j > #b or (i <= #a and rows[i + 1][j] >= rows[i][j + 1]) then
            out[#out + 1] = ("-%4d  %s"):format(i, a[i])
            i = i + 1
        else
            out[#out + 1] = ("+%4d  %s"):format(j, b[j])
            j = j + 1
        end
    end
    return table.concat(out, "\n")
end
