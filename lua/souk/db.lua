--- The database for routes and flows: named statements of sql/queries, and transactions as a
-- function.
local core_db = require("core.db")
local json = require("core.json")

local db = {
    query = core_db.query,
    query_of = core_db.query_of,
    one = core_db.one,
    exec = core_db.exec,
    json = core_db.json,
    json_page = core_db.json_page,
    json_row = core_db.json_row,
    row_json = core_db.row_json,
    batch = core_db.batch,
    array = core_db.array,
    columns = core_db.columns,
    in_tx = core_db.in_tx,
    ready = core_db.ready,
    null = json.null,
}

local ATTEMPTS_MAX = 3

local function is_retryable(e)
    return type(e) == "table" and (e.is_retryable or e.sqlstate == "40001" or e.sqlstate == "40P01")
end

local function pack(...)
    return { n = select("#", ...), ... }
end

--- One try. Returns is_done and the packed results to hand on, or false and why it may be tried
-- again.
local function attempt(fn)
    local is_begun, problem = core_db.begin()
    if not is_begun then
        return true, pack(nil, problem)
    end
    local results = pack(pcall(fn))
    if not results[1] then
        core_db.rollback()
        error(results[2], 0)
    end
    if results[2] == nil and results[3] ~= nil then
        core_db.rollback()
        return not is_retryable(results[3]), pack(nil, results[3])
    end
    if not core_db.in_tx() then
        error("a statement of this transaction failed and its error was not returned", 0)
    end
    local is_committed, refusal = core_db.commit()
    if not is_committed then
        return not is_retryable(refusal), pack(nil, refusal)
    end
    return true, pack(unpack(results, 2, results.n))
end

--- Runs fn in a transaction: commits when it returns, rolls back when it returns `nil, err` or
-- raises. Inside another tx it simply runs, as part of that one. A deadlock or serialization
-- failure runs fn again, so fn must have no other effects than its statements.
function db.tx(fn)
    if core_db.in_tx() then
        return fn()
    end
    local is_done, results
    for _ = 1, ATTEMPTS_MAX do
        is_done, results = attempt(fn)
        if is_done then
            break
        end
    end
    return unpack(results, 1, results.n)
end

return db
