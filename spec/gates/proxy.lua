--- Stands between a server and PostgreSQL and counts: `luajit spec/gates/proxy.lua REAL_SOCKET
-- FOLDER`. Listens on FOLDER/.s.PGSQL.5432; FOLDER/counts holds "statements flights": Execute and
-- simple Query messages, and Sync messages, after which a client waits. It is written before what
-- was counted is passed on, so who has an answer can read its cost.
local socket = require("socket")
local unix = require("socket.unix")

local real, folder = arg[1], arg[2]

local listener = assert(unix())
assert(listener:bind(folder .. "/.s.PGSQL.5432"))
assert(listener:listen(64))
listener:settimeout(0)

local sockets, peers, is_client, rest = { listener }, {}, {}, {}
--- The feed of changes asks by itself, by time and not by request: its connection is not counted.
local is_feed = {}
local statements, flights = 0, 0
local counts = assert(io.open(folder .. "/counts", "w"))
counts:setvbuf("no")

local function tell()
    counts:seek("set")
    counts:write(("%012d %012d\n"):format(statements, flights))
end

tell()

local function length_at(text, at)
    local a, b, c, d = text:byte(at, at + 3)
    return ((a * 256 + b) * 256 + c) * 256 + d
end

--- Counts the whole messages of what a client sends; keeps what is cut.
local function count(sock, text)
    text = rest[sock] .. text
    local at = 1
    while #text - at >= 4 do
        local has_kind = is_client[sock] == "started"
        local size = length_at(text, has_kind and at + 1 or at) + (has_kind and 1 or 0)
        if #text - at + 1 < size then
            break
        end
        local kind = has_kind and text:sub(at, at)
        if kind == "P" and text:sub(at, at + size - 1):find("feed_changes", 1, true) then
            is_feed[sock] = true
        end
        if is_feed[sock] then
            kind = nil
        end
        statements = statements + ((kind == "E" or kind == "Q") and 1 or 0)
        flights = flights + ((kind == "S" or kind == "Q") and 1 or 0)
        -- A start may be a question about TLS first, answered by one byte.
        if not has_kind and size > 8 then
            is_client[sock] = "started"
        end
        at = at + size
    end
    rest[sock] = text:sub(at)
    tell()
end

local function forget(sock)
    for _, one in ipairs({ sock, peers[sock] }) do
        for i, known in ipairs(sockets) do
            if known == one then
                table.remove(sockets, i)
                break
            end
        end
        one:close()
    end
    peers[peers[sock]], peers[sock] = nil, nil
end

local function accept()
    local near = listener:accept()
    if not near then
        return
    end
    local far = assert(unix())
    assert(far:connect(real))
    peers[near], peers[far] = far, near
    is_client[near], rest[near] = "new", ""
    near:settimeout(0)
    far:settimeout(0)
    sockets[#sockets + 1], sockets[#sockets + 2] = near, far
end

local function send_all(sock, text)
    local at = 1
    while at <= #text do
        local sent, problem, partial = sock:send(text, at)
        at = (sent or partial or at - 1) + 1
        if not sent and problem ~= "timeout" then
            return
        elseif not sent then
            socket.select(nil, { sock }, 1)
        end
    end
end

local function pass(sock)
    local text, problem, partial = sock:receive(65536)
    text = text or partial
    if text and #text > 0 then
        if is_client[sock] then
            count(sock, text)
        end
        send_all(peers[sock], text)
    end
    if problem == "closed" then
        forget(sock)
    end
end

while true do
    for _, sock in ipairs((socket.select(sockets))) do
        if sock == listener then
            accept()
        elseif peers[sock] then
            pass(sock)
        end
    end
end
