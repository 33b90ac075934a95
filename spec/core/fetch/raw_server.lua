--- A server on a raw socket that misbehaves on demand, for fetch_spec.lua. Run by LuaJIT as a
-- process of its own: prints its port, then serves until it is asked for /quit or 300 s passed.
-- The path says what to do; the head and body of the request are kept for /last.
local socket = require("socket")

local LIFE_S = 300
local listener = assert(socket.bind("127.0.0.1", 0, 512))
local listening = true
local clients, due, held = {}, {}, {}
local last_request, served_count, connection_count = "", 0, 0

local function reply(client, body, headers)
    local head = "HTTP/1.1 200 OK\r\nContent-Length: " .. #body .. "\r\n" .. (headers or "")
    client.socket:send(head .. "\r\n" .. body)
end

local function close(client)
    client.socket:close()
    clients[client.socket] = nil
end

local actions = {}

function actions.ok(client)
    reply(client, "ok", "X-Mixed-Case:  spaced \r\n")
end

function actions.last(client)
    reply(client, last_request)
end

function actions.counts(client)
    reply(client, served_count .. " " .. connection_count)
end

function actions.hang(client)
    held[#held + 1] = client
end

--- A reset, not an orderly end.
function actions.reset(client)
    client.socket:setoption("linger", { on = true, timeout = 0 })
    close(client)
end

function actions.close(client)
    close(client)
end

function actions.truncated(client)
    client.socket:send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    close(client)
end

function actions.declared(client, size)
    client.socket:send("HTTP/1.1 200 OK\r\nContent-Length: " .. size .. "\r\n\r\n")
end

--- Says no length, so that only what arrives can be counted.
function actions.endless(client, size)
    client.socket:settimeout(2)
    client.socket:send("HTTP/1.1 200 OK\r\n\r\n" .. ("x"):rep(tonumber(size)))
    close(client)
end

function actions.headers(client, size)
    client.socket:send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n")
    for _ = 1, tonumber(size) / 1000 do
        client.socket:send("X-Filler: " .. ("f"):rep(988) .. "\r\n")
    end
    client.socket:send("\r\n")
end

function actions.redirect(client)
    client.socket:send("HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n")
end

actions["continue"] = function(client)
    client.socket:send("HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n")
    reply(client, "late")
end

function actions.status(client, status)
    client.socket:send("HTTP/1.1 " .. status .. " Whatever\r\nContent-Length: 0\r\n\r\n")
end

function actions.junk(client)
    client.socket:send("not a word of HTTP\r\n\r\n")
    close(client)
end

function actions.slow(client, ms)
    due[#due + 1] = { at = socket.gettime() + ms / 1000, client = client }
end

--- Answers, and closes the kept connection without a word when the next request comes on it.
function actions.once(client)
    client.is_once = true
    reply(client, "once")
end

--- As once, and no other connection is taken from here on.
function actions.last_once(client)
    actions.once(client)
    listener:close()
    listening = false
end

function actions.quit(client)
    reply(client, "bye")
    os.exit(0)
end

local function serve(client, head, body)
    local name, argument = head:match("^%u+ /([%a_]+)/?(%w*)")
    served_count = served_count + 1
    if client.is_once then
        close(client)
        return
    end
    if name ~= "last" and name ~= "counts" then
        last_request = head .. body
    end
    actions[name](client, argument)
end

local function read(client)
    local bytes, problem, partial = client.socket:receive(65536)
    client.text = client.text .. (bytes or partial or "")
    while true do
        local head, rest = client.text:match("^(.-\r\n\r\n)(.*)$")
        local size = head and tonumber(head:lower():match("content%-length: (%d+)") or 0)
        if not head or #rest < size or not clients[client.socket] then
            break
        end
        client.text = rest:sub(size + 1)
        serve(client, head, rest:sub(1, size))
    end
    if problem == "closed" and clients[client.socket] then
        close(client)
    end
end

local function accept()
    local accepted = listener:accept()
    if accepted then
        accepted:settimeout(0)
        connection_count = connection_count + 1
        clients[accepted] = { socket = accepted, text = "" }
    end
end

local function answer_due()
    for i = #due, 1, -1 do
        if socket.gettime() >= due[i].at then
            local client = table.remove(due, i).client
            if clients[client.socket] then
                reply(client, "slow")
            end
        end
    end
end

local _, port = listener:getsockname()
io.stdout:write(port, "\n")
io.stdout:flush()
local end_at = socket.gettime() + LIFE_S
while socket.gettime() < end_at and (listening or next(clients)) do
    local watched = listening and { listener } or {}
    for client_socket in pairs(clients) do
        watched[#watched + 1] = client_socket
    end
    for _, ready in ipairs((socket.select(watched, nil, #due > 0 and 0.005 or 1))) do
        if ready == listener then
            accept()
        elseif clients[ready] then
            read(clients[ready])
        end
    end
    answer_due()
end
