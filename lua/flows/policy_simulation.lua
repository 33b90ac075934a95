--- What a version of the fee policy would have made of real orders: their stored inputs priced
--- again. As a simulation over the past, or as a shadow that goes on beside the active version over
--- the orders that come.
local clock = require("core.clock")
local conf = require("core.conf")
local crypto = require("core.crypto")
local json = require("core.json")
local log = require("core.log")
local sleep = require("core.sleep")
local db = require("souk.db")
local err = require("souk.err")
local money = require("souk.money")
local fees = require("flows.fees")

local policy_simulation = {}

local BATCH = 500
local ERRORS_MAX = 5
local VENDORS_MAX = 100
local LEASE_S = 15
local BPS_WHOLE = 10000
--- So long at a stretch: a version that takes its time must not take everybody's.
local STRETCH_US = 20000

-- Counting ---------------------------------------------------------------------------------------

--- A count that has seen nothing yet.
function policy_simulation.new()
    return {
        orders = 0, changed = 0, moved = 0, errors = 0, old_fee = 0, new_fee = 0,
        vendors = {}, categories = {}, samples = {},
    }
end

local function add_to(group, key, old_fee, new_fee)
    local entry = group[key]
    if not entry then
        entry = { orders = 0, old = 0, new = 0 }
        group[key] = entry
    end
    entry.orders, entry.old, entry.new = entry.orders + 1, entry.old + old_fee, entry.new + new_fee
end

