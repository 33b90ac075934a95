--- All operations of the emulated API, gathered from the resources, and the way from method and
-- path to one of them. A resource file returns {operations = {…}, expandable = {kind = {field =
-- kind}}, prefixes = {prefix = kind}, views = {kind = function(emulator, object) -> what is
-- shown}, timers = {kind = function(emulator, args): what clock.at(…, kind, args) asked for}};
-- adding one is a line in RESOURCES. An operation: id, method, path, params
-- (wire/params.lua), returns (a kind), is_list and run(emulator, call) -> object | nil, err; call
-- has id, key, params, ids and account (Stripe-Account, which only operations that say
-- takes_account may be called with). check(params) -> err says what declarations cannot; it is
-- validation, so an idempotency key does not remember it.
local registry = {}

local RESOURCES = {
    "payment_intents", "charges", "refunds", "balance_transactions", "events",
    "webhook_endpoints", "accounts", "account_links", "login_links", "capabilities", "balance",
    "transfers", "transfer_reversals", "payouts", "disputes",
}

local function segments(path)
    local out = {}
    for segment in path:gmatch("[^/]+") do
        out[#out + 1] = segment
    end
    return out
end

local function merge(into, more)
    for key, value in pairs(more or {}) do
        into[key] = value
    end
end

function registry.new()
    local self = { operations = {}, expandable = {}, kind_by_prefix = {}, views = {},
        timers = {} }
    for _, name in ipairs(RESOURCES) do
        local resource = require("stripe_emulator.resources." .. name)
        for _, operation in ipairs(resource.operations) do
            self.operations[#self.operations + 1] = { operation = operation,
                segments = segments(operation.path) }
        end
        merge(self.expandable, resource.expandable)
        merge(self.kind_by_prefix, resource.prefixes)
        merge(self.views, resource.views)
        merge(self.timers, resource.timers)
    end
    return self
end

local function matches(wanted, given)
    if #wanted ~= #given then
        return nil
    end
    local ids = {}
    for position, segment in ipairs(wanted) do
        local name = segment:match("^{(.+)}$")
        if name then
            ids[name] = given[position]
        elseif segment ~= given[position] then
            return nil
        end
    end
    return ids
end

--- The operation and the ids in its path, or nil.
function registry.match(self, method, path)
    local given = segments(path)
    for _, entry in ipairs(self.operations) do
        local ids = entry.operation.method == method and matches(entry.segments, given)
        if ids then
            return entry.operation, ids
        end
    end
end

return registry
