--- Tools of the database specs: queries from text, many coroutines at once, a faulty network.
local db = require("core.db")
local parallel = require("core.parallel")
local sleep = require("core.sleep")
local socket = require("socket")

local lab = {}

local made = 0

--- A query of this text; returns its name.
function lab.query(sql)
    made = made + 1
    local name = "lab/" .. made
    db.spec.define(name, sql)
    return name
end

--- Runs the text once, in a transaction of its own.
function lab.exec(sql, ...)
    return assert(db.exec(lab.query(sql), ...))
end

function lab.one(sql, ...)
    return (assert(db.one(lab.query(sql), ...)))
end

--- fn(1) to fn(n), each in a coroutine of its own; an error in one is an error here. Returns
-- their results.
function lab.together(n, fn)
    local functions, values = {}, {}
    for i = 1, n do
        functions[i] = function()
            values[i] = fn(i)
            return true
        end
    end
    for _, result in ipairs(parallel(unpack(functions))) do
        if not result.value then
            error(type(result.err) == "table" and result.err.message or result.err, 2)
        end
    end
    return values
end

--- On a machine that does other things beside, what comes soon may come later.
local PATIENCE_MS = 30000

--- Until is_there() is true; its value. Other coroutines go on meanwhile.
function lab.eventually(what, timeout_ms, is_there)
    local deadline_s = socket.gettime() + math.max(timeout_ms, PATIENCE_MS) / 1000
    repeat
        local value = is_there()
        if value then
            return value
        end
        sleep(10)
    until socket.gettime() > deadline_s
    error(what .. ": not within " .. timeout_ms .. " ms", 2)
end

--- fn() in a transaction, as souk.db does it, but once.
function lab.tx(fn)
    assert(db.begin())
    local value, err = fn()
    if value == nil then
        db.rollback()
        return nil, err
    end
    local is_committed, refusal = db.commit()
    if not is_committed then
        return nil, refusal
    end
    return value
end

function lab.took_ms(fn)
    local began_s = socket.gettime()
    fn()
    return (socket.gettime() - began_s) * 1000
end

-- A pool of the spec's own ---------------------------------------------------

--- core.db works on a pool with these settings until lab.disconnect(); waits until it is ready.
function lab.connect(settings)
    settings.url = settings.url or os.getenv("DATABASE_URL")
    db.spec.connect(settings)
    lab.eventually("the pool is ready", 5000, function()
        local stats = db.spec.stats()
        return stats.readers_connected == (settings.readers or 2)
            and stats.writers_connected == (settings.writers or 2)
    end)
end

function lab.disconnect()
    db.spec.connect()
    sleep(20) -- the pool ends at the end of a turn
end

-- A network of the spec's own ------------------------------------------------

local proxy = {}
proxy.__index = proxy

--- A proxy before the server of url; proxy.url leads through it. url defaults to this spec's
-- database.
function lab.proxy(url)
    url = url or os.getenv("DATABASE_URL")
    local folder = url:match("host='([^']+)'") or url:match("host=(%S+)")
    local port = url:match("port=(%d+)") or "5432"
    local path = ("%s/.s.PGSQL.%s"):format(folder, port)
    local pipe = assert(io.popen("exec luajit spec/core/db/proxy.lua '" .. path .. "'"))
    local own_port, control_port = pipe:read("*l"):match("(%d+) (%d+)")
    local rest = url:gsub("host='[^']+'", ""):gsub("host=%S+", ""):gsub("port=%d+", "")
    return setmetatable({
        pipe = pipe,
        control_port = tonumber(control_port),
        url = ("host=127.0.0.1 port=%s sslmode=disable %s"):format(own_port, rest),
    }, proxy)
end

function proxy:command(text)
    local client = assert(socket.connect("127.0.0.1", self.control_port))
    client:send(text .. "\n")
    local answer = client:receive("*l")
    client:close()
    return tonumber(answer) or answer
end

function proxy:close()
    self:command("quit")
    self.pipe:close()
end

return lab
