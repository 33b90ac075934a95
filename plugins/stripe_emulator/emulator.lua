--- The emulated account put together: its state, its settings and what it needs of the host. One
-- a process.
local clock = require("stripe_emulator.state.clock")
local faults = require("stripe_emulator.wire.faults")
local idempotency = require("stripe_emulator.state.idempotency")
local journal = require("stripe_emulator.state.journal")
local queue = require("stripe_emulator.webhooks.queue")
local registry = require("stripe_emulator.wire.registry")
local sender = require("stripe_emulator.webhooks.sender")
local store = require("stripe_emulator.state.store")
local webhook_endpoints = require("stripe_emulator.resources.webhook_endpoints")

local emulator = {}

local function add_endpoint(self, url, secrets, is_connect)
    if url ~= "" and #secrets > 0 then
        webhook_endpoints.add(self, {
            url = url,
            enabled_events = { "*" },
            secrets = secrets,
            description = "from the configuration",
            is_connect = is_connect,
        })
    end
end

--- Makes all state new; the registry, the host and the settings stay.
function emulator.reset(self)
    local host = self.host
    self.clock = clock.new(host.now_ms, function(kind, args)
        self.registry.timers[kind](self, args)
    end)
    self.store = store.new(host.json, host.random)
    self.idempotency = idempotency.new(self.clock)
    self.journal = journal.new()
    self.faults = faults.new()
    self.webhooks = queue.new({
        store = self.store,
        json = host.json,
        now_ms = host.now_ms,
        retry_ms = self.settings.webhook_retry_ms,
    })
    local settings = self.settings
    add_endpoint(self, settings.webhook_url, settings.webhook_secrets, false)
    add_endpoint(self, settings.connect_webhook_url, settings.connect_webhook_secrets, true)
end

--- settings: secret_key, api_version, public_url, webhook_url, webhook_secrets (array),
-- connect_webhook_url, connect_webhook_secrets (array), webhook_retry_ms, fee_bps, fee_fixed_minor.
function emulator.new(host, settings)
    local self = {
        host = host,
        settings = settings,
        registry = registry.new(),
        json = host.json,
        log = host.log,
        post = host.post,
        random = host.random,
        sign = host.sign,
        sleep = host.sleep,
        form_decode = host.form_decode,
    }
    function self.view(object)
        local view = self.registry.views[object.object]
        return view and view(self, object) or object
    end
    function self.run_due()
        clock.run_due(self.clock)
    end
    --- Called between execution and answer: a test may want events to arrive before it.
    function self.before_response()
        if self.webhooks.is_before_response then
            sender.run(self)
        end
    end
    emulator.reset(self)
    return self
end

return emulator
