--- Disputes on the wire: reading them, answering with evidence, giving in. They begin and end by
-- what a test card or a control asks for; flows/dispute.lua knows what happens then.
local clock = require("stripe_emulator.state.clock")
local dispute = require("stripe_emulator.flows.dispute")
local errors = require("stripe_emulator.wire.errors")
local events = require("stripe_emulator.resources.events")
local list = require("stripe_emulator.wire.list")
local metadata = require("stripe_emulator.wire.metadata")
local params = require("stripe_emulator.wire.params")
local store = require("stripe_emulator.state.store")

local disputes = {}

local TEXT_MAX = 20000
local LONG = {
    access_activity_log = true, cancellation_policy_disclosure = true,
    cancellation_rebuttal = true, duplicate_charge_explanation = true,
    product_description = true, refund_policy_disclosure = true,
    refund_refusal_explanation = true, uncategorized_text = true,
}

local function find(emulator, call)
    local id = call.ids.dispute
    local found = store.get(emulator.store, "dispute", id)
    if not found then
        return nil, errors.no_such(404, "dispute", id, "dispute")
    end
    return found
end

--- What the bank is told: null for what is cleared.
local function evidence_of(emulator, asked)
    local fields = {}
    for name, value in pairs(asked) do
        fields[name] = value == params.UNSET and emulator.json.null or value
    end
    return fields
end

local function update(emulator, call)
    local object, wrong = find(emulator, call)
    if not object then
        return nil, wrong
    end
    local asked = call.params
    if asked.metadata then
        object.metadata = metadata.merge(asked.metadata, object.metadata)
    end
    local is_submitted = asked.submit ~= false
    if asked.evidence or asked.submit then
        local fields = evidence_of(emulator, asked.evidence or {})
        return dispute.answer(emulator, call, object, fields, is_submitted)
    end
    events.emit(emulator, call, "charge.dispute.updated", object)
    return object
end

local function close(emulator, call)
    local object, wrong = find(emulator, call)
    if not object then
        return nil, wrong
    end
    return dispute.accept(emulator, call, object)
end

local function index(emulator, call)
    local asked = call.params
    return list.page(emulator, {
        kind = "dispute",
        url = "/v1/disputes",
        keep = function(object)
            return (not asked.charge or object.charge == asked.charge)
                and (not asked.payment_intent or object.payment_intent == asked.payment_intent)
        end,
    }, asked)
end

--- With its balance transactions whole, as Stripe shows them, and what the clock says of it.
local function view(emulator, object)
    local shown, moves = {}, {}
    for field, value in pairs(object) do
        shown[field] = value
    end
    for position, id in ipairs(store.hidden(emulator.store, object).moves) do
        moves[position] = emulator.view(store.peek(emulator.store, "balance_transaction", id))
    end
    shown.balance_transactions = emulator.json.array(moves)
    local details = store.copy(emulator.store, object.evidence_details)
    details.past_due = details.submission_count == 0
        and clock.now(emulator.clock) > details.due_by
    shown.evidence_details = details
    return shown
end

local function evidence_param()
    local fields = {}
    for _, name in ipairs(dispute.EVIDENCE) do
        fields[name] = params.text({ unset = true, max = LONG[name] and TEXT_MAX or nil })
    end
    return params.hash(fields)
end

local function operation(id, method, suffix, fields, run)
    return {
        id = id,
        method = method,
        path = "/v1/disputes" .. suffix,
        params = fields,
        returns = "dispute",
        run = run,
    }
end

disputes.prefixes = { dp = "dispute" }
disputes.expandable = { dispute = { charge = "charge", payment_intent = "payment_intent" } }
disputes.views = { dispute = view }
disputes.operations = {
    {
        id = "GetDisputes",
        method = "GET",
        path = "/v1/disputes",
        params = list.params({
            charge = params.text(),
            created = params.range(),
            payment_intent = params.text(),
        }),
        returns = "dispute",
        is_list = true,
        run = index,
    },
    operation("GetDisputesDispute", "GET", "/{dispute}", { expand = params.expand() }, find),
    operation("PostDisputesDispute", "POST", "/{dispute}", {
        evidence = evidence_param(),
        expand = params.expand(),
        metadata = params.metadata({ unset = true }),
        submit = params.boolean(),
    }, update),
    operation("PostDisputesDisputeClose", "POST", "/{dispute}/close",
        { expand = params.expand() }, close),
}

return disputes
