local cjson = require("cjson")
local wire = require("spec.core.http.wire")

local TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

describe("a request", function()
    local server

    setup(function()
        server = wire.start({ ["log.level"] = "info" })
    end)

    teardown(function()
        server:stop()
    end)

    local function ask(lines)
        local answers = wire.exchange(server,
            "GET /seen HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" .. lines .. "\r\n")
        return cjson.decode(answers[1].body), answers[1]
    end

    for _, id in ipairs({ "a", "req-1.2_3", ("x"):rep(64) }) do
        it("keeps the X-Request-Id " .. id, function()
            local seen, answer = ask("X-Request-Id: " .. id .. "\r\n")
            assert.equal(id, seen.id)
            assert.equal(id, answer.headers["x-request-id"])
        end)
    end

    for _, id in ipairs({ "", "a b", "a/b", "a\"b", "\195\169", ("x"):rep(65), "{}" }) do
        it("gets an id of ours in place of '" .. id .. "'", function()
            local seen, answer = ask("X-Request-Id: " .. id .. "\r\n")
            assert.truthy(seen.id:match("^%x+$"))
            assert.equal(24, #seen.id)
            assert.equal(seen.id, answer.headers["x-request-id"])
        end)
    end

    it("gets another id each time", function()
        local ids = {}
        for _ = 1, 50 do
            local id = ask("").id
            assert.is_nil(ids[id])
            ids[id] = true
        end
    end)

    it("is logged with its traceparent when that is sound", function()
        ask("X-Request-Id: traced\r\ntraceparent: " .. TRACE .. "\r\n")
        local line = server:logged('"request_id":"traced"[^\n]*')
        assert.truthy(line:find("0af7651916cd43dd8448eb211c80319c", 1, true))
    end)

    local unsound = {
        ["of version ff"] = TRACE:gsub("^00", "ff"),
        ["with a trace of zeros"] = "00-" .. ("0"):rep(32) .. "-b7ad6b7169203331-01",
        ["with a span of zeros"] = "00-0af7651916cd43dd8448eb211c80319c-" .. ("0"):rep(16) .. "-01",
        ["in capitals"] = TRACE:upper(),
        ["that is too long"] = TRACE .. "0",
        ["without dashes"] = TRACE:gsub("-", "0"),
    }
    for name, trace in pairs(unsound) do
        it("is logged without a traceparent " .. name, function()
            local id = "untraced." .. name:gsub(" ", "-")
            ask("X-Request-Id: " .. id .. "\r\ntraceparent: " .. trace .. "\r\n")
            local pattern = '"request_id":"' .. id:gsub("%p", "%%%0") .. '"[^\n]*'
            local line = server:logged(pattern)
            assert.is_nil(line:lower():find(trace:sub(4, 40):lower(), 1, true))
        end)
    end

    it("has the peer's own address when no proxy is trusted", function()
        assert.equal("127.0.0.1", ask("X-Forwarded-For: 9.9.9.9\r\n").peer)
    end)

    it("keeps the query as it was sent", function()
        local answers = wire.exchange(server, "GET /seen?a=%20b&c+d?e HTTP/1.1\r\nHost: a\r\n\r\n")
        local seen = cjson.decode(answers[1].body)
        assert.equal("/seen", seen.path)
        assert.equal("a=%20b&c+d?e", seen.query)
    end)

    it("has its whole body, of one byte or of many packets", function()
        for _, size in ipairs({ 1, 4096, 40000, 1048576 }) do
            local sock = wire.connect(server)
            sock:send("POST /seen HTTP/1.1\r\nHost: a\r\nContent-Length: " .. size .. "\r\n\r\n")
            sock:send(("a"):rep(size - 1) .. "Z")
            local seen = cjson.decode(wire.receive(sock).body)
            assert.equal(size, seen.length)
            assert.equal("Z", seen.last:sub(-1))
            sock:close()
        end
    end)
end)

describe("a request through proxies", function()
    local server

    setup(function()
        server = wire.start({ ["http.trusted_proxies"] = "127.0.0.1, 10.0.0.1,10.0.0.2" })
    end)

    teardown(function()
        server:stop()
    end)

    -- X-Forwarded-For lines, the peer.
    local cases = {
        { {}, "127.0.0.1" },
        { { "9.9.9.9" }, "9.9.9.9" },
        { { "9.9.9.9, 10.0.0.1" }, "9.9.9.9" },
        { { "9.9.9.9, 10.0.0.1,10.0.0.2" }, "9.9.9.9" },
        { { "1.1.1.1, 9.9.9.9, 10.0.0.1" }, "9.9.9.9" },
        { { "10.0.0.1, 9.9.9.9" }, "9.9.9.9" },
        { { "10.0.0.1, 10.0.0.2" }, "10.0.0.1" },
        { { "1.1.1.1", "9.9.9.9" }, "9.9.9.9" },
        { { "2001:db8::1" }, "2001:db8::1" },
        { { "not an address" }, "127.0.0.1" },
        { { "9.9.9.9, not an address" }, "127.0.0.1" },
        { { "9.9.9.9, not an address, 10.0.0.1" }, "10.0.0.1" },
        { { "999.9.9.9" }, "127.0.0.1" },
        { { "" }, "127.0.0.1" },
        { { "9.9.9.9," }, "127.0.0.1" },
    }
    for _, case in ipairs(cases) do
        local lines, peer = unpack(case)
        it("comes from " .. peer .. " for '" .. table.concat(lines, "' '") .. "'", function()
            local text = "Host: a\r\n"
            for _, line in ipairs(lines) do
                text = text .. "X-Forwarded-For: " .. line .. "\r\n"
            end
            local answers = wire.exchange(server, "GET /seen HTTP/1.1\r\n" .. text .. "\r\n")
            assert.equal(peer, cjson.decode(answers[1].body).peer)
        end)
    end
end)
