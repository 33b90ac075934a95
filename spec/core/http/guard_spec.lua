local cjson = require("cjson")
local socket = require("socket")
local wire = require("spec.core.http.wire")

local HOST = "Host: a\r\n"

local function get(lines, version)
    return "GET /seen HTTP/" .. (version or "1.1") .. "\r\n" .. (lines or HOST) .. "\r\n"
end

local function post(lines, body)
    return "POST /seen HTTP/1.1\r\n" .. HOST .. lines .. "\r\n" .. (body or "")
end

--- A request whose body would be one if it were not read.
local function hiding(method)
    return method .. " /seen HTTP/1.1\r\n" .. HOST .. "Content-Length: 31\r\n\r\n" .. wire.ALIVE
end

local function target(text)
    return "GET " .. text .. " HTTP/1.1\r\n" .. HOST .. "\r\n"
end

--- What a smuggler wants to be run.
local HIDDEN = wire.ALIVE

-- Name, bytes, status of the one answer. All are refused, closed, and no handler sees anything.
local refused = {
    -- framing
    { "Content-Length with Transfer-Encoding",
        post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" .. HIDDEN), 400 },
    { "Transfer-Encoding with Content-Length",
        post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", "0\r\n\r\n" .. HIDDEN), 400 },
    { "two different Content-Length",
        post("Content-Length: 0\r\nContent-Length: 31\r\n", HIDDEN), 400 },
    { "two equal Content-Length", post("Content-Length: 2\r\nContent-Length: 2\r\n", "ab"), 400 },
    { "a list as Content-Length", post("Content-Length: 2, 2\r\n", "ab"), 400 },
    { "a signed Content-Length", post("Content-Length: +2\r\n", "ab"), 400 },
    { "a negative Content-Length", post("Content-Length: -1\r\n"), 400 },
    { "a hexadecimal Content-Length", post("Content-Length: 0x2\r\n", "ab"), 400 },
    { "an empty Content-Length", post("Content-Length:\r\n"), 400 },
    { "a Content-Length with a NUL", post("Content-Length: 2\0z\r\n", "ab"), 400 },
    { "a Content-Length with letters", post("Content-Length: 2z\r\n", "ab"), 400 },
    { "a Content-Length that overflows", post("Content-Length: 18446744073709551618\r\n", "ab"),
        400 },
    { "a space before the colon", post("Content-Length : 31\r\n", HIDDEN), 400 },
    { "a tab before the colon", post("Content-Length\t: 31\r\n", HIDDEN), 400 },
    { "a space before a name", get(HOST .. " X: y\r\n"), 400 },
    { "HEAD with a body", hiding("HEAD"), 400 },
    { "TRACE", hiding("TRACE"), 501 },
    { "an unknown method", hiding("BREW"), 501 },
    { "a method in lower case", "get /seen HTTP/1.1\r\n" .. HOST .. "\r\n", 501 },
    { "CONNECT", "CONNECT a:1 HTTP/1.1\r\n" .. HOST .. "\r\n" .. HIDDEN, 501 },
    -- transfer codings
    { "a chunked body", post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n"), 411 },
    { "a chunked body in capitals", post("Transfer-Encoding: CHUNKED\r\n", "0\r\n\r\n"), 411 },
    { "a chunked body with Expect",
        post("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"), 411 },
    { "a chunked GET", get(HOST .. "Transfer-Encoding: chunked\r\n") .. "0\r\n\r\n", 411 },
    { "a chunked body with an extension",
        post("Transfer-Encoding: chunked\r\n", "2;a=b\r\nab\r\n0\r\n\r\n"), 411 },
    { "a chunked body with trailers",
        post("Transfer-Encoding: chunked\r\n", "0\r\nX: y\r\n\r\n" .. HIDDEN), 411 },
    { "a chunk size with a prefix",
        post("Transfer-Encoding: chunked\r\n", "0x2\r\nab\r\n0\r\n\r\n"), 411 },
    { "an unknown coding", post("Transfer-Encoding: xchunked\r\n", HIDDEN), 501 },
    { "two codings", post("Transfer-Encoding: gzip, chunked\r\n", HIDDEN), 501 },
    { "chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", HIDDEN), 501 },
    { "identity", post("Transfer-Encoding: identity\r\n", HIDDEN), 501 },
    { "two Transfer-Encoding",
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", HIDDEN), 400 },
    { "chunked after a vertical tab", post("Transfer-Encoding: \11chunked\r\n", HIDDEN), 400 },
    { "chunked before a vertical tab", post("Transfer-Encoding: chunked\11\r\n", HIDDEN), 400 },
    { "an empty Transfer-Encoding", post("Transfer-Encoding:\r\n", HIDDEN), 400 },
    { "Transfer-Encoding with a space before the colon",
        post("Transfer-Encoding : chunked\r\n", HIDDEN), 400 },
    { "a folded Transfer-Encoding", post("Transfer-Encoding:\r\n chunked\r\n", HIDDEN), 400 },
    { "chunked from HTTP/1.0", "POST /seen HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    -- lines and headers
    { "a bare LF after the request line", "GET /seen HTTP/1.1\n" .. HOST .. "\r\n", 400 },
    { "a bare LF after a header", "GET /seen HTTP/1.1\r\nHost: a\n\r\n", 400 },
    { "a bare LF as the last line", "GET /seen HTTP/1.1\r\n" .. HOST .. "\n", 400 },
    { "a bare CR in a value", get(HOST .. "X: a\rb\r\n"), 400 },
    { "a folded header", get(HOST .. "X: a\r\n b\r\n"), 400 },
    { "a NUL in a value", get(HOST .. "X: a\0b\r\n"), 400 },
    { "a control byte in a value", get(HOST .. "X: a\1b\r\n"), 400 },
    { "DEL in a value", get(HOST .. "X: a\127b\r\n"), 400 },
    { "a header without a name", get(HOST .. ": b\r\n"), 400 },
    { "a header without a colon", get(HOST .. "X\r\n"), 400 },
    { "a name with a slash", get(HOST .. "X/Y: b\r\n"), 400 },
    { "a name of 8 bits", get(HOST .. "X\200: b\r\n"), 400 },
    { "an empty line first", "\r\n" .. get(), 400 },
    { "no Host", get(""), 400 },
    { "two Hosts", get("Host: a\r\nHost: b\r\n"), 400 },
    { "two equal Hosts", get(HOST .. HOST), 400 },
    { "an empty Host", get("Host:\r\n"), 400 },
    { "a Host with a path", get("Host: a/b\r\n"), 400 },
    { "a Host with a user", get("Host: a@b\r\n"), 400 },
    { "two Hosts from HTTP/1.0", get(HOST .. HOST, "1.0"), 400 },
    { "an unknown Expect", post("Expect: 200-maybe\r\nContent-Length: 2\r\n", "ab"), 417 },
    -- the request line
    { "HTTP/1.9", get(nil, "1.9"), 400 },
    { "HTTP/2.0", get(nil, "2.0"), 400 },
    { "HTTP/0.9", "GET /seen\r\n\r\n", 400 },
    { "a version in lower case", "GET /seen http/1.1\r\n" .. HOST .. "\r\n", 400 },
    { "two spaces in the request line", "GET  /seen HTTP/1.1\r\n" .. HOST .. "\r\n", 400 },
    { "a space after the version", "GET /seen HTTP/1.1 \r\n" .. HOST .. "\r\n", 400 },
    { "a space before the method", " GET /seen HTTP/1.1\r\n" .. HOST .. "\r\n", 400 },
    { "no target", "GET HTTP/1.1\r\n" .. HOST .. "\r\n", 400 },
    { "an absolute target", target("http://b/seen"), 400 },
    { "a target that starts with two slashes", target("//b/seen"), 400 },
    { "an asterisk as target", "OPTIONS * HTTP/1.1\r\n" .. HOST .. "\r\n", 400 },
    { "a target without a slash", target("seen"), 400 },
    { "a space in the target", target("/se en"), 400 },
    { "a tab in the target", target("/se\ten"), 400 },
    { "a NUL in the target", target("/se\0en"), 400 },
    { "8 bits in the target", target("/se\195\169n"), 400 },
    { "a fragment", target("/seen#a"), 400 },
    { "a backslash in the path", target("/se\\en"), 400 },
    { "an encoded NUL in the path", target("/seen%00"), 400 },
    { "an encoded NUL in the query", target("/seen?a=%00"), 400 },
    { "an encoded slash in the path", target("/a%2fb"), 400 },
    { "an encoded slash in capitals", target("/a%2Fb"), 400 },
    { "half an encoding", target("/a%2"), 400 },
    { "an encoding that is none", target("/a%zz"), 400 },
    { "a TLS hello", "\22\3\1\2\0\1\0\1\252\3\3", 400 },
    -- sizes
    { "a request line that is too long", target("/" .. ("a"):rep(17000)), 431 },
    { "a header that is too long", get(HOST .. "X: " .. ("a"):rep(17000) .. "\r\n"), 431 },
    { "a head that is too long", get(HOST .. ("X: " .. ("a"):rep(200) .. "\r\n"):rep(90)), 431 },
    { "a head without an end", "GET /seen HTTP/1.1\r\nX: " .. ("a"):rep(17000), 431 },
    { "101 headers", get(HOST .. ("X: y\r\n"):rep(100)), 431 },
    { "1500 empty headers", get(HOST .. ("a:\r\n"):rep(1500)), 431 },
    { "a body that is too large", post("Content-Length: 1048577\r\n", "a"), 413 },
    { "a body beyond what any route takes", "POST /large HTTP/1.1\r\n" .. HOST ..
        "Content-Length: 999999999999\r\n\r\n", 413 },
    { "a body too large for one that waits to send it",
        post("Expect: 100-continue\r\nContent-Length: 1048577\r\n"), 413 },
}

-- Name, bytes, how many answers (200 each); the connection stays open, or is closed where said.
local taken = {
    { "a plain GET", get(), 1 },
    { "a body", post("Content-Length: 2\r\n", "ab"), 1 },
    { "an empty body", post("Content-Length: 0\r\n"), 1 },
    { "a POST that says nothing of a body", post(""), 1 },
    { "GET with a body, whole", hiding("GET"), 1 },
    { "DELETE with a body", hiding("DELETE"), 1 },
    { "two requests in one packet", get() .. get(), 2 },
    { "a request after a body", post("Content-Length: 2\r\n", "ab") .. get(), 2 },
    { "twenty requests in one packet", get():rep(20), 20 },
    { "100 headers", get(HOST .. ("X: y\r\n"):rep(99)), 1 },
    { "a header of 8 bits", get(HOST .. "X: \195\169\r\n"), 1 },
    { "a header with tabs", get(HOST .. "X:\ta\tb\t\r\n"), 1 },
    { "an empty header", get(HOST .. "X:\r\n"), 1 },
    { "Content-Length without a space", post("Content-Length:2\r\n", "ab"), 1 },
    { "a name in capitals", post("CONTENT-LENGTH: 2\r\n", "ab"), 1 },
    { "a Host with a port", get("Host: [::1]:80\r\n"), 1 },
    { "a query that looks like a path", target("/seen?a=/b/../c%2fd"), 1 },
    { "brackets in the query", target("/seen?a[b]={c|d}"), 1 },
    { "an HTTP/1.0 request", get("", "1.0"), 1, true },
    { "HTTP/1.0 that keeps alive", get("Connection: keep-alive\r\n", "1.0"), 1 },
    { "HTTP/1.0 with a Host", get(HOST, "1.0"), 1, true },
    { "Connection: close", get(HOST .. "Connection: close\r\n"), 1, true },
    { "close in a list", get(HOST .. "Connection: foo, Close\r\n"), 1, true },
    { "close in a second header", get(HOST .. "Connection: a\r\nConnection: close\r\n"), 1, true },
    { "what follows Connection: close", get(HOST .. "Connection: close\r\n") .. get(), 1, true },
    { "Expect with the body at once",
        post("Expect: 100-continue\r\nContent-Length: 2\r\n", "ab"), 1 },
}

describe("the guard", function()
    local server

    setup(function()
        server = wire.start()
    end)

    teardown(function()
        server:stop()
    end)

    for _, case in ipairs(refused) do
        local name, bytes, status = unpack(case)
        it("refuses " .. name .. " with " .. status, function()
            local before = wire.dispatched(server)
            local answers, is_closed = wire.exchange(server, bytes)
            assert.equal(1, #answers)
            assert.equal(status, answers[1].status)
            assert.equal("application/json; charset=utf-8", answers[1].headers["content-type"])
            assert.equal("close", answers[1].headers.connection)
            local body = cjson.decode(answers[1].body)
            assert.equal(status, body.statusCode)
            assert.equal(answers[1].headers["x-request-id"], body.requestId)
            for _, member in ipairs({ "message", "error", "timestamp", "path", "code" }) do
                assert.equal("string", type(body[member]), member)
            end
            assert.is_true(is_closed)
            assert.equal(before + 1, wire.dispatched(server))
        end)
    end

    for _, case in ipairs(taken) do
        local name, bytes, count, closes = unpack(case)
        it("takes " .. name, function()
            local before = wire.dispatched(server)
            local answers, is_closed = wire.exchange(server, bytes)
            assert.equal(count, #answers)
            for _, answer in ipairs(answers) do
                assert.equal(200, answer.status)
            end
            assert.equal(closes or false, is_closed)
            assert.equal(before + count + 1, wire.dispatched(server))
        end)
    end

    it("answers what came before the message it refuses", function()
        local answers, is_closed = wire.exchange(server, get() .. get("") .. get())
        assert.equal(2, #answers)
        assert.equal(200, answers[1].status)
        assert.equal(400, answers[2].status)
        assert.is_true(is_closed)
    end)

    it("sees the same however the bytes are cut", function()
        local bytes = post("X: y\r\nContent-Length: 4\r\n", "abcd") .. get()
        for cut = 1, #bytes - 1 do
            local sock = wire.connect(server)
            sock:send(bytes:sub(1, cut))
            socket.sleep(0.001)
            sock:send(bytes:sub(cut + 1))
            assert.equal('"last":"abcd"', wire.receive(sock).body:match('"last":"%w+"'))
            assert.equal(200, wire.receive(sock).status)
            sock:close()
        end
    end)

    it("names the path in its answer, without the query", function()
        local answers = wire.exchange(server, "GET /seen?secret=1 HTTP/1.1\r\n\r\n")
        assert.truthy(answers[1].body:find('"path":"/seen"', 1, true))
        assert.is_nil(answers[1].body:find("secret", 1, true))
    end)

    it("sends the answer to a client that is still sending", function()
        local sock = wire.connect(server)
        sock:send(post("Content-Length: 30000000\r\n"))
        local piece = ("a"):rep(65536)
        for _ = 1, 40 do
            sock:send(piece)
        end
        assert.equal(413, wire.receive(sock).status)
        sock:close()
    end)
end)
