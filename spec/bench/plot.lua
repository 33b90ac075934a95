--- Plots as SVG, drawn by hand: lines over a logarithmic axis, and bars side by side. Colours come
-- from a style within the picture, so that one file is readable on light and on dark pages.
local plot = {}

local STYLE = [[
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 15px } .small { font-size: 11px; fill: #57606a }
.axis { stroke: #8c959f; stroke-width: 1 } .grid { stroke: #d0d7de; stroke-width: 1 }
.paper { fill: #ffffff }
.c1 { stroke: #0550ae; fill: #0550ae } .c2 { stroke: #bc4c00; fill: #bc4c00 }
.c3 { stroke: #1a7f37; fill: #1a7f37 } .c4 { stroke: #8250df; fill: #8250df }
.c5 { stroke: #9a6700; fill: #9a6700 } .faint { opacity: 0.45 }
polyline { fill: none !important; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #8d96a0 } .paper { fill: #0d1117 }
.axis { stroke: #6e7681 } .grid { stroke: #30363d }
.c1 { stroke: #58a6ff; fill: #58a6ff } .c2 { stroke: #f0883e; fill: #f0883e }
.c3 { stroke: #3fb950; fill: #3fb950 } .c4 { stroke: #bc8cff; fill: #bc8cff }
.c5 { stroke: #d29922; fill: #d29922 }
}
</style>
]]

local WIDTH, LEFT, RIGHT, TOP, BOTTOM = 720, 64, 190, 44, 46
local COLOURS = 5

local function escaped(text)
    return (tostring(text):gsub("[<>&]", { ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;" }))
end

local function text_at(x, y, text, class, anchor)
    return ('<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>'):format(
        x, y, class or "", anchor or "start", escaped(text))
end

local function line(x1, y1, x2, y2, class)
    return ('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>'):format(
        x1, y1, x2, y2, class)
end

local function whole(height, title, parts)
    return table.concat({
        ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">')
            :format(WIDTH, height, escaped(title)),
        STYLE, ('<rect class="paper" width="%d" height="%d"/>'):format(WIDTH, height),
        text_at(16, 26, title, "title"), table.concat(parts, "\n"), "</svg>\n",
    }, "\n")
end

local function short(value)
    if value >= 1e6 then
        return ("%gM"):format(value / 1e6)
    elseif value >= 1000 then
        return ("%gk"):format(value / 1000)
    end
    return ("%g"):format(value)
end

--- The powers of ten around all values.
local function decades(series)
    local least, most = math.huge, 0
    for _, one in ipairs(series) do
        for _, point in ipairs(one.points) do
            least, most = math.min(least, point[2]), math.max(most, point[2])
        end
    end
    return math.floor(math.log10(least)), math.max(math.ceil(math.log10(most)),
        math.floor(math.log10(least)) + 1)
end

--- series: {name, colour, points = {{x, y}…}}; ticks: the x of the axis, evenly spaced; unit of y.
function plot.lines(title, series, ticks, x_name, unit)
    local height = 340
    local right, bottom = WIDTH - RIGHT, height - BOTTOM
    local low, high = decades(series)
    local at = {}
    for i, tick in ipairs(ticks) do
        at[tick] = LEFT + 20 + (i - 1) * (right - LEFT - 40) / math.max(1, #ticks - 1)
    end
    local function y_of(value)
        return bottom - (math.log10(value) - low) / (high - low) * (bottom - TOP)
    end
    local parts = {}
    for decade = low, high do
        local y = y_of(10 ^ decade)
        parts[#parts + 1] = line(LEFT, y, right, y, "grid")
        parts[#parts + 1] = text_at(LEFT - 8, y + 4, short(10 ^ decade), "small", "end")
    end
    for _, tick in ipairs(ticks) do
        parts[#parts + 1] = text_at(at[tick], bottom + 18, type(tick) == "number" and short(tick)
            or tick, "small", "middle")
    end
    parts[#parts + 1] = line(LEFT, bottom, right, bottom, "axis")
    parts[#parts + 1] = text_at((LEFT + right) / 2, height - 10, x_name, "small", "middle")
    parts[#parts + 1] = text_at(16, TOP - 2, unit, "small")
    for i, one in ipairs(series) do
        local class, points = "c" .. ((one.colour or i) - 1) % COLOURS + 1, {}
        for _, point in ipairs(one.points) do
            points[#points + 1] = ("%.1f,%.1f"):format(at[point[1]], y_of(point[2]))
            parts[#parts + 1] = ('<circle cx="%.1f" cy="%.1f" r="3.5" class="%s"/>'):format(
                at[point[1]], y_of(point[2]), class)
        end
        parts[#parts + 1] = ('<polyline points="%s" class="%s"/>'):format(
            table.concat(points, " "), class)
        parts[#parts + 1] = ('<rect x="%d" y="%d" width="12" height="12" class="%s"/>'):format(
            right + 16, TOP + (i - 1) * 22, class)
        parts[#parts + 1] = text_at(right + 34, TOP + 11 + (i - 1) * 22, one.name)
    end
    return whole(height, title, parts)
end

local BAR, GAP = 18, 8

local function rectangle(x, y, width, class)
    return ('<rect x="%.1f" y="%d" width="%.1f" height="%d" class="%s"/>'):format(
        x, y, width, BAR, class)
end

--- groups: {name, bars = {{name, server, postgres, colour}…}}: a bar has two parts, the second
-- faint.
function plot.bars(title, groups, unit, legend)
    local most, height = 0, TOP + 30
    for _, group in ipairs(groups) do
        for _, bar in ipairs(group.bars) do
            most = math.max(most, bar[2] + bar[3])
        end
        height = height + 26 + #group.bars * (BAR + GAP)
    end
    local left, right = 210, WIDTH - 90
    local parts, y = { text_at(16, TOP + 6, unit .. ": " .. legend, "small") }, TOP + 24
    for _, group in ipairs(groups) do
        parts[#parts + 1] = text_at(16, y + 10, group.name, "title")
        y = y + 22
        for _, bar in ipairs(group.bars) do
            local class = "c" .. (bar[4] - 1) % COLOURS + 1
            local first = bar[2] / most * (right - left)
            local second = bar[3] / most * (right - left)
            parts[#parts + 1] = text_at(left - 10, y + 13, bar[1], "", "end")
            parts[#parts + 1] = rectangle(left, y, first, class)
            parts[#parts + 1] = rectangle(left + first, y, second, class .. " faint")
            parts[#parts + 1] = text_at(left + first + second + 6, y + 13,
                ("%.0f + %.0f"):format(bar[2], bar[3]), "small")
            y = y + BAR + GAP
        end
        y = y + 4
    end
    return whole(y + 6, title, parts)
end

return plot
