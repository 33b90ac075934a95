--- Where histories happen: a marketplace on a PostgreSQL cluster of its own, whose parts are killed
--- and started again, and what must hold when all is quiet.
local client = require("spec.support.client")
local cluster = require("spec.core.db.cluster")
local crash = require("spec.support.crash")
local database = require("spec.support.database")
local emulator = require("spec.support.emulator")
local socket = require("socket")
local world = require("spec.support.world")

local place = {}
place.__index = place

--- Waiting is not what these specs are about: everything that is tried again is so soon.
local SETTINGS = {
    ["stripe.resend_after_s"] = 1,
    ["stripe.timeout_ms"] = 1500,
    ["payment.recheck_after_s"] = 1,
    ["db.wait_max_ms"] = 5000,
    ["stripe.account_fresh_s"] = 0,
    ["stripe.account_recheck_s"] = 1,
    ["stripe.breaker_open_s"] = 1,
    ["stripe.events_every_s"] = 1,
    ["stripe.rate_per_s"] = 10000,
    ["payout.every_ms"] = 1000,
    ["log.level"] = "warn",
}

function place.start()
    local pg = cluster.start("max_connections = 60\nsynchronous_commit = on")
    local w = world.start({
        db = database.migrated(pg.url), set = SETTINGS,
        emulator_set = { ["emulator.state_file"] = "stripe.state", ["log.level"] = "warn" },
    })
    local self = setmetatable({
        pg = pg, w = w, fired = {}, kills = 0, is_supervised = false,
    }, place)
    w:admin()
    return self
end

function place:stop()
    self.w:stop()
    self.pg:remove()
end

-- Faults -----------------------------------------------------------------------------------------

--- The process of souk at which a crash point lies.
function place:process_of(label)
    return label:find("^emulator%.") and self.w.stripe or self.w.server
end

function place:arm(label, skip, scope)
    crash.arm(self:process_of(label), label, skip, scope)
end

--- Counts the crash points that were reached, and starts what is dead.
function place:supervise()
    if self.is_supervised then
        return
    end
    self.is_supervised = true
    local ok, problem = pcall(self.revive, self)
    self.is_supervised = false
    assert(ok, problem)
end

function place:revive()
    for _, process in ipairs({ self.w.stripe, self.w.server }) do
        local label = crash.fired(process)
        if label then
            self.fired[label] = (self.fired[label] or 0) + 1
            -- Its end is at hand: a dead process is started again, not one that is dying.
            socket.sleep(0.02)
        end
    end
    if self.is_down then
        self.pg:up()
        self.is_down = false
    end
    for _, process in ipairs({ self.w.stripe, self.w.server }) do
        if process:exit_code() then
            self.kills = self.kills + 1
            process:restart()
        end
    end
end

--- PostgreSQL ends, and is started again by the next supervision.
function place:database_down(mode)
    if not self.is_down then
        self.is_down = true
        self.pg:down(mode)
    end
end

function place:emulator(method, path, body)
    return client.request({
        port = self.w.stripe.port, method = method, path = "/_emu" .. path, body = body,
    })
end

--- A call of Stripe's API that must be answered.
function place:stripe(method, path, account)
    local answer = emulator.call(self.w.stripe, method, path, nil,
        account and { ["Stripe-Account"] = account } or nil)
    if answer.status ~= 200 then
        error(("%s %s: %d %s"):format(method, path, answer.status, answer.body), 0)
    end
    return answer.json
end

--- All objects of a list at Stripe; account: a vendor's.
function place:stripe_all(path, account)
    local all, after = {}, ""
    repeat
        local found = self:stripe("GET", ("%s%slimit=100%s"):format(
            path, path:find("?", 1, true) and "&" or "?", after), account)
        for _, object in ipairs(found.data) do
            all[#all + 1] = object
        end
        after = #all > 0 and "&starting_after=" .. all[#all].id or ""
    until not found.has_more
    return all
end


return place
