--- The real binary, sanitized, as a process of its own on free ports.
--
--   local server = server_process.start{ db = database.fresh(), set = {["http.workers"] = 1} }
--   client.request{ port = server.port, path = "/health" }
--   server:stop()   -- fails when it did not drain with 0, or a sanitizer has reported
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local socket = require("socket")

local server = {}
server.__index = server

local BINARY = os.getenv("SOUK_BINARY") or "build/sanitize/souk"
local CONF = "conf/test.conf"
local READY_S = 60
local STOP_S = 40
--- So many connections reach every worker.
local EVERY_WORKER = 16

local started = 0

local function new_home(name)
    started = started + 1
    local home = ("%s/%s_%d"):format(os.getenv("SOUK_HOME"), name, started)
    shell.must("mkdir -p " .. shell.quote(home))
    return home
end

local function command_line(self, subcommand)
    local words = {
        "env -u STRIPE_SECRET_KEY -u STRIPE_WEBHOOK_SECRETS -u STRIPE_CONNECT_WEBHOOK_SECRETS",
        "-u SOUK_PORT",
        "SOUK_HOME=" .. shell.quote(self.home),
        "DATABASE_URL=" .. shell.quote(self.db and self.db.url or ""),
        self.binary, subcommand, "--conf", CONF,
    }
    local keys = {}
    for key in pairs(self.set) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    for _, key in ipairs(keys) do
        words[#words + 1] = "--set " .. shell.quote(key .. "=" .. tostring(self.set[key]))
    end
    return table.concat(words, " ")
end

--- options: db (a database, or nil), set (settings), port, name, subcommand ("serve"), binary,
-- ready ("/ready": the path that answers 200 when it serves), ready_port (where, when not port).
function server.start(options)
    local set = { ["http.port"] = options.port or shell.free_port() }
    set["metrics.port"] = shell.free_port()
    for key, value in pairs(options.set or {}) do
        set[key] = value
    end
    local name = options.name or "server"
    local self = setmetatable({
        db = options.db,
        home = options.home or new_home(name),
        name = name,
        port = tonumber(set["http.port"]),
        metrics_port = tonumber(set["metrics.port"]),
        set = set,
        subcommand = options.subcommand or "serve",
        binary = options.binary or BINARY,
        ready = options.ready or "/ready",
        ready_port = options.ready_port,
    }, server)
    self.url = "http://127.0.0.1:" .. self.port
    for _, plugin in ipairs(options.plugins or {}) do
        self:command("plugin enable " .. plugin .. " --grant all")
    end
    self:restart()
    return self
end

--- Runs a sub-command on its home and database; its output. Raises when it fails.
function server:command(arguments)
    return shell.must(command_line(self, arguments) .. " 2>&1")
end

--- Whether that many requests at once are all told that it serves. Each goes to a worker by the
--- kernel's choice, of those that listen already.
function server:answers(count)
    local entries = {}
    for i = 1, count do
        entries[i] = { port = self.ready_port or self.port, path = self.ready }
    end
    return client.all_ok(entries)
end

--- Whether every worker serves.
function server:answers_all()
    return self:answers(EVERY_WORKER)
end

--- Starts it (again) on the same ports and home, and waits until it serves.
function server:restart()
    -- A worker that outlived a killed master by a moment still listens.
    for _, port in ipairs({ self.port, self.metrics_port }) do
        shell.wait_until(("port %d is free"):format(port), READY_S, function()
            local listening = socket.connect("127.0.0.1", port)
            return not listening or not listening:close()
        end)
    end
    self.pid = shell.background(self.home, command_line(self, self.subcommand))
    shell.wait_until(self.name .. " serves", READY_S, function()
        if self:exit_code() then
            error(("%s ended with %d before it served:\n%s"):format(
                self.name, self:exit_code(), self:log():sub(-4000)), 0)
        end
        return self:answers(1) and self:answers_all()
    end)
end

function server:log()
    return shell.read(self.home .. "/log") or ""
end

--- Waits until its log holds text, or what the Lua pattern matches; what was found. A line is
-- written after the answer that it tells of was sent.
function server:logged(pattern, is_plain, timeout_s)
    return shell.wait_until("the log tells " .. pattern, timeout_s or 20, function()
        local log = self:log()
        local first, last = log:find(pattern, 1, is_plain)
        return first and log:sub(first, last)
    end)
end

function server:exit_code()
    return tonumber((shell.read(self.home .. "/rc") or ""))
end

function server:signal(signal, pid)
    shell.run(("kill -%s %d"):format(signal, pid or self.pid))
end

--- The pids of its workers.
function server:workers()
    local pids = {}
    local path = ("/proc/%d/task/%d/children"):format(self.pid, self.pid)
    for pid in (shell.read(path) or ""):gmatch("%d+") do
        pids[#pids + 1] = tonumber(pid)
    end
    return pids
end

--- Ends the master and all its workers at once, without any chance to clean up.
function server:kill_all()
    local pids = self:workers()
    pids[#pids + 1] = self.pid
    shell.run("kill -KILL " .. table.concat(pids, " "))
    shell.wait_until(self.name .. " is gone", 30, function()
        return self:exit_code()
    end)
end

function server:assert_no_report()
    local log = self:log()
    local report = log:match("[^\n]*Sanitizer: .*") or log:match("[^\n]*runtime error: .*")
    if report then
        error(self.name .. ": " .. report:sub(1, 4000), 2)
    end
end

--- Drains and ends it.
function server:stop()
    if not self:exit_code() then
        self:signal("TERM")
        shell.wait_until(self.name .. " stops", STOP_S, function()
            return self:exit_code()
        end)
    end
    self:assert_no_report()
    if self:exit_code() ~= 0 then
        error(("%s ended with %d:\n%s"):format(
            self.name, self:exit_code(), self:log():sub(-4000)), 2)
    end
end

return server
