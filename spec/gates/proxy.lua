--- Stands between a server and PostgreSQL and counts: `luajit spec/gates/proxy.lua REAL_SOCKET
-- FOLDER`. Listens on FOLDER/.s.PGSQL.5432. FOLDER/counts has lines of two kinds: "statement NAME
-- COUNT", how often a prepared statement was executed, and "flight NAME,NAME… COUNT", how often
-- these went out together, with one Sync, after which a client waits. It is written before what was
-- counted is passed on, so who has an answer can read its cost.
local socket = require("socket")
local unix = require("socket.unix")

local real, folder = arg[1], arg[2]

local listener = assert(unix())
assert(listener:bind(folder .. "/.s.PGSQL.5432"))
assert(listener:listen(64))
listener:settimeout(0)

local sockets, peers, is_client, rest = { listener }, {}, {}, {}
--- By client: the statements since its last Sync, the one that was bound last.
local flying, bound = {}, {}
local order, counted = {}, {}
local counts = assert(io.open(folder .. "/counts", "w"))
counts:setvbuf("full", 262144)

local function note(key)
    if not counted[key] then
        counted[key] = 0
        order[#order + 1] = key
    end
    counted[key] = counted[key] + 1
end

--- One write, which only ever grows: a reader meanwhile sees the one or the other.
local function tell()
    counts:seek("set")
    for _, key in ipairs(order) do
        counts:write(("%s %012d\n"):format(key, counted[key]))
    end
    counts:flush()
end

tell()

local function length_at(text, at)
    local a, b, c, d = text:byte(at, at + 3)
    return ((a * 256 + b) * 256 + c) * 256 + d
end

local function take(sock, kind, body)
    local flight = flying[sock] or {}
    flying[sock] = flight
    if kind == "B" then
        bound[sock] = body:match("^[^%z]*%z([^%z]*)")
    elseif kind == "E" or kind == "Q" then
        flight[#flight + 1] = kind == "Q" and "query" or bound[sock] or "?"
        note("statement " .. flight[#flight])
    end
    if (kind == "S" or kind == "Q") and #flight > 0 then
        note("flight " .. table.concat(flight, ","))
        flying[sock] = {}
    end
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
        if has_kind then
            take(sock, text:sub(at, at), text:sub(at + 5, at + size - 1))
        end
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
