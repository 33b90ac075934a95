--- Policies with a history. The database says which version decides; a worker loads its text once
--- and runs it in the sandbox of core.policy. A file of lua/policies that changed is a new version:
--- active at once while developing, and in production only when somebody says so.
local conf = require("core.conf")
local crypto = require("core.crypto")
local json = require("core.json")
local log = require("core.log")
local metric = require("core.metric")
local core_policy = require("core.policy")
local audit = require("souk.audit")
local db = require("souk.db")
local err = require("souk.err")

local policies = {}

local SOURCE_MAX = 65536

--- Hashes of the files that this generation knows to be seen, by name.
local synced = {}
--- Hashes of files that were refused: told once.
local refused = {}
--- What files looked like when they were read last.
local stamps = {}

--- Where and why a text is refused, as the details of a 422.
function policies.problem_details(why)
    local line, message = tostring(why):match(":(%d+): ([^\n]*)")
    return { {
        field = "source", message = message or tostring(why):match("^[^\n]*"),
        file = tostring(why):match("([%w_/.-]+%.lua)"), line = tonumber(line),
    } }
end

-- Versions ---------------------------------------------------------------------------------------

--- Keeps a text as a version of name, in the caller's transaction or its own. fields: {source,
--- note, author, origin}. Returns {id, version, hash, is_new}; or nil, err (422 with file, line and
--- reason when the text or one of its examples is wrong).
function policies.add(name, fields)
    if #fields.source > SOURCE_MAX then
        return nil, err.field("source", ("at most %d bytes"):format(SOURCE_MAX))
    end
    local hash, why = core_policy.check(name, fields.source)
    if not hash then
        return nil, err.invalid("the policy is refused: " .. why, policies.problem_details(why))
    end
    return db.tx(function()
        local results, problem = db.batch({
            { "policy/lock", name },
            {
                "policy/insert", name, hash, fields.source, fields.note or "",
                fields.author or json.null, fields.origin,
            },
        })
        if not results then
            return nil, problem
        end
        local row = results[2][1]
        row.hash = hash
        return row
    end)
end

--- version: a number. The row, with `source`; or nil, err.
function policies.version(name, version)
    local row, problem = db.one("policy/version", name, version, json.null)
    if not row then
        return nil, problem or err.not_found()
    end
    return row
end

--- Makes a version decide. options: {at = RFC 3339 or nil, percent, reason, actor, request_id}.
--- true, or nil, err.
function policies.activate(name, row, options)
    local percent = options.percent or 100
    return db.tx(function()
        local entries = { { "policy/lock", name } }
        if percent == 100 and not options.at then
            entries[#entries + 1] = { "policy/cancel_others", name }
        end
        entries[#entries + 1] = {
            "policy/activate", name, row.id, options.at or json.null, percent,
            options.reason or "", options.actor or json.null,
        }
        entries[#entries + 1] = audit.entry({
            actor = options.actor, action = "policy." .. (options.action or "activate"),
            object = "policy:" .. name, reason = options.reason, request_id = options.request_id,
            after = { version = row.version, hash = row.hash, percent = percent, at = options.at },
        })
        local results, problem = db.batch(entries)
        if not results then
            return nil, problem
        end
        log.info("policy.activated", {
            policy = name, version = row.version, percent = percent, at = options.at,
        })
        return true
    end)
end

--- Back to the version that decided before the one that does. Returns it; or nil, err.
function policies.rollback(name, options)
    return db.tx(function()
        local results, problem = db.batch({ { "policy/lock", name }, { "policy/history", name } })
        if not results then
            return nil, problem
        end
        local current, before = results[2][1], nil
        for _, row in ipairs(results[2]) do
            if current and row.hash ~= current.hash then
                before = row
                break
            end
        end
        if not before then
            return nil, err.conflict("no other version was active before: activate one instead")
        end
        options.action = "rollback"
        local is_done, failure = policies.activate(name, before, options)
        if not is_done then
            return nil, failure
        end
        return before
    end)
end

-- The file on disk -------------------------------------------------------------------------------

local function is_production()
    return conf("env") == "production"
end

local function take_file(name, source, hash)
    return db.tx(function()
        local results, problem = db.batch({ { "policy/lock", name }, { "policy/file", name } })
        if not results then
            return nil, problem
        end
        local seen = results[2][1]
        if seen.hash == hash then
            return false
        end
        local row, failure = policies.add(name, { source = source, origin = "DISK" })
        if not row then
            return nil, failure
        end
        local is_seen
        is_seen, failure = db.exec("policy/see_file", name, hash)
        if not is_seen then
            return nil, failure
        elseif seen.is_begun and is_production() then
            log.warn("policy.file.differs", {
                policy = name, version = row.version,
                hint = ("./souk policy activate %s %d"):format(name, row.version),
            })
            return true
        end
        return policies.activate(name, row, { reason = "the file changed" })
    end)
