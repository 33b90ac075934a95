--- What happened, as Stripe tells it: each event keeps the object as it was, and is handed to the
-- webhook queue.
local clock = require("stripe_emulator.state.clock")
local errors = require("stripe_emulator.wire.errors")
local list = require("stripe_emulator.wire.list")
local owners = require("stripe_emulator.wire.owners")
local params = require("stripe_emulator.wire.params")
local queue = require("stripe_emulator.webhooks.queue")
local store = require("stripe_emulator.state.store")

local events = {}

local EVENTS_MAX = 10000

--- The oldest go once there are too many, unless they are still to be delivered.
local function trim(emulator)
    local all = store.all(emulator.store, "event")
    if #all > EVENTS_MAX and all[1].pending_webhooks == 0 then
        store.remove(emulator.store, all[1])
    end
end

--- call: the request that caused it, nil when the clock did. The object is kept as JSON, so later
-- changes do not reach it. previous: what its changed fields were. account: the connected account
-- it happened on, nil for the platform's own.
function events.emit(emulator, call, kind, object, previous, account)
    local json = emulator.json
    local data = { object = json.raw(json.encode(emulator.view(object))),
        previous_attributes = previous }
    local event = store.insert(emulator.store, {
        id = store.new_id(emulator.store, "evt"),
        object = "event",
        account = account,
        api_version = emulator.settings.api_version,
        created = clock.now(emulator.clock),
        data = data,
        livemode = false,
        pending_webhooks = 0,
        request = {
            id = call and call.id or json.null,
            idempotency_key = call and call.key or json.null,
        },
        type = kind,
    }, { account = account })
    queue.add(emulator.webhooks, event)
    trim(emulator)
    return event
end

local function retrieve(emulator, call)
    return owners.find(emulator, call, "event", "id")
end

--- A type is exact or ends in ".*".
local function is_type(wanted, kind)
    local stem = wanted:match("^(.*)%*$")
    if stem then
        return kind:sub(1, #stem) == stem
    end
    return wanted == kind
end

local function is_wanted(asked, kind)
    if asked.type and not is_type(asked.type, kind) then
        return false
    end
    for _, wanted in ipairs(asked.types or {}) do
        if is_type(wanted, kind) then
            return true
        end
    end
    return asked.types == nil
end

local function index(emulator, call)
    local asked = call.params
    if asked.type and asked.types then
        return nil, errors.invalid("type", nil, "You may only specify one of these parameters: "
            .. "type, types.")
    end
    return list.page(emulator, {
        kind = "event",
        url = "/v1/events",
        keep = function(event)
            local is_delivered = event.pending_webhooks == 0
            return owners.is_of(emulator, event, call.account)
                and is_wanted(asked, event.type)
                and (asked.delivery_success == nil or asked.delivery_success == is_delivered)
        end,
    }, asked)
end

events.prefixes = { evt = "event" }
events.operations = {
    {
        id = "GetEvents",
        method = "GET",
        path = "/v1/events",
        params = list.params({
            created = params.range(),
            delivery_success = params.boolean(),
            type = params.text(),
            types = params.array(params.text()),
        }),
        returns = "event",
        is_list = true,
        takes_account = true,
        run = index,
    },
    {
        id = "GetEventsId",
        method = "GET",
        path = "/v1/events/{id}",
        params = { expand = params.expand() },
        returns = "event",
        takes_account = true,
        run = retrieve,
    },
}

return events
