--- Somebody who is told: a server on a socket, run by LuaJIT as a process of its own, which prints
--- its port. It answers each path as it was told to (POST /_answers {path, answers}, one after the
--- other, the last one again and again; {hang = true} answers nothing), and tells what came
--- (GET /_seen). POST /_quit ends it.
local cjson = require("cjson")
local socket = require("socket")

local LIFE_S = 600
local listener = assert(socket.bind("127.0.0.1", 0, 128))
local answers, seen, held = {}, {}, {}

local function receive(client)
    local path = (client:receive("*l") or ""):match("^%u+ (%S+)")
    local headers, line = {}, client:receive("*l")
    while line and line ~= "" do
        local name, value = line:match("^([^:]+): *(.*)$")
        headers[name:lower()] = value
        line = client:receive("*l")
    end
    local size = tonumber(headers["content-length"]) or 0
    return path, headers, size > 0 and client:receive(size) or ""
end

local function reply(client, answer)
    local body = answer.body or ""
    client:send(("HTTP/1.1 %d X\r\nContent-Type: application/json\r\nConnection: close\r\n%s"
        .. "Content-Length: %d\r\n\r\n%s"):format(answer.status or 200, answer.headers or "", #body,
        body))
    client:close()
end

local function next_answer(path)
    local list = answers[path] or {}
    return #list > 1 and table.remove(list, 1) or list[1] or {}
end

local function serve(client)
    local path, headers, body = receive(client)
    if path == "/_quit" then
        os.exit(0)
    elseif path == "/_answers" then
        local asked = cjson.decode(body)
        answers[asked.path] = asked.answers
        return reply(client, {})
    elseif path == "/_seen" then
        return reply(client, { body = cjson.encode({ seen = seen }) })
    end
    local answer = next_answer(path)
    seen[#seen + 1] = {
        path = path, headers = headers, body = body, at = socket.gettime(),
        status = answer.hang and 0 or answer.status or 200,
    }
    if answer.hang then
        held[#held + 1] = client
        return nil
    end
    return reply(client, answer)
end

io.write(select(2, listener:getsockname()), "\n")
io.flush()
local began_s = socket.gettime()
listener:settimeout(1)
while socket.gettime() - began_s < LIFE_S do
    local client = listener:accept()
    if client then
        client:settimeout(10)
        pcall(serve, client)
    end
end
