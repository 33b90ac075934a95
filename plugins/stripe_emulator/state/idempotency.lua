--- Idempotency keys as Stripe keeps them: what began to execute is saved (402 and 500 too) and
-- replayed for 24 hours of the virtual clock; the same key with other parameters is an error; the
-- same key while the first still runs is a 409.
local clock = require("stripe_emulator.state.clock")
local errors = require("stripe_emulator.wire.errors")
local saved = require("stripe_emulator.state.saved")

local idempotency = {}

local KEPT_S = 24 * 3600
local KEY_MAX = 255
local SWEEP_MAX = 1000

function idempotency.new(virtual_clock, log)
    return { clock = virtual_clock, log = log, records = {}, saved = {}, first = 1, last = 0 }
end

local function keep(self, key, record)
    self.records[key] = record
    self.last = self.last + 1
    self.saved[self.last] = { key = key, record = record }
end

local function forget(self, key)
    self.records[key] = nil
    saved.remove(self.log, "keys", key)
end

--- Keys whose answer was saved. One that was in use when the process ended stands for nothing: what
-- it began was not saved either.
function idempotency.restore(self, sections)
    for _, entry in ipairs(sections.keys) do
        keep(self, entry.key, entry.value)
    end
end

--- Forgets what has expired, oldest first; a bounded piece of work, so it may be called often.
function idempotency.sweep(self)
    local now = clock.now(self.clock)
    for _ = 1, SWEEP_MAX do
        local oldest = self.saved[self.first]
        if not oldest or now < oldest.record.expires_at then
            return
        end
        if self.records[oldest.key] == oldest.record then
            forget(self, oldest.key)
        end
        self.saved[self.first] = nil
        self.first = self.first + 1
    end
end

local function canonical_keys(value)
    local keys = {}
    for key in pairs(value) do
        keys[#keys + 1] = tostring(key)
    end
    table.sort(keys)
    return keys
end

--- One text for parameters that mean the same, whatever their order in the body.
local function canonical(value)
    if type(value) ~= "table" then
        return ("%d:%s"):format(#tostring(value), tostring(value))
    end
    local parts = {}
    for _, key in ipairs(canonical_keys(value)) do
        local item = value[key]
        if item == nil then
            item = value[tonumber(key)]
        end
        parts[#parts + 1] = canonical(key) .. canonical(item)
    end
    return "{" .. table.concat(parts) .. "}"
end

function idempotency.fingerprint(request)
    return ("%s %s %s %s"):format(request.method, request.path, request.account or "",
        canonical(request.values))
end

local function mismatch(key, record, request)
    local where = record.path == request.path and "for requests with the same parameters they "
        .. "were first used with"
        or ("for the endpoint they were first used on ('%s')"):format(record.path)
    return errors.new(400, {
        type = "idempotency_error",
        message = ("Keys for idempotent requests can only be used %s. Try using a key other than "
            .. "'%s' if you meant to execute a different request."):format(where, key),
    })
end

--- What the key already stands for: nil (nothing, go on), a saved answer, or nil and an error.
function idempotency.find(self, key, request)
    if #key > KEY_MAX then
        return nil, errors.invalid(nil, nil, "Idempotency-Key must be at most 255 characters.")
    end
    local record = self.records[key]
    if not record then
        return nil
    end
    if record.answer and clock.now(self.clock) >= record.expires_at then
        forget(self, key)
        return nil
    end
    if record.fingerprint ~= idempotency.fingerprint(request) then
        return nil, mismatch(key, record, request)
    end
    if not record.answer then
        return nil, errors.key_in_use()
    end
    return record.answer
end

--- Execution begins: from here on the key is taken.
function idempotency.begin(self, key, request)
    self.records[key] = { path = request.path, fingerprint = idempotency.fingerprint(request) }
end

--- answer: {status=, body=, request_id=}, replayed as it stands.
function idempotency.save(self, key, answer)
    local record = self.records[key]
    if not record then
        return -- all was forgotten while it ran
    end
    record.answer = answer
    record.expires_at = clock.now(self.clock) + KEPT_S
    keep(self, key, record)
    saved.put(self.log, "keys", key, record)
end

return idempotency
