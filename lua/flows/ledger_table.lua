--- Tables of money for a terminal: columns as wide as what stands in them, words to the left,
--- amounts to the right.
local ledger_table = {}

local NAME_MAX = 24

--- What a terminal would obey or turn around in place of showing it: control characters, marks of
-- direction.
local UNSEEN = { "%c", "\194[\128-\159]", "\226\128[\139-\143\168-\174]", "\226\129[\166-\169]" }

--- How many characters; combining marks are counted too.
local function width(text)
    return #text - select(2, text:gsub("[\128-\191]", ""))
end

--- Somebody's words, safe to print and not too long.
function ledger_table.name(text)
    for _, pattern in ipairs(UNSEEN) do
        text = text:gsub(pattern, "?")
    end
    if width(text) <= NAME_MAX then
        return text
    end
    local out, count = {}, 0
    for character in text:gmatch("[%z\1-\127\192-\255][\128-\191]*") do
        count = count + 1
        if count < NAME_MAX then
            out[count] = character
        end
    end
    return table.concat(out) .. "…"
end

--- 5400 with exponent 2 is "54.00".
function ledger_table.amount(minor, exponent)
    local digits = ("%.0f"):format(math.abs(minor))
    digits = ("0"):rep(exponent + 1 - #digits) .. digits
    local whole, rest = digits:sub(1, #digits - exponent), digits:sub(#digits - exponent + 1)
    return (minor < 0 and "-" or "") .. whole .. (exponent > 0 and "." .. rest or "")
end

local function pad(text, columns, is_right)
    local space = (" "):rep(columns - width(text))
    return is_right and space .. text or text .. space
end

--- rows: arrays of texts, "" for nothing; words: how many of the first columns are words. A row
--- that is the string "rule" is a line of hyphens.
function ledger_table.text(rows, words)
    local widths = {}
    for _, row in ipairs(rows) do
        for i, cell in ipairs(type(row) == "table" and row or {}) do
            widths[i] = math.max(widths[i] or 0, width(cell))
        end
    end
    local lines = {}
    for n, row in ipairs(rows) do
        local cells = {}
        for i, columns in ipairs(widths) do
            cells[i] = row == "rule" and ("-"):rep(columns) or pad(row[i], columns, i > words)
        end
        lines[n] = table.concat(cells, "  "):gsub("%s+$", "")
    end
    return table.concat(lines, "\n")
end

return ledger_table
