--- Lists: limit, offset and signed cursors, one statement for the rows and one for the total.
local crypto = require("core.crypto")
local db = require("souk.db")
local err = require("souk.err")
local json = require("core.json")
local parallel = require("core.parallel")
local schema = require("souk.schema")
local text = require("souk.text")

local page = {}

local LIMIT_MAX = 100
local OFFSET_MAX = 10000
local MAC_CHARS = 32
local SEALED_MAX = 1000

--- The query of a list route: `fields` and limit, offset, cursor.
function page.query(fields)
    local all = {
        limit = schema.optional(schema.integer({ min = 1, max = LIMIT_MAX, example = 20 }), 20),
        offset = schema.optional(schema.integer({
            min = 0, example = 0, describe = "Above 10000: 400 offset_too_deep, use cursor",
        })),
        cursor = schema.optional(schema.string({
            min = 1, max = 1000, describe = "nextCursor of the page before; excludes offset",
        })),
    }
    all.cursor.example = json.null
    for name, field in pairs(fields or {}) do
        all[name] = field
    end
    return schema.object(all)
end

--- The answer of a list route: items of that type. extra: more top-level members.
function page.of(item, extra)
    local fields = {
        data = schema.array(item),
        page = schema.object({
            limit = schema.integer({ min = 1, max = LIMIT_MAX, example = 20 }),
            offset = schema.nullable(schema.integer({ min = 0, example = 0 })),
            total = schema.nullable(schema.integer({ min = 0, example = 1 })),
            totalIsExact = schema.optional(schema.boolean()),
            nextCursor = schema.nullable(schema.string()),
        }),
    }
    for name, field in pairs(extra or {}) do
        fields[name] = field
    end
    return schema.object(fields)
end

--- Arguments of a list's statements. Counts them, so that a nil at the end is still an argument.
function page.args(...)
    return { n = select("#", ...), ... }
end

--- Words as the pattern of a `like` over lower-cased text, or nil.
function page.like(words)
    return words and "%" .. words:lower():gsub("[%%_\\]", "\\%0") .. "%" or nil
end

-- Cursors -----------------------------------------------------------------------------------------

local function mac(payload)
    return crypto.seal("cursor " .. payload):sub(1, MAC_CHARS)
end

--- The same first pages are asked for again and again, and end in the same rows: by the last value,
--- which is mostly an id.
local sealed, sealed_count = {}, 0

local function is_of(known, scope, values)
    if known.scope ~= scope or #known.values ~= #values then
        return false
    end
    for i = 1, #values do
        if known.values[i] ~= values[i] then
            return false
        end
    end
    return true
end

