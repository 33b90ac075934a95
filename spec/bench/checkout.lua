--- Buyers that each put one product into the cart and check out, over and over, on a connection of
-- their own. Arguments: port, seconds, tokens of buyers. Prints "requests seconds p50_ms p99_ms".
local cjson = require("cjson")
local socket = require("socket")

local port, seconds = tonumber(arg[1]), tonumber(arg[2])

local ADDRESS = cjson.encode({ shippingAddress = {
    name = "Ada Buyer", line1 = "1 Market Lane", city = "Lisbon", postalCode = "1100-148",
    country = "PT",
} })

local function text_of(method, path, token, body)
    return ("%s %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"
        .. "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"):format(
        method, path, token or "", #body, body)
end

--- One exchange; waits by yielding when asked to.
local function exchange(sock, text, wait)
    assert(sock:send(text))
    local buffer = ""
    while true do
        local got, problem, partial = sock:receive(65536)
        buffer = buffer .. (got or partial or "")
        local head_end = select(2, buffer:find("\r\n\r\n", 1, true))
        local length = head_end and tonumber(buffer:match("[Cc]ontent%-[Ll]ength: (%d+)"))
        if length and #buffer >= head_end + length then
            return tonumber(buffer:match("^HTTP/1.1 (%d+)")), buffer:sub(head_end + 1)
        end
        assert(problem ~= "closed", "the server closed")
        if wait then
            wait()
        end
    end
end

local function connect()
    return assert(socket.connect("127.0.0.1", port))
end

local function call(method, path, token, body)
    local sock = connect()
    sock:settimeout(5)
    sock:send("")
    local status, answer = exchange(sock, text_of(method, path, token, body or ""))
    sock:close()
    assert(status < 300, answer)
    return cjson.decode(answer)
end

local latencies, is_over = {}, false

local function shopper(sock, token, product)
    local add = text_of("POST", "/api/cart/items", token,
        cjson.encode({ productId = product, quantity = 1 }))
    local checkout = text_of("POST", "/api/checkout", token, ADDRESS)
    while not is_over do
        for _, text in ipairs({ add, checkout }) do
            local began_s = socket.gettime()
            local status, answer = exchange(sock, text, coroutine.yield)
            assert(status == 201, answer)
            latencies[#latencies + 1] = (socket.gettime() - began_s) * 1000
        end
    end
end

local function products()
    local found = {}
    for _, product in ipairs(call("GET", "/api/products?limit=100&inStock=true").data) do
        if product.available >= 1 then
            found[#found + 1] = product.id
        end
    end
    return found
end

local ids, shoppers, sockets = products(), {}, {}
for i = 1, #arg - 2 do
    local sock, token = connect(), arg[i + 2]
    sock:setoption("tcp-nodelay", true)
    sock:settimeout(0)
    sockets[i] = sock
    shoppers[sock] = coroutine.wrap(function()
        shopper(sock, token, ids[i % #ids + 1])
    end)
end
local began_s = socket.gettime()
for _, sock in ipairs(sockets) do
    shoppers[sock]()
end
while socket.gettime() - began_s < seconds do
    for _, sock in ipairs((socket.select(sockets, nil, 1))) do
        shoppers[sock]()
    end
end
is_over = true
local took_s = socket.gettime() - began_s
table.sort(latencies)
print(("%d %.3f %.3f %.3f"):format(#latencies, took_s, latencies[math.ceil(#latencies * 0.5)],
    latencies[math.ceil(#latencies * 0.99)]))
