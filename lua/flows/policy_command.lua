--- `souk policy …`: what an operator does to a policy from a shell. `check` needs neither server
--- nor database; the others work on the database, and a running server follows at once.
local conf = require("core.conf")
local core_policy = require("core.policy")
local db = require("souk.db")
local time = require("souk.time")
local line_diff = require("souk.line_diff")
local policies = require("flows.policies")
local policy_activation = require("flows.policy_activation")
local policy_simulation = require("flows.policy_simulation")

local USAGE = [[
usage: souk policy check FILE                    load a text and run its examples; no server needed
       souk policy list [NAME]                   what decides; the versions of a policy
       souk policy add NAME FILE [--note TEXT]   keep a text as a version
       souk policy diff NAME VERSION [VERSION]   what changes, against the active version or another
       souk policy simulate NAME VERSION|FILE [--since 30d|DATE] [--limit N]
       souk policy activate NAME VERSION [--at TIME] [--percent N] [--force] [--reason TEXT]
       souk policy rollback NAME [--reason TEXT]
       souk policy explain ORDER_ID              why an order's fees are what they are]]

local DAY_MS = 86400000
local FLAGS = { force = true }

local function parse(arguments)
    local words, options, at = {}, {}, 2
    while arguments[at] do
        local name = arguments[at]:match("^%-%-(%l+)$")
        if name and FLAGS[name] then
            options[name] = true
        elseif name then
            at = at + 1
            options[name] = arguments[at]
        else
            words[#words + 1] = arguments[at]
        end
        at = at + 1
    end
    return words, options
end

--- Paths are the caller's: the launcher has gone to souk's own folder.
local function read_file(path)
    local folder = os.getenv("CALLER")
    if folder and path:sub(1, 1) ~= "/" then
        path = folder .. "/" .. path
    end
    local file, why = io.open(path, "r")
    if not file then
        return nil, { message = why }
    end
    local text = file:read("*a")
    file:close()
    return text
end

local function name_of(path)
    return path:match("([%l_]+)[%w_.-]*%.lua$") or path:match("([%l_]+)[^/]*$") or "policy"
end

local function since_of(text)
    local days = (text or "30d"):match("^(%d+)d$")
    return days and time.rfc3339(time.now_ms() - tonumber(days) * DAY_MS) or text
end

local function minor(amount)
    return ("%d %s minor units"):format(amount, conf("currency"))
end

--- A version by number, or the one that a file holds, kept when it is new.
local function find(name, word, options)
    if not name or not word then
        return nil, { message = USAGE }
    elseif word:match("^%d+$") then
        return policies.version(name, tonumber(word))
    end
    local source, problem = read_file(word)
    if not source then
        return nil, problem
    end
    return policies.add(name, { source = source, note = options.note, origin = "COMMAND" })
end

local commands = {}

function commands.check(words)
    local source, problem = read_file(words[1] or "")
    if not source then
        return nil, problem
    end
    local hash, why = core_policy.check(name_of(words[1]), source)
    if not hash then
        return nil, { message = why }
    end
    return ("%s: its examples hold, version %s"):format(words[1], hash:sub(1, 12))
end

local function list_line(row)
    return ("%-10s %4d  %-9s  %s  %s  %s"):format(row.name, row.version, row.state,
        row.hash:sub(1, 12), row.activatedAt or "never active           ", row.note)
end

function commands.list(words)
    local rows, problem
    if words[1] then
        rows, problem = db.query("policy/versions", words[1], nil, 100, 0)
    else
        rows, problem = db.query("policy/list")
    end
    if not rows then
        return nil, problem
    end
    local lines = {}
    for i, row in ipairs(rows) do
        lines[i] = list_line(row)
    end
    return table.concat(lines, "\n")
end

function commands.add(words, options)
    local row, problem = find(words[1], words[2], options)
    if not row then
        return nil, problem
    end
    return ("%s version %d, %s"):format(words[1], row.version, row.hash)
end

function commands.diff(words, options)
    local new, problem = find(words[1], words[2], options)
    if not new then
        return nil, problem
    end
    local old, failure
    if words[3] then
        old, failure = find(words[1], words[3], options)
    else
        local row = db.one("policy/active", words[1], nil)
        old, failure = db.one("policy/version", words[1], nil, row and row.hash)
    end
    if not old then
        return nil, failure or { message = "no version of " .. words[1] .. " is active yet" }
    end
    new, failure = db.one("policy/version", words[1], nil, new.hash)
    if not new then
        return nil, failure
    end
    return ("--- %s version %d\n+++ %s version %d\n%s"):format(words[1], old.version, words[1],
        new.version, line_diff(old.source, new.source))
end

local function show_progress(percent, count)
    io.stderr:write(("\r%3d %%  %d orders, %d change"):format(percent, count.orders, count.changed))
    io.stderr:flush()
end

local function group_lines(lines, title, group, key)
    lines[#lines + 1] = title
    for i = 1, math.min(10, #group) do
        local entry = group[i]
        lines[#lines + 1] = ("  %-38s %8d orders %14d -> %14d  (%+d)"):format(entry[key],
            entry.orders, entry.oldFee.amount, entry.newFee.amount, entry.difference.amount)
    end
end

local function report_of(view)
    local lines = {
        ("orders     %d, of which %d change, %d by more than %d basis points, %d fail"):format(
            view.orders, view.changed, view.moved, policy_simulation.limit_bps(), view.errors),
        ("old fees   %s"):format(minor(view.oldFee.amount)),
        ("new fees   %s"):format(minor(view.newFee.amount)),
        ("difference %s"):format(minor(view.difference.amount)),
    }
    group_lines(lines, "by category", view.byCategory, "category")
    group_lines(lines, "by vendor", view.byVendor, "vendorId")
    for _, sample in ipairs(view.errorSample) do
        lines[#lines + 1] = ("fails on vendor order %s: %s"):format(sample.vendorOrderId,
            sample.message)
    end
    return table.concat(lines, "\n")
end

function commands.simulate(words, options)
    local row, problem = find(words[1], words[2], options)
    if not row then
        return nil, problem
    elseif words[1] ~= "fee" then
        return nil, { message = "only the fee policy has stored inputs to be run on" }
    end
    local id, failure = policy_simulation.add(row.id, {
        since = since_of(options.since), limit = tonumber(options.limit),
    })
    if not id then
        return nil, failure
    end
    local taken
    taken, failure = db.tx(function()
        return db.one("policy_simulation/take_one", id)
    end)
    if not taken then
        return nil, failure or { message = "the server has begun this simulation itself" }
    end
    local count
    count, failure = policy_simulation.run(taken, row.hash, show_progress)
    io.stderr:write("\n")
    if not count then
        return nil, failure
    end
    policy_simulation.judge(taken, count)
    local done
    done, failure = db.one("policy_simulation/get", id, nil)
    if not done then
        return nil, failure
    end
    return report_of(policy_simulation.view(done))
end

function commands.activate(words, options)
    local row, problem = find(words[1], words[2], options)
    if not row then
        return nil, problem
    end
    local is_done, refusal = policy_activation.activate(words[1], row, {
        at = options.at, percent = tonumber(options.percent), force = options.force,
        reason = options.reason or "from the command line",
    })
    if not is_done then
        return nil, refusal
    end
    return ("%s version %d decides%s%s"):format(words[1], row.version,
        options.at and " from " .. options.at or " from now on",
        options.percent and (" for %s %% of the buyers"):format(options.percent) or "")
end

function commands.rollback(words, options)
    if not words[1] then
        return nil, { message = USAGE }
    end
    local row, problem = policies.rollback(words[1], {
        reason = options.reason or "from the command line",
    })
    if not row then
        return nil, problem
    end
    return ("%s version %d decides again"):format(words[1], row.version)
end

function commands.explain(words)
    local answer, problem = require("flows.fee_explanation").of(words[1])
    if not answer then
        return nil, problem
    end
    local lines = {}
    for _, part in ipairs(answer.vendorOrders) do
        lines[#lines + 1] = ("vendor order %s: subtotal %d, fee %d (%s), version %s%s"):format(
            part.id, part.subtotal.amount, part.stored.fee.amount, part.stored.reason,
            tostring(part.policy.version), part.isReproduced and "" or "  NOT REPRODUCED")
        for _, step in ipairs(part.steps) do
            lines[#lines + 1] = ("  %4d  %s"):format(step.line, step.text)
        end
    end
    return table.concat(lines, "\n")
end

return function(...)
    local arguments = { ... }
    local run = commands[arguments[1] or ""]
    if not run then
        return nil, { message = USAGE }
    end
    return run(parse(arguments))
end