--- values: the sort columns of the last row, json.null for none. scope: what the cursor belongs to
-- (the name of the query).
function page.seal(scope, values)
    local last = values[#values]
    local known = sealed[last]
    if known and is_of(known, scope, values) then
        return known.cursor
    elseif sealed_count >= SEALED_MAX then
        sealed, sealed_count = {}, 0
    end
    local payload = json.encode({ q = scope, v = json.array(values) })
    local cursor = text.base64url(payload) .. mac(payload)
    sealed[last] = { scope = scope, values = values, cursor = cursor }
    sealed_count = sealed_count + 1
    return cursor
end

--- The values of a cursor made by seal for the same scope; or nil, err.
function page.open(scope, cursor)
    local payload = #cursor > MAC_CHARS and text.from_base64url(cursor:sub(1, -MAC_CHARS - 1))
    if not payload or not crypto.equal(mac(payload), cursor:sub(-MAC_CHARS)) then
        return nil, err.bad_cursor()
    end
    local opened = json.decode(payload)
    if not opened or opened.q ~= scope then
        return nil, err.bad_cursor()
    end
    return opened.v
end

--- The cursor behind a row with these values in spec's columns.
local function next_cursor(spec, ...)
    local values = { ... }
    for i = 1, #spec.cursor do
        if values[i] == nil then
            values[i] = json.null
        end
    end
    return page.seal(spec.scope or spec.query, values)
end

-- Lists -------------------------------------------------------------------------------------------

local NOWHERE = {}

--- limit, offset, cursor values; or nil, err.
local function position(query, spec)
    if query.offset and query.cursor then
        return nil, err.field("cursor", "excludes offset")
    elseif query.offset and query.offset > OFFSET_MAX then
        return nil, err.offset_too_deep()
    elseif not query.cursor then
        return { limit = query.limit, offset = query.offset or 0, values = NOWHERE }
    end
    local values, problem = page.open(spec.scope or spec.query, query.cursor)
    if not values then
        return nil, problem
    end
    return { limit = query.limit, offset = 0, values = values, is_cursor = true }
end

--- Some lists are asked for with the same spec again and again.
local function columns_of(spec)
    spec.columns = spec.columns or table.concat(spec.cursor, " ")
    return spec.columns
end

local function rows_from(spec, begun, count, has_more, ...)
    if not begun then
        return nil, count
    end
    return {
        begun = begun, is_empty = count == 0, next_cursor = has_more and next_cursor(spec, ...),
    }
end

--- args, then the cursor's columns (null without one), then limit + 1, then offset.
local function rows_of(spec, at)
    local args, n = {}, spec.args.n
    for i = 1, n do
        args[i] = spec.args[i]
    end
    for i = 1, #spec.cursor do
        args[n + i] = at.values[i]
    end
    n = n + #spec.cursor
    args[n + 1], args[n + 2] = at.limit + 1, at.offset
    return rows_from(spec, db.json_page(spec.query, at.limit, columns_of(spec),
        unpack(args, 1, n + 2)))
end

local function total_of(spec)
    if type(spec.total) == "function" then
        return spec.total()
    end
    local row, problem = db.one(spec.total, unpack(spec.args, 1, spec.args.n))
    if not row then
        return nil, problem
    end
    return row.total
end

local function both(spec, at)
    local known = not at.is_cursor and spec.known_total and spec.known_total()
    if at.is_cursor or known or not spec.total then
        local rows, problem = rows_of(spec, at)
        if rows and known then
            rows.total = known
        end
        return rows, problem
    end
    local results = parallel(function()
        return rows_of(spec, at)
    end, function()
        return total_of(spec)
    end)
    for i = 1, 2 do
        if not results[i].value then
            return nil, results[i].err
        end
    end
    results[1].value.total = results[2].value
    return results[1].value
end

--- What stands behind the rows. Members are in the order of json.encode.
local function tail_of(rows, at, spec)
    local cursor, total = rows.next_cursor, rows.total
    local parts = {
        ',"page":{"limit":', at.limit, ',"nextCursor":', cursor and '"' .. cursor .. '"' or "null",
        ',"offset":', at.is_cursor and "null" or at.offset, ',"total":', total or "null",
    }
    if spec.total_max and total then
        parts[#parts + 1] = ',"totalIsExact":' .. tostring(total < spec.total_max)
    end
    parts[#parts + 1] = "}"
    for name, value in pairs(spec.extra or {}) do
        parts[#parts + 1] = "," .. json.encode(name) .. ":" .. json.encode(value)
    end
    return table.concat(parts) .. "}"
end

--- The same first page ends as it did before, as long as its last row and the total are the same.
local function known_tail_of(rows, at, spec)
    local known = spec.tail
    if not known or known.cursor ~= rows.next_cursor or known.total ~= rows.total
        or known.limit ~= at.limit or known.offset ~= at.offset then
        known = {
            cursor = rows.next_cursor, total = rows.total, limit = at.limit, offset = at.offset,
            text = tail_of(rows, at, spec),
        }
        spec.tail = known
    end
    return known.text
end

--- The answer's text: the rows are JSON already, and too long to become Lua's.
local function text_of(rows, at, spec)
    local is_first = not at.is_cursor and next(spec.extra or NOWHERE) == nil
    return json.add(rows.begun, (is_first and known_tail_of or tail_of)(rows, at, spec))
end

--- Answers a list. spec: {query = "noun/list", total = "noun/count" (a row with `total`) or a
-- function giving the number or nil for no total, known_total = function giving it at once or nil
-- when it must be counted, args = page.args(…), cursor = {columns of the
-- last row that order it, as Lua sees them}, total_max = where counting stops, extra = {name =
-- value} beside data and page}. The list statement takes args, then one parameter a cursor column
-- (null at the start), limit + 1, offset; the total statement takes args. A time as cursor column
-- must come as text ("~sort"), since Lua sees milliseconds only. Returns the answer for the
-- handler to return, nil, whether it has no rows; or nil, err.
function page.list(req, spec)
    if not spec.args or not spec.args.n then
        error("page.list: args must be made by page.args(…), which counts a nil at the end", 2)
    end
    local at, refusal = position(req.query, spec)
    if not at then
        return nil, refusal
    end
    local rows, problem = both(spec, at)
    if not rows then
        return nil, problem
    end
    return text_of(rows, at, spec), nil, rows.is_empty
end

return page
