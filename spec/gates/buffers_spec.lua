--- Pages that the hot statements read, as EXPLAIN (ANALYZE, BUFFERS) counts them for the very text
-- of sql/queries on the same rows in every run. A plan that begins to scan shows at once.
local gate = require("spec.gates.gate")
local shell = require("spec.support.shell")

local SLACK_PAGES = 2

local function statement(name)
    return (shell.read("sql/queries/" .. name .. ".sql"):gsub("%-%-[^\n]*\n", ""):gsub(";%s*$", ""))
end

local function literal(value)
    if value == nil or value == "null" then
        return "null"
    end
    return "'" .. tostring(value):gsub("'", "''") .. "'"
end

--- Shared pages touched by the second run: the first has filled the caches of the connection.
local function pages(db, name, arguments)
    local values = {}
    for i = 1, #arguments do
        values[i] = literal(arguments[i])
    end
    local call = "execute asked" .. (#values > 0 and "(" .. table.concat(values, ", ") .. ")" or "")
    local rows = db:query(("prepare asked as %s; begin; explain (analyze, buffers) %s; rollback; "
        .. "begin; explain (analyze, buffers) %s; rollback;"):format(statement(name), call, call))
    local found = {}
    for _, row in ipairs(rows) do
        local text = row[1]
        if text:find("actual time", 1, true) and not text:find("->", 1, true) then
            found[#found + 1] = { is_open = true, pages = 0 }
        end
        local last = found[#found]
        local buffers = text:match("Buffers: shared(.*)")
        if buffers and last and last.is_open then
            last.is_open = false
            for count in buffers:gmatch("[hr][ie][ta]d?=(%d+)") do
                last.pages = last.pages + tonumber(count)
            end
        end
    end
    return assert(found[2], name .. " was not explained").pages
end

describe("a hot statement", function()
    it("reads no more pages than its budget", function()
        local db = gate.marketplace()
        local shelf = gate.shelf(db, 4)
        local buyer = gate.buyers(db, 1)[1]
        gate.fill_carts(db, { buyer }, shelf)
        local vendor = db:value("select vendor_id from products where id = '" .. shelf[1] .. "'")
        local slug = db:value("select slug from products where id = '" .. shelf[1] .. "'")
        local vendors = db:value("select array_agg(id) from (select id from vendors "
            .. "where status = 'ACTIVE' order by id limit 20) as few")
        local cases = {
            { "product/detail", shelf[1] },
            { "product/detail_by_slug", slug },
            { "product/newest", "null", "null", 20, 0 },
            { "product/newest_of_vendor", vendor, "null", "null", 20, 0 },
            { "product/count", "{}", 100001 },
            { "vendor/by_ids", vendors },
            { "vendor/detail", vendor, true },
            { "category/tree" },
            { "auth/user", buyer.id, buyer.id },
            { "cart/put", buyer.buyer_id, shelf[2], "null", 1 },
            { "cart/lines", buyer.buyer_id },
            { "checkout/read", "{" .. buyer.buyer_id .. "}" },
        }
        for _, case in ipairs(cases) do
            if shell.read("sql/queries/" .. case[1] .. ".sql") then
                local name = table.remove(case, 1)
                gate.check("pages", name, pages(db, name, case), 0.1, SLACK_PAGES)
            end
        end
        gate.finish()
    end)
end)
