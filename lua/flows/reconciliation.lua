--- The ledger against Stripe's own books, once a day and when an administrator asks. Stripe's lines
--- are gathered, each object's sum is compared with what we posted for it, both ways, with its fee;
--- then the balance. What differs is told and left alone: money is corrected by people.
local conf = require("core.conf")
local json = require("core.json")
local log = require("core.log")
local metric = require("core.metric")
local db = require("souk.db")
local err = require("souk.err")
local stripe_api = require("flows.stripe_api")
local stripe_books = require("flows.stripe_books")

local reconciliation = {}

local LOOKS_MAX = 3
local UNSEEN_MAX = 1000
local STRANGERS_MAX = 50

local value = stripe_api.value

--- Begins one that the timer takes on within a second. {id, status}; or nil, err.
function reconciliation.start(since, user_id)
    return db.tx(function()
        local results, problem = db.batch({
            { "reconciliation/lock" },
            { "reconciliation/start", since or db.null, user_id or db.null },
        })
        if not results then
            return nil, problem
        elseif not results[2][1] then
            return nil, err.conflict("a reconciliation is running: wait for it")
        end
        return results[2][1]
    end)
end

local function same(a, b)
    for currency, amount in pairs(a) do
        if b[currency] ~= amount then
            return false
        end
    end
    for currency in pairs(b) do
        if a[currency] == nil then
            return false
        end
    end
    return true
end

--- Gathers what is new, and Stripe's balances as they were before and after it: nil when they would
--- not stand still. How many lines, the balances; or nil, err.
local function gather(since_s)
    local before, problem = stripe_books.balances()
    if not before then
        return nil, problem
    end
    for _ = 1, LOOKS_MAX do
        local count, failure = stripe_books.gather(since_s)
        if not count then
            return nil, failure
        end
        local after, trouble = stripe_books.balances()
        if not after then
            return nil, trouble
        elseif same(before, after) then
            return count, after
        end
        before = after
    end
    return stripe_books.gather(since_s)
end

--- Asks Stripe by name for what we know and the gathered lines do not.
local function seek(id)
    local rows, problem = db.query("reconciliation/unseen", id, UNSEEN_MAX)
    if not rows then
        return nil, problem
    end
    for _, row in ipairs(rows) do
        local count, failure = stripe_books.gather_of(row.object_id)
        if not count then
            return nil, failure
        end
    end
    return true
end

local function exec(...)
    local arguments = { n = select("#", ...), ... }
    return db.tx(function()
        return db.query(unpack(arguments, 1, arguments.n))
    end)
end

--- Whether each transfer went where we say.
local function compare_transfers(id, since_s)
    return stripe_api.each_page(("/v1/transfers?created[gte]=%.0f"):format(since_s),
        function(objects)
            local brief = json.array({})
            for i, object in ipairs(objects) do
                brief[i] = {
                    id = object.id, amount = object.amount, destination = object.destination,
                    transfer_group = value(object.transfer_group),
                }
            end
            return exec("reconciliation/transfers", id, json.encode(brief))
        end)
end

--- Says of transfers that only Stripe knows where they went.
local function describe_strangers(id)
    local rows, problem = db.query("reconciliation/strangers", id, STRANGERS_MAX)
    if not rows then
        return nil, problem
    end
    for _, row in ipairs(rows) do
        local object = stripe_api.get("/v1/transfers/" .. row.object_id)
        if object then
            exec("reconciliation/note", id, row.object_id, ("transfer to %s, group %s"):format(
                object.destination, value(object.transfer_group) or "none"))
        end
    end
    return true
end

--- What is younger is on its way. Somebody who asks while nothing is underway wants to know what is
--- so now.
local function grace_of(is_asked, is_quiet)
    return is_asked and is_quiet and 0 or tonumber(conf("reconcile.grace_s"))
end

--- Runs one to its end: its row, or nil, err.
local function run(id)
    local begun, problem = exec("reconciliation/begin", id)
    if not begun or not begun[1] then
        return nil, problem or err.conflict()
    end
    local since_s = begun[1].since_s
    local count, balances = gather(since_s)
    if not count then
        return nil, balances
    end
    local encoded = balances and json.encode(json.object(balances)) or db.null
    local grace_s = grace_of(begun[1].is_asked, balances ~= nil)
    local steps = {
        function() return seek(id) end,
        function() return compare_transfers(id, since_s) end,
        function()
            return exec("reconciliation/compare", id, grace_s, encoded)
        end,
        function() return describe_strangers(id) end,
    }
    for _, step in ipairs(steps) do
        local is_done, failure = step()
        if not is_done then
            return nil, failure
        end
    end
    local rows, failure = exec("reconciliation/finish", id, count)
    return rows and rows[1], failure
end

local function tell(id, row)
    log[row.findings > 0 and "error" or "info"]("reconciliation.done",
        { id = id, findings = row.findings, compared = row.compared })
    metric.set("souk_reconciliation_findings", row.findings)
end

--- Without a key there is nobody to ask.
local function every_s()
    return (conf("stripe.secret_key") or "") ~= "" and tonumber(conf("reconcile.every_s")) or 0
end

--- The one to take on: begun by somebody, or by us since it is due; nil: none.
local function taken_on(state)
    if state.running_id or not state.is_due then
        return state.running_id
    end
    local made = reconciliation.start()
    return made and made.id
end

--- One turn of the timer.
function reconciliation.turn()
    local state = db.one("reconciliation/turn", every_s())
    local id = state and taken_on(state)
    if state then
        metric.set("souk_reconciliation_findings", state.findings)
    end
    if not id then
        return
    end
    local row, problem = run(id)
    if row then
        return tell(id, row)
    end
    log.error("reconciliation.failed", { id = id, code = problem.code })
    exec("reconciliation/fail", id, problem.message or problem.code)
end

return reconciliation
