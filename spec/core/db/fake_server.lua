--- A server that says what a spec wants, in a coroutine of the spec's own process: PostgreSQL's
-- protocol, version 3, as far as a session without TLS and password needs it.
local lab = require("spec.core.db.lab")
local sleep = require("core.sleep")
local socket = require("socket")

local fake = {}

local function number(n)
    return string.char(math.floor(n / 16777216) % 256, math.floor(n / 65536) % 256,
        math.floor(n / 256) % 256, n % 256)
end

local function short(n)
    return string.char(math.floor(n / 256) % 256, n % 256)
end

function fake.frame(type, body)
    return type .. number(#body + 4) .. body
end
local frame = fake.frame

-- What servers say --------------------------------------------------------------------------------

fake.PARSED, fake.BOUND = frame("1", ""), frame("2", "")
fake.PARAMETERS = frame("t", short(0))
fake.NO_DATA = frame("n", "")

--- Of columns {name, oid}…
function fake.description(...)
    local parts = { short(select("#", ...)) }
    for _, column in ipairs({ ... }) do
        parts[#parts + 1] = column[1] .. "\0" .. number(0) .. short(0) .. number(column[2])
            .. short(0) .. number(0) .. short(0)
    end
    return frame("T", table.concat(parts))
end

--- false is null.
function fake.row(...)
    local parts = { short(select("#", ...)) }
    for _, value in ipairs({ ... }) do
        parts[#parts + 1] = value and number(#value) .. value or "\255\255\255\255"
    end
    return frame("D", table.concat(parts))
end

function fake.complete(tag)
    return frame("C", tag .. "\0")
end

function fake.failure(type, severity, sqlstate, message)
    return frame(type, ("S%s\0V%s\0C%s\0M%s\0\0"):format(severity, severity, sqlstate, message))
end

function fake.ready(status)
    return frame("Z", status or "I")
end

-- A server ----------------------------------------------------------------------------------------

local function send_all(client, bytes)
    local at = 1
    while at <= #bytes do
        local last, problem, part = client:send(bytes, at)
        at = (last or part) + 1
        if problem == "closed" then
            return false
        elseif at <= #bytes then
            sleep(1)
        end
    end
    return true
end

--- The messages of what was received, whole ones only; and what is left.
local function messages_of(received)
    local list = {}
    while #received >= 5 do
        local a, b, c, d = received:byte(2, 5)
        local len = ((a * 256 + b) * 256 + c) * 256 + d
        if #received < len + 1 then
            break
        end
        list[#list + 1] = { type = received:sub(1, 1), body = received:sub(6, len + 1) }
        received = received:sub(len + 2)
    end
    return list, received
end

--- One session. answer(messages up to a Sync) gives what is sent back, in pieces; with close = true
--- the session ends then.
local function serve(client, answer, is_done)
    local received, pending, is_started = "", {}, false
    client:settimeout(0)
    client:setoption("tcp-nodelay", true)
    while not is_done() do
        local whole, problem, part = client:receive(65536)
        received = received .. (whole or part or "")
        if problem == "closed" then
            break
        end
        if not is_started and #received >= 8 then
            is_started, received = true, ""
            send_all(client, frame("R", number(0)) .. fake.ready())
        end
        local messages
        if is_started then
            messages, received = messages_of(received)
        end
        for _, message in ipairs(messages or {}) do
            pending[#pending + 1] = message
            if message.type == "S" then
                local pieces = answer(pending)
                pending = {}
                for i, piece in ipairs(pieces) do
                    if i > 1 then
                        sleep(1)
                    end
                    if not send_all(client, piece) then
                        break
                    end
                end
                if pieces.close then
                    client:close()
                    return
                end
            end
        end
        sleep(1)
    end
    client:close()
end

--- test() with a pool of one reader on a server that answers so.
function fake.run(answer, test)
    local listener = assert(socket.bind("127.0.0.1", 0))
    local _, port = listener:getsockname()
    local is_over, ok, problem = false, nil, nil
    local function is_done()
        return is_over
    end
    listener:settimeout(0)
    local function listen(rest)
        while not is_over do
            local client = listener:accept()
            if client then
                lab.together(2, function(i)
                    return i == 1 and serve(client, answer, is_done) or rest(rest)
                end)
            end
            sleep(1)
        end
    end
    lab.together(2, function(i)
        if i == 1 then
            listen(listen)
            return
        end
        ok, problem = pcall(function()
            lab.connect({ readers = 1, writers = 1, wait_max_ms = 2000,
                url = ("host=127.0.0.1 port=%d user=x dbname=x sslmode=disable"):format(port) })
            test()
        end)
        lab.disconnect()
        is_over = true
    end)
    listener:close()
    if not ok then
        error(problem, 0)
    end
end

return fake
