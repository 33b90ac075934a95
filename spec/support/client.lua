--- An HTTP client for specs. Requests made inside client.parallel are truly concurrent: each is a
-- coroutine on a socket that does not block, all watched by one select.
--
--   local answer = client.request{ port = 3001, method = "POST", path = "/api/cart/items",
--       token = "…", headers = {["Idempotency-Key"] = "k"}, body = { productId = id } }
--   answer.status, answer.headers["retry-after"], answer.body (text), answer.json (or nil)
--
-- A body that is a table is sent as JSON, a text as it is. Nothing raises for a status; a
-- connection that fails gives status 0 and .problem.
local cjson = require("cjson")
local socket = require("socket")

local TIMEOUT_S = 60

local json = cjson.new()
json.encode_max_depth(200)
json.encode_number_precision(14)

local client = { json = json, null = cjson.null }

-- Coroutines of client.parallel, each with the socket and direction it waits for.
local waiting = setmetatable({}, { __mode = "k" })
local is_ours = setmetatable({}, { __mode = "k" })

local function wait(sock, direction)
    local co = coroutine.running()
    waiting[co] = { sock = sock, direction = direction }
    coroutine.yield()
end

local function send_all(sock, text)
    local from = 1
    while from <= #text do
        local last, problem, partial = sock:send(text, from)
        if not last and problem ~= "timeout" then
            return nil, problem
        end
        from = (last or partial or from - 1) + 1
        if not last then
            wait(sock, "write")
        end
    end
    return true
end

--- Reads until the head has ended and the body has its length, or the server closes.
local function receive_all(sock, method)
    local parts, have, head_end, need = {}, 0, nil, nil
    while true do
        local text, problem, partial = sock:receive(65536)
        local piece = text or partial
        if piece and #piece > 0 then
            parts[#parts + 1], have = piece, have + #piece
            if not head_end then
                parts = { table.concat(parts) }
                head_end = select(2, parts[1]:find("\r\n\r\n", 1, true))
                local length = head_end
                    and parts[1]:sub(1, head_end):lower():match("\r\ncontent%-length: *(%d+)")
                need = length and head_end + (method == "HEAD" and 0 or tonumber(length))
            end
        end
        if need and have >= need then
            return table.concat(parts), head_end
        end
        if problem and problem ~= "timeout" then
            local whole = table.concat(parts)
            local is_complete = problem == "closed" and head_end and not need
            return is_complete and whole or nil, is_complete and head_end or problem
        end
        if problem == "timeout" then
            wait(sock, "read")
        end
    end
end

local function parse(text, head_end)
    local headers = {}
    local head = text:sub(1, head_end)
    for name, value in head:gmatch("\r\n([^:\r\n]+): *([^\r\n]*)") do
        headers[name:lower()] = value
    end
    local body = text:sub(head_end + 1)
    local is_json = (headers["content-type"] or ""):find("json", 1, true)
    local ok, value = pcall(json.decode, body)
    return {
        status = tonumber(head:match("^HTTP/1%.%d (%d%d%d)")) or 0,
        headers = headers,
        body = body,
        json = is_json and ok and value or nil,
    }
end

local function request_text(request)
    local body = request.body
    local headers = { Host = "127.0.0.1:" .. request.port, Connection = "close" }
    if type(body) == "table" then
        body = json.encode(body)
        headers["Content-Type"] = "application/json"
    end
    if body then
        headers["Content-Type"] = headers["Content-Type"] or "application/json"
        headers["Content-Length"] = #body
    end
    if request.token then
        headers.Authorization = "Bearer " .. request.token
    end
    for name, value in pairs(request.headers or {}) do
        headers[name] = value
    end
    local lines = { ("%s %s HTTP/1.1"):format(request.method or "GET", request.path) }
    for name, value in pairs(headers) do
        lines[#lines + 1] = name .. ": " .. value
    end
    return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

local function exchange(request, sock)
    sock:settimeout(0)
    local ok, problem = sock:connect("127.0.0.1", request.port)
    if not ok and problem ~= "timeout" then
        return nil, problem
    end
    wait(sock, "write")
    -- A server may refuse before it has read all (413): its answer counts, not our broken send.
    local sent, send_problem = send_all(sock, request.raw or request_text(request))
    local text, head_end = receive_all(sock, request.method or "GET")
    if not text then
        return nil, sent and head_end or send_problem
    end
    return parse(text, head_end)
end

local function run_request(request)
    local sock = assert(socket.tcp())
    local answer, problem = exchange(request, sock)
    sock:close()
    return answer or { status = 0, headers = {}, body = "", problem = problem or "closed" }
end

local function resume(task)
    waiting[task.co] = nil
    local ok, result = coroutine.resume(task.co)
    if not ok then
        error(debug.traceback(task.co, tostring(result)), 0)
    end
    if coroutine.status(task.co) == "dead" then
        task.is_done, task.result = true, result
    end
end

local function select_once(tasks)
    local readers, writers, by_socket = {}, {}, {}
    for _, task in ipairs(tasks) do
        local wish = not task.is_done and waiting[task.co]
        if wish then
            local list = wish.direction == "read" and readers or writers
            list[#list + 1] = wish.sock
            by_socket[wish.sock] = task
        end
    end
    if #readers + #writers == 0 then
        return false
    end
    local readable, writable, problem = socket.select(readers, writers, TIMEOUT_S)
    if problem then
        error("no answer within " .. TIMEOUT_S .. " s", 0)
    end
    for _, list in ipairs({ readable, writable }) do
        for _, sock in ipairs(list) do
            resume(by_socket[sock])
        end
    end
    return true
end

--- Runs all at once; an entry is a request, or a function in which client.request waits for its own
-- answer only. Returns the answers (or what the functions returned), in the order given.
function client.parallel(entries)
    local tasks = {}
    for i, entry in ipairs(entries) do
        local run = type(entry) == "function" and entry or function()
            return run_request(entry)
        end
        tasks[i] = { co = coroutine.create(run) }
        is_ours[tasks[i].co] = true
        resume(tasks[i])
    end
    while select_once(tasks) do end
    local results = {}
    for i, task in ipairs(tasks) do
        results[i] = task.result
    end
    return results
end

--- Whether every one of these requests, all at once, is answered 200.
function client.all_ok(entries)
    for _, answer in ipairs(client.parallel(entries)) do
        if answer.status ~= 200 then
            return false
        end
    end
    return true
end

--- One request and its answer.
function client.request(request)
    local co = coroutine.running()
    if co and is_ours[co] then
        return run_request(request)
    end
    return client.parallel({ request })[1]
end

--- Sends bytes as they are, reads what comes until the server closes or is silent for quiet_s.
function client.raw(port, bytes, quiet_s)
    local sock = assert(socket.connect("127.0.0.1", port))
    sock:settimeout(quiet_s or 5)
    sock:send(bytes)
    local text, problem, partial = sock:receive("*a")
    sock:close()
    return text or partial or "", problem
end

return client
