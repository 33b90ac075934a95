--- A TCP proxy in front of PostgreSQL's unix socket, for faults and for counting round trips.
-- Run as a process of its own:
--   luajit spec/core/db/proxy.lua SOCKET_PATH     prints "port control_port"
-- Commands, one a connection to the control port, each answered by one line:
--   trips       how often a client spoke after it had been answered (or for the first time)
--   hold        nothing more is passed on, in either direction; release ends that
--   mute        what the server says is swallowed, until unmute closes all connections
--   cut N       after N more bytes from the server the connection is reset
--   delay MS    each answer waits that long
--   quit
local socket = require("socket")
local unix = require("socket.unix")

local server_path = arg[1]
local listener = assert(socket.bind("127.0.0.1", 0))
local control = assert(socket.bind("127.0.0.1", 0))
local peer_of, is_server, last_spoke = {}, {}, {}
local state = { trips = 0, delay_s = 0 }

local function port_of(from)
    local _, port = from:getsockname()
    return port
end

local function close(one)
    local other = peer_of[one]
    for _, end_of_it in ipairs({ one, other }) do
        peer_of[end_of_it] = nil
        end_of_it:setoption("linger", { on = true, timeout = 0 })
        end_of_it:close()
    end
end

local function close_all()
    for one in pairs(peer_of) do
        if peer_of[one] and not is_server[one] then
            close(one)
        end
    end
end

local commands = {
    trips = function() return state.trips end,
    hold = function() state.is_held = true end,
    release = function() state.is_held = false end,
    mute = function() state.is_muted = true end,
    unmute = function()
        state.is_muted = false
        close_all()
    end,
    cut = function(n) state.left_bytes = n end,
    delay = function(ms) state.delay_s = ms / 1000 end,
    quit = function() state.is_ended = true end,
}

local function command()
    local client = control:accept()
    local name, n = (client:receive("*l") or ""):match("^(%a+) ?(%d*)$")
    local answer = commands[name] and commands[name](tonumber(n))
    client:send(tostring(answer or "ok") .. "\n")
    client:close()
end

local function connect()
    local client = listener:accept()
    local server = unix()
    if not server:connect(server_path) then
        client:close()
        return
    end
    client:setoption("tcp-nodelay", true)
    client:settimeout(0)
    server:settimeout(0)
    peer_of[client], peer_of[server], is_server[server] = server, client, true
end

--- Sends all; the receiver always reads, so waiting here is short.
local function pass_on(to, bytes)
    to:settimeout(5)
    to:send(bytes)
    to:settimeout(0)
end

local function pass_answer(from, bytes)
    if state.is_muted then
        return
    end
    if state.delay_s > 0 then
        socket.sleep(state.delay_s)
    end
    if state.left_bytes and #bytes >= state.left_bytes then
        pass_on(peer_of[from], bytes:sub(1, state.left_bytes))
        state.left_bytes = nil
        close(from)
        return
    end
    state.left_bytes = state.left_bytes and state.left_bytes - #bytes
    pass_on(peer_of[from], bytes)
end

local function pump(from)
    if not peer_of[from] then
        return
    end
    local whole, problem, part = from:receive(65536)
    local bytes = whole or part
    if bytes and #bytes > 0 then
        local pair = is_server[from] and from or peer_of[from]
        if not is_server[from] and last_spoke[pair] ~= "client" then
            state.trips = state.trips + 1
        end
        last_spoke[pair] = is_server[from] and "server" or "client"
        if is_server[from] then
            pass_answer(from, bytes)
        else
            pass_on(peer_of[from], bytes)
        end
    end
    if problem == "closed" and peer_of[from] then
        close(from)
    end
end

io.stdout:write(port_of(listener), " ", port_of(control), "\n")
io.stdout:flush()
while not state.is_ended do
    local watched = { control }
    if not state.is_held then
        watched[2] = listener
        for one in pairs(peer_of) do
            watched[#watched + 1] = one
        end
    end
    for _, ready in ipairs((socket.select(watched, nil, 1))) do
        if ready == control then
            command()
        elseif ready == listener then
            connect()
        else
            pump(ready)
        end
    end
end
