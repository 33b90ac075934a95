--- The emulated account put together: its state, its settings and what it needs of the host. One
-- a process.
local clock = require("stripe_emulator.state.clock")
local faults = require("stripe_emulator.wire.faults")
local idempotency = require("stripe_emulator.state.idempotency")
local journal = require("stripe_emulator.state.journal")
local queue = require("stripe_emulator.webhooks.queue")
local registry = require("stripe_emulator.wire.registry")
local saved = require("stripe_emulator.state.saved")
local sender = require("stripe_emulator.webhooks.sender")
local store = require("stripe_emulator.state.store")
local webhook_endpoints = require("stripe_emulator.resources.webhook_endpoints")

local emulator = {}

--- How long an answer waits for events that are to arrive before it.
local ARRIVAL_MAX_MS = 5000
local POLL_MS = 5

local function configured_endpoint(self, is_connect)
    for _, endpoint in ipairs(store.all(self.store, "webhook_endpoint")) do
        local hidden = store.hidden(self.store, endpoint)
        if hidden.is_configured and hidden.is_connect == is_connect then
            return endpoint
        end
    end
end

--- The endpoint that the settings name, as they name it now; secrets that a test has rolled stay
-- until the settings say something new.
local function configure_endpoint(self, url, secrets, is_connect)
    local endpoint = configured_endpoint(self, is_connect)
    if url == "" or #secrets == 0 then
        if endpoint then
            store.remove(self.store, endpoint)
        end
        return
    end
    endpoint = endpoint or webhook_endpoints.add(self, {
        url = "",
        enabled_events = { "*" },
        description = "from the configuration",
        is_connect = is_connect,
        is_configured = true,
    })
    local hidden, said = store.hidden(self.store, endpoint), table.concat(secrets, " ")
    store.touch(self.store, endpoint).url = url
    if hidden.configured_secrets ~= said then
        hidden.secrets, hidden.configured_secrets = secrets, said
    end
end

--- Other secrets for a configured endpoint, until the settings name others than now: a rollover.
-- False when there is no such endpoint.
function emulator.set_secrets(self, secrets, is_connect)
    local endpoint = configured_endpoint(self, is_connect)
    if endpoint then
        store.hidden(self.store, store.touch(self.store, endpoint)).secrets = secrets
    end
    return endpoint ~= nil
end

local function configure_endpoints(self)
    local settings = self.settings
    configure_endpoint(self, settings.webhook_url, settings.webhook_secrets, false)
    configure_endpoint(self, settings.connect_webhook_url, settings.connect_webhook_secrets, true)
end

--- The state without anything in it.
local function begin(self)
    local host = self.host
    self.clock = clock.new(host.now_ms, function(kind, args)
        self.registry.timers[kind](self, args)
    end, self.saved)
    self.store = store.new(host.json, host.random, self.saved)
    self.idempotency = idempotency.new(self.clock, self.saved)
    self.journal = journal.new(self.saved)
    self.faults = faults.new(self.saved)
    self.webhooks = queue.new({
        store = self.store,
        json = host.json,
        saved = self.saved,
        now_ms = function()
            return host.now_ms() + self.clock.shift_s * 1000
        end,
        retry_ms = self.settings.webhook_retry_ms,
    })
end

--- The state as the file has it. What was scheduled for the time between is done by the first
-- run_due, once others can be reached.
local function restore(self)
    local sections = saved.load(self.saved)
    clock.restore(self.clock, sections)
    store.restore(self.store, sections)
    idempotency.restore(self.idempotency, sections)
    journal.restore(self.journal, sections)
    faults.restore(self.faults, sections)
    queue.restore(self.webhooks, sections)
end

--- Makes all state new; the registry, the host and the settings stay.
function emulator.reset(self)
    local last = self.webhooks.last
    saved.clear(self.saved)
    begin(self)
    self.webhooks.last = last -- what is on its way must not end as one that comes
    configure_endpoints(self)
end

--- settings: secret_key, api_version, public_url, webhook_url, webhook_secrets (array),
-- connect_webhook_url, connect_webhook_secrets (array), webhook_retry_ms, fee_bps, fee_fixed_minor,
-- dispute_fee_minor.
function emulator.new(host, settings)
    local self = {
        host = host,
        settings = settings,
        registry = registry.new(),
        crash = host.crash,
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
    --- Does what is due on the clock. What it touched is saved with the request that comes.
    function self.run_due()
        clock.run_due(self.clock)
        store.save(self.store)
    end
    --- To be called before anything leaves: what was done is there after a kill from then on.
    function self.save()
        store.save(self.store)
        saved.commit(self.saved)
    end
    --- Called between execution and answer: a test may want events to arrive before it.
    function self.before_response()
        if not self.webhooks.switches.is_before_response then
            return
        end
        sender.run(self)
        -- Another lane may have taken what this request has caused.
        local until_ms = host.now_ms() + ARRIVAL_MAX_MS
        while queue.is_sending(self.webhooks) and host.now_ms() < until_ms do
            host.sleep(POLL_MS)
        end
    end
    self.saved = saved.new(host.open_state(), host.json)
    begin(self)
    restore(self)
    configure_endpoints(self)
    self.save()
    return self
end

return emulator