--- A fee falls on the categories of its items by the items' worth; an item counts under the first
--- of its categories.
local function add_categories(count, input, old_fee, new_fee)
    local names, weights, at = {}, {}, {}
    for _, item in ipairs(input.items or {}) do
        local name = (item.categories or {})[1] or "none"
        if not at[name] then
            names[#names + 1], weights[#weights + 1] = name, 0
            at[name] = #names
        end
        weights[at[name]] = weights[at[name]] + item.line_total
    end
    if #names == 1 then
        return add_to(count.categories, names[1], old_fee, new_fee)
    end
    local old, new = money.split(old_fee, weights), money.split(new_fee, weights)
    for i, name in ipairs(names) do
        add_to(count.categories, name, old[i], new[i])
    end
end

local function add_error(count, row, why)
    count.errors = count.errors + 1
    if #count.samples < ERRORS_MAX then
        table.insert(count.samples, { vendorOrderId = row.id, message = why })
    end
end

--- One stored vendor order, priced by hash. It has moved when its fee differs by more than
--- policy.move_limit_bps of its subtotal.
function policy_simulation.count(count, hash, row, limit_bps)
    count.orders = count.orders + 1
    local input = json.decode(tostring(row.fee_input))
    local fee, why = fees.by(hash, input)
    if not fee then
        return add_error(count, row, why)
    end
    local old_fee, new_fee = row.fee_minor, fee.fee
    count.old_fee, count.new_fee = count.old_fee + old_fee, count.new_fee + new_fee
    if old_fee ~= new_fee then
        count.changed = count.changed + 1
        if math.abs(new_fee - old_fee) * BPS_WHOLE > row.subtotal_minor * limit_bps then
            count.moved = count.moved + 1
        end
    end
    add_to(count.vendors, row.vendor_id, old_fee, new_fee)
    add_categories(count, input, old_fee, new_fee)
end

--- Prices rows one after the other; errors_max: enough to know.
local function count_all(count, hash, rows, errors_max)
    local limit_bps, since_us = policy_simulation.limit_bps(), clock.monotonic_us()
    for _, row in ipairs(rows) do
        policy_simulation.count(count, hash, row, limit_bps)
        if count.errors >= errors_max then
            return
        elseif clock.monotonic_us() - since_us > STRETCH_US then
            sleep(0)
            since_us = clock.monotonic_us()
        end
    end
end

function policy_simulation.limit_bps()
    return tonumber(conf("policy.move_limit_bps"))
end

--- Counts the newest orders at once: the look that every activation takes. Returns a count, or nil,
--- err.
function policy_simulation.look(hash)
    local rows, problem = db.query("policy/latest_orders",
        tonumber(conf("policy.look_orders")), conf("currency"))
    if not rows then
        return nil, problem
    end
    local count = policy_simulation.new()
    count_all(count, hash, rows, ERRORS_MAX)
    return count
end

-- Telling ----------------------------------------------------------------------------------------

--- The greatest differences first; what is beyond VENDORS_MAX is told as one.
local function told(group, key_name, currency)
    local list = {}
    for key, entry in pairs(group) do
        list[#list + 1] = {
            [key_name] = key, orders = entry.orders,
            oldFee = money.of(entry.old, currency), newFee = money.of(entry.new, currency),
            difference = money.of(entry.new - entry.old, currency),
        }
    end
    table.sort(list, function(a, b)
        local x, y = math.abs(a.difference.amount), math.abs(b.difference.amount)
        if x ~= y then
            return x > y
        end
        return a[key_name] < b[key_name]
    end)
    for i = #list, VENDORS_MAX + 1, -1 do
        list[i] = nil
    end
    return json.array(list)
end

--- A row of policy_simulations as clients see it.
function policy_simulation.view(row)
    local details = row.details and json.decode(tostring(row.details)) or {}
    local currency = row.currency
    return {
        id = row.id, policy = row.name, version = row.version, status = row.status,
        shadow = row.is_shadow, since = row.since, progress = row.progress_percent,
        orders = row.orders, changed = row.changed, moved = row.moved, errors = row.errors,
        oldFee = money.of(row.old_fee_minor, currency),
        newFee = money.of(row.new_fee_minor, currency),
        difference = money.of(row.new_fee_minor - row.old_fee_minor, currency),
        byVendor = told(details.vendors or {}, "vendorId", currency),
        byCategory = told(details.categories or {}, "category", currency),
        errorSample = json.array(details.samples or {}),
        failureMessage = row.failure_message or json.null,
        createdAt = row.created_at, finishedAt = row.finished_at or json.null,
    }
end

-- Running ----------------------------------------------------------------------------------------

local function count_of(row)
    local details = json.decode(tostring(row.details))
    local samples = {}
    for i, sample in ipairs(details.samples or {}) do
        samples[i] = sample
    end
    return {
        orders = row.orders, changed = row.changed, moved = row.moved, errors = row.errors,
        old_fee = row.old_fee_minor, new_fee = row.new_fee_minor,
        vendors = details.vendors or {}, categories = details.categories or {}, samples = samples,
    }
end

--- true while the simulation is still wanted; or nil, err.
local function write(row, count, status, progress, why)
    local rows, problem = db.exec("policy_simulation/write", row.id, status, progress,
        row.last_id or json.null, count.orders, count.changed, count.moved, count.errors,
        count.old_fee, count.new_fee, json.encode(json.object({
            vendors = json.object(count.vendors), categories = json.object(count.categories),
            samples = json.array(count.samples),
        })), why or json.null)
    if problem then
        return nil, problem
    end
    return rows == 1
end

--- Prices one batch; true when it was the last one. is_done, or nil, err.
local function step(row, hash, count)
    local left = math.min(BATCH, row.row_limit - count.orders)
    local rows, problem = db.query("policy/orders", row.since, json.null, row.last_id or json.null,
        left, row.currency)
    if not rows then
        return nil, problem
    end
    count_all(count, hash, rows, math.huge)
    row.last_id = #rows > 0 and rows[#rows].id or row.last_id
    return #rows < left or count.orders >= row.row_limit
end

local function percent_of(count, total)
    return math.min(99, math.floor(count.orders * 100 / math.max(1, total)))
end

--- One batch, written down. is_last, percent; or nil, err.
local function turn(row, hash, count, total)
    local is_last, problem = step(row, hash, count)
    if is_last == nil then
        return nil, problem
    end
    local percent = is_last and 100 or percent_of(count, total)
    local status = is_last and (row.is_shadow and "PENDING" or "DONE") or "RUNNING"
    local is_wanted, failure = write(row, count, status, percent)
    if not is_wanted then
        return nil, failure or err.conflict("the simulation was stopped")
    end
    return is_last, percent
end

--- Runs a taken row to its end. on_progress(percent, count) is told after each batch. Returns the
--- count, or nil, err.
function policy_simulation.run(row, hash, on_progress)
    local count = count_of(row)
    local all, problem = db.one("policy_simulation/count_orders", row.since, row.row_limit,
        row.currency)
    if not all then
        return nil, problem
    end
    local is_last, percent
    repeat
        is_last, percent = turn(row, hash, count, all.total)
        if is_last == nil then
            return nil, percent
        elseif on_progress then
            on_progress(percent, count)
        end
    until is_last
    return count
end

--- Keeps the wish for a simulation. fields: {since, limit, is_shadow, actor}. Returns its id, or
--- nil, err.
function policy_simulation.add(version_id, fields)
    local id = crypto.uuid7()
    local is_kept, problem = db.exec("policy_simulation/insert", id, version_id,
        fields.is_shadow or false, fields.since, fields.limit or 1000000, conf("currency"),
        fields.actor or json.null)
    if not is_kept then
        return nil, problem
    end
    return id
end

--- A version that real orders made fail is a draft until it is mended.
function policy_simulation.judge(row, count)
    if not row.is_shadow then
        return db.exec("policy/set_state", row.version_id,
            count.errors > 0 and "DRAFT" or "VALIDATED")
    end
end

--- The timer: one wish at a time.
function policy_simulation.work()
    local row = db.tx(function()
        local taken, problem = db.one("policy_simulation/take", LEASE_S)
        if problem then
            return nil, problem
        end
        return taken or false
    end)
    if not row then
        return
    end
    local version = db.one("policy/by_id", row.version_id)
    local count, problem
    if version then
        count, problem = policy_simulation.run(row, version.hash)
    end
    if count then
        policy_simulation.judge(row, count)
    elseif problem then
        log.warn("policy.simulation.failed", { simulation = row.id, code = problem.code })
    end
end

return policy_simulation
