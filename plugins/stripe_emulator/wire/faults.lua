--- Faults that a test asks for: which request they hit (method, path pattern, n-th match, chance)
-- and what goes wrong.
local errors = require("stripe_emulator.wire.errors")
local saved = require("stripe_emulator.state.saved")

local faults = {}

--- Where in the life of a request each kind acts.
faults.STAGES = {
    error_before = "before", -- 500, not executed, not saved
    drop_before = "before", -- connection closed, not executed
    reset_idle = "before", -- connection reset, not executed: an idle one was given up meanwhile
    html_502 = "before",
    rate_limit = "before",
    lock_timeout = "before", -- 429 with Stripe-Should-Retry: true
    conflict = "before", -- 409
    slow = "during", -- ms pass while the key is in use, then as usual
    error_after = "after", -- executed, then 500, which is what the key replays
    drop_after = "after", -- executed, connection closed
    reset_after = "after", -- executed, connection reset
    hang = "after", -- executed, no answer for ms, connection closed
    truncate = "after", -- executed, half of the JSON
    tamper = "after", -- executed, fields of the answer replaced by `set`
}

function faults.new(log)
    return { saved = log, rules = {} }
end

local function save(self)
    saved.put(self.saved, "faults", "rules", self.rules)
end

function faults.restore(self, sections)
    for _, entry in ipairs(sections.faults) do
        self.rules = entry.value
    end
end

function faults.clear(self)
    self.rules = {}
    save(self)
end

--- '*' is one path segment, '**' any number of them.
local function pattern_of(path)
    local pattern = path:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0")
    pattern = pattern:gsub("%*%*", "\1"):gsub("%*", "[^/]*"):gsub("\1", ".*")
    return "^" .. pattern .. "$"
end

local FIELDS = {
    kind = "string",
    method = "string",
    path = "string",
    nth = "number",
    times = "number",
    chance = "number",
    seed = "number",
    ms = "number",
    set = "table",
}

--- What is wrong with a spec, or nil: a misspelt field would be a fault that never happens.
local function refusal(spec)
    for name, value in pairs(spec) do
        if not FIELDS[name] then
            return "unknown field: " .. tostring(name)
        elseif type(value) ~= FIELDS[name] then
            return ("%s must be a %s"):format(name, FIELDS[name])
        end
    end
    if not faults.STAGES[spec.kind or ""] then
        return "unknown fault kind: " .. tostring(spec.kind)
    end
end

--- spec: kind, and optionally method, path, nth (default 1), times (default 1), chance (0..1)
-- with seed, ms, set. True, or nil and what is wrong.
function faults.add(self, spec)
    local wrong = refusal(spec)
    if wrong then
        return nil, wrong
    end
    self.rules[#self.rules + 1] = {
        kind = spec.kind,
        stage = faults.STAGES[spec.kind],
        method = spec.method,
        pattern = pattern_of(spec.path or "/v1/**"),
        nth = spec.nth or 1,
        left = spec.times or 1,
        chance = spec.chance,
        random = spec.seed or 1,
        ms = spec.ms or 1000,
        set = spec.set or {},
        seen = 0,
    }
    save(self)
    return true
end

--- A small generator of its own, so that a seed gives the same run each time.
local function chance_hits(rule)
    if not rule.chance then
        return true
    end
    rule.random = (rule.random * 1103515245 + 12345) % 2147483648
    return rule.random / 2147483648 < rule.chance
end

local function take(self, method, path)
    for _, rule in ipairs(self.rules) do
        local is_match = rule.left > 0 and (not rule.method or rule.method == method)
            and path:match(rule.pattern)
        if is_match then
            rule.seen = rule.seen + 1
            if rule.seen >= rule.nth and chance_hits(rule) then
                rule.left = rule.left - 1
                return rule
            end
        end
    end
end

--- The rule that hits this request, if any; counts it.
function faults.take(self, method, path)
    local rule = #self.rules > 0 and take(self, method, path)
    if #self.rules > 0 then
        save(self)
    end
    return rule or nil
end

local HTML_502 = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad "
    .. "Gateway</h1></body></html>"

--- What a rule of stage "before" answers: an error, or a whole answer.
function faults.refuse(rule)
    if rule.kind == "drop_before" then
        return { status = 0 }
    elseif rule.kind == "reset_idle" then
        return { status = -1 }
    elseif rule.kind == "html_502" then
        return { status = 502, body = HTML_502, headers = { ["Content-Type"] = "text/html" } }
    elseif rule.kind == "rate_limit" then
        return nil, errors.rate_limit()
    elseif rule.kind == "lock_timeout" then
        return nil, errors.lock_timeout()
    elseif rule.kind == "conflict" then
        return nil, errors.key_in_use()
    end
    return nil, errors.api()
end

--- How the answer reaches the client when a rule of stage "after" hit.
function faults.deform(rule, answer, json)
    if rule.kind == "drop_after" or rule.kind == "hang" then
        return { status = 0 }
    elseif rule.kind == "reset_after" then
        return { status = -1 }
    elseif rule.kind == "truncate" then
        return { status = answer.status, body = answer.body:sub(1, math.floor(#answer.body / 2)) }
    elseif rule.kind == "tamper" then
        local object = json.decode(answer.body)
        for field, value in pairs(rule.set) do
            object[field] = value
        end
        return { status = answer.status, body = json.encode(object) }
    end
    return answer
end

return faults
