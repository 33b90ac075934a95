--- Raw bytes to the server and back, for the specs of core/http: what a well-behaved client library
-- would not send, and answers counted one by one.
local server_process = require("spec.support.server")
local socket = require("socket")

local wire = {}

--- Long enough for an answer that should not come to have come.
local QUIET_S = 0.03
local TIMEOUT_S = 10

wire.ALIVE = "GET /seen HTTP/1.1\r\nHost: a\r\n\r\n"

--- The real server with the application of app/stripe_emulator/boot.lua. ready_port: where it says
-- that it serves, when it does not speak plain HTTP on its own port.
function wire.start(set, ready_port)
    local all = { ["plugins.dir"] = "spec/core/http/app", ["log.level"] = "warn" }
    for key, value in pairs(set or {}) do
        all[key] = value
    end
    return server_process.start({
        name = "http", subcommand = "stripe-emulator", set = all, ready = "/health",
        ready_port = ready_port,
    })
end

function wire.connect(server)
    local sock = assert(socket.connect("127.0.0.1", server.port))
    sock:settimeout(TIMEOUT_S)
    sock:setoption("tcp-nodelay", true)
    return sock
end

--- One answer from a socket: {status, headers, body, head}; or nil and why ("closed", "timeout").
-- method "HEAD": no body is read.
function wire.receive(sock, method)
    local line, problem = sock:receive("*l")
    if not line then
        return nil, problem
    end
    local answer = { headers = {}, body = "", head = line }
    answer.status = tonumber(line:match("^HTTP/1%.1 (%d%d%d) "))
    while true do
        line, problem = sock:receive("*l")
        if not line then
            return nil, problem
        elseif line == "" then
            break
        end
        local name, value = line:match("^([^:]+): (.*)$")
        assert(name, "not a header: " .. line)
        assert(not answer.headers[name:lower()], "sent twice: " .. name)
        answer.headers[name:lower()] = value
        answer.head = answer.head .. "\n" .. line
    end
    local length = tonumber(answer.headers["content-length"])
    if length and length > 0 and method ~= "HEAD" then
        answer.body, problem = sock:receive(length)
        if not answer.body then
            return nil, problem
        end
    end
    return answer
end

--- True when the server has ended the connection; anything it sends instead is an error.
function wire.is_closed(sock, within_s)
    sock:settimeout(within_s or TIMEOUT_S)
    local bytes, problem = sock:receive(1)
    sock:settimeout(TIMEOUT_S)
    assert(not bytes, "more was sent")
    return problem == "closed"
end

--- Sends bytes, and reads all that comes back: answers in order, and whether the server closed.
function wire.exchange(server, bytes, method)
    local sock = wire.connect(server)
    local answers = {}
    local is_closed
    sock:send(bytes)
    while true do
        local answer, problem = wire.receive(sock, method)
        if not answer then
            is_closed = problem == "closed"
            break
        end
        answers[#answers + 1] = answer
        sock:settimeout(QUIET_S)
    end
    sock:close()
    return answers, is_closed
end

--- Sends one sound request on an open connection and reads its answer.
function wire.ask(sock, path, method)
    assert(sock:send((method or "GET") .. " " .. path .. " HTTP/1.1\r\nHost: a\r\n\r\n"))
    return wire.receive(sock, method)
end

--- How many requests reached handlers so far, this one included.
function wire.dispatched(server)
    local answers = wire.exchange(server,
        "GET /dispatched HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return tonumber(answers[1].body:match('"count":(%d+)'))
end

return wire
