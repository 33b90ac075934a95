--- Where events go. The secret is shown once, in the answer that made the endpoint.
local clock = require("stripe_emulator.state.clock")
local errors = require("stripe_emulator.wire.errors")
local list = require("stripe_emulator.wire.list")
local metadata = require("stripe_emulator.wire.metadata")
local params = require("stripe_emulator.wire.params")
local store = require("stripe_emulator.state.store")

local webhook_endpoints = {}

local SECRET_LENGTH = 32

--- entry: url, enabled_events, secrets, and optionally api_version, description, metadata,
-- is_connect, is_configured (the settings may change it).
function webhook_endpoints.add(emulator, entry)
    local null = emulator.json.null
    return store.insert(emulator.store, {
        id = store.new_id(emulator.store, "we"),
        object = "webhook_endpoint",
        api_version = entry.api_version or null,
        application = null,
        created = clock.now(emulator.clock),
        description = entry.description or null,
        enabled_events = emulator.json.array(entry.enabled_events),
        livemode = false,
        metadata = entry.metadata or {},
        status = "enabled",
        url = entry.url,
    }, {
        secrets = entry.secrets,
        is_connect = entry.is_connect or false,
        is_configured = entry.is_configured,
    })
end

local function create(emulator, call)
    local asked = call.params
    local secret = "whsec_" .. emulator.random(SECRET_LENGTH)
    local endpoint = webhook_endpoints.add(emulator, {
        url = asked.url,
        enabled_events = asked.enabled_events,
        secrets = { secret },
        api_version = asked.api_version,
        description = asked.description ~= params.UNSET and asked.description or nil,
        metadata = metadata.merge(asked.metadata),
        is_connect = asked.connect,
    })
    local shown = store.copy(emulator.store, endpoint)
    shown.secret = secret
    return shown
end

local function find(emulator, call)
    local id = call.ids.webhook_endpoint
    local found = store.get(emulator.store, "webhook_endpoint", id)
    if not found then
        return nil, errors.no_such(404, "webhook endpoint", id, "webhook_endpoint")
    end
    return found
end

local function change(emulator, endpoint, asked)
    local null = emulator.json.null
    endpoint.url = asked.url or endpoint.url
    if asked.enabled_events then
        endpoint.enabled_events = emulator.json.array(asked.enabled_events)
    end
    if asked.description then
        endpoint.description = asked.description ~= params.UNSET and asked.description or null
    end
    if asked.disabled ~= nil then
        endpoint.status = asked.disabled and "disabled" or "enabled"
    end
    if asked.metadata then
        endpoint.metadata = metadata.merge(asked.metadata, endpoint.metadata)
    end
end

--- A secret stays what it was; a disabled endpoint gets nothing.
local function update(emulator, call)
    local endpoint, wrong = find(emulator, call)
    if endpoint then
        change(emulator, endpoint, call.params)
    end
    return endpoint, wrong
end

local function delete(emulator, call)
    local endpoint, wrong = find(emulator, call)
    if not endpoint then
        return nil, wrong
    end
    endpoint.status = "disabled"
    store.remove(emulator.store, endpoint)
    return { id = endpoint.id, object = "webhook_endpoint", deleted = true }
end

local function index(emulator, call)
    return list.page(emulator, { kind = "webhook_endpoint", url = "/v1/webhook_endpoints" },
        call.params)
end

webhook_endpoints.prefixes = { we = "webhook_endpoint" }
webhook_endpoints.operations = {
    {
        id = "PostWebhookEndpoints",
        method = "POST",
        path = "/v1/webhook_endpoints",
        params = {
            api_version = params.text(),
            connect = params.boolean(),
            description = params.text({ unset = true }),
            enabled_events = params.array(params.text(), { required = true }),
            expand = params.expand(),
            metadata = params.metadata({ unset = true }),
            url = params.url({ required = true }),
        },
        returns = "webhook_endpoint",
        run = create,
    },
    {
        id = "GetWebhookEndpoints",
        method = "GET",
        path = "/v1/webhook_endpoints",
        params = list.params(),
        returns = "webhook_endpoint",
        is_list = true,
        run = index,
    },
    {
        id = "GetWebhookEndpointsWebhookEndpoint",
        method = "GET",
        path = "/v1/webhook_endpoints/{webhook_endpoint}",
        params = { expand = params.expand() },
        returns = "webhook_endpoint",
        run = find,
    },
    {
        id = "PostWebhookEndpointsWebhookEndpoint",
        method = "POST",
        path = "/v1/webhook_endpoints/{webhook_endpoint}",
        params = {
            description = params.text({ unset = true }),
            disabled = params.boolean(),
            enabled_events = params.array(params.text()),
            expand = params.expand(),
            metadata = params.metadata({ unset = true }),
            url = params.url(),
        },
        returns = "webhook_endpoint",
        run = update,
    },
    {
        id = "DeleteWebhookEndpointsWebhookEndpoint",
        method = "DELETE",
        path = "/v1/webhook_endpoints/{webhook_endpoint}",
        params = {},
        returns = "webhook_endpoint",
        run = delete,
    },
}

return webhook_endpoints