end

--- Takes a text that is new. true, or nil, err.
local function take_new(name, source, hash)
    local is_taken, problem = take_file(name, source, hash)
    if is_taken == nil and problem.code == "validation_failed" then
        refused[name] = hash
        log.error("policy.file.refused", { policy = name, problem = problem.message })
        return true
    elseif is_taken == nil then
        return nil, problem
    end
    -- What a caller's transaction takes is only seen when that commits.
    if not (is_taken and db.in_tx()) then
        synced[name] = hash
    end
    return true
end

--- Compares the file of a policy with what was seen last, and takes what is new. true, or nil, err.
function policies.sync(name)
    local stamp = core_policy.stamp(name)
    if stamp and stamp == stamps[name] then
        return true
    end
    local source = core_policy.file(name)
    if not source then
        return true
    end
    local hash = crypto.sha256(source)
    if refused[name] == hash or synced[name] == hash then
        stamps[name] = stamp
        return true
    end
    return take_new(name, source, hash)
end

--- The timer: while developing, saving a file is enough.
function policies.watch()
    for _, name in ipairs(core_policy.names()) do
        local is_done, problem = policies.sync(name)
        if not is_done then
            log.warn("policy.watch.failed", { policy = name, code = problem.code })
        end
    end
end

-- Running ----------------------------------------------------------------------------------------

--- Makes sure that a version can be evaluated here. true, or nil and why.
local function load(name, hash)
    if core_policy.is_loaded(name, hash) then
        return true
    end
    local row, problem = db.one("policy/source", name, hash)
    if not row then
        return nil, problem and problem.code or "no such version"
    end
    local version, why = core_policy.load(name, row.source)
    if not version then
        return nil, why
    end
    return true
end

local CONSTANTS_KEPT = 64

--- Results by hash, of versions that looked at nothing of their input.
local constants, constants_count = {}, 0

local function keep_constant(hash, result)
    if constants_count >= CONSTANTS_KEPT then
        constants, constants_count = {}, 0
    end
    constants[hash], constants_count = result, constants_count + 1
end

--- One evaluation by one version. Returns the result, which nobody changes, or nil and why.
function policies.evaluate_by(name, hash, input)
    local constant = constants[hash]
    if constant then
        return constant, hash
    end
    local is_loaded, why = load(name, hash)
    if not is_loaded then
        return nil, why
    end
    local result, by, is_constant = core_policy.evaluate(name, input, hash)
    if not result and by == hash then
        return nil, "the result must be a table"
    elseif is_constant and type(result) == "table" then
        keep_constant(hash, result)
    end
    return result, by
end

--- Evaluation with the lines that ran: result, steps (JSON text); or nil, why, steps.
function policies.explain_by(name, hash, input)
    local is_loaded, why = load(name, hash)
    if not is_loaded then
        return nil, why, "[]"
    end
    return core_policy.explain(name, input, hash)
end

--- The hash that decides for key (a buyer's id or nil): known, when it came with another row.
local function active(name, key, known)
    if known and synced[name] then
        return known
    end
    if not synced[name] then
        local is_synced, problem = policies.sync(name)
        if not is_synced then
            return nil, problem
        end
    end
    local row, problem = db.one("policy/active", name, key or json.null)
    if not row then
        return nil, problem
    end
    return row.hash or core_policy.version(name)
end

--- What the policy itself raised has a place; what is wrong with its answer gets that of evaluate.
local function placed(name, hash, why)
    why = tostring(why)
    if why:find("lua/policies/", 1, true) or not core_policy.is_loaded(name, hash) then
        return why
    end
    return core_policy.place(name, hash) .. ": " .. why
end

local function alert(name, hash, why)
    why = placed(name, hash, why)
    log.error("policy.failed", { policy = name, version = hash, problem = why })
    metric.inc("souk_policy_failures_total", ('policy="%s"'):format(name))
end

--- The last versions that decided, but for the one that failed.
local function fallbacks(name, hash)
    local list, is_known = {}, { [hash] = true }
    for _, row in ipairs(db.query("policy/history", name) or {}) do
        if not is_known[row.hash] then
            is_known[row.hash] = true
            list[#list + 1] = row.hash
        end
    end
    return list
end

--- Runs use(hash, …) -> value | nil, why with the version that decides; when that fails, somebody
--- is told and the last good version answers. All that one use does is done by one version. Returns
--- value, hash; or nil, err.
function policies.with_active(name, key, known, use, ...)
    local hash, problem = active(name, key, known)
    if not hash then
        return nil, problem
    end
    local value, why = use(hash, ...)
    if value then
        return value, hash
    end
    alert(name, hash, why)
    for _, older in ipairs(fallbacks(name, hash)) do
        value = use(older, ...)
        if value then
            log.warn("policy.fallback", { policy = name, failed = hash, used = older })
            return value, older
        end
    end
    return nil, err.internal()
end

return policies
