local clock = require("core.clock")
local fetch = require("core.fetch")
local parallel = require("core.parallel")

local process, base_url

local function start_server()
    process = assert(io.popen("exec luajit spec/core/fetch/raw_server.lua"))
    base_url = "http://127.0.0.1:" .. assert(process:read("*l"), "the raw server did not start")
end

local function stop_server()
    fetch.request({ url = base_url .. "/quit", plain = true, timeout_ms = 2000 })
    process:close()
end

local function ask(path, changes)
    local request = { url = base_url .. path, plain = true, timeout_ms = 5000 }
    for name, value in pairs(changes or {}) do
        request[name] = value
    end
    return fetch.request(request)
end

local function took_ms(began_us)
    return (clock.monotonic_us() - began_us) / 1000
end

--- A port on which nobody listens: the server gave it up.
local function closed_port_url()
    local url = base_url
    stop_server()
    start_server()
    return url
end

describe("core.fetch.request", function()
    setup(function()
        start_server()
    end)
    teardown(function()
        stop_server()
    end)

    it("gives status, body and headers of an answer", function()
        local answer = ask("/ok")
        assert.equal("answered", answer.outcome)
        assert.equal(200, answer.status)
        assert.equal("ok", answer.body)
        assert.equal("spaced", answer.headers("x-mixed-case"))
        assert.equal("2", answer.headers("CONTENT-LENGTH"))
        assert.is_nil(answer.headers("X-Mixed"))
    end)

    it("gives the answer whatever its status", function()
        for _, status in ipairs({ 201, 204, 302, 404, 429, 500, 503 }) do
            assert.equal(status, ask("/status/" .. status).status)
        end
    end)

    it("sends method, headers and body as given", function()
        ask("/ok", {
            method = "POST",
            headers = { ["Idempotency-Key"] = "key-1", ["Content-Type"] = "text/plain" },
            body = "a\0b",
        })
        local sent = ask("/last").body
        assert.truthy(sent:find("^POST /ok HTTP/1.1\r\n"))
        assert.truthy(sent:find("\r\nIdempotency%-Key: key%-1\r\n"))
        assert.truthy(sent:find("\r\nContent%-Type: text/plain\r\n"))
        assert.truthy(sent:find("\r\nContent%-Length: 3\r\n"))
        assert.equal("a\0b", sent:sub(-3))
        assert.is_nil(sent:find("Expect:", 1, true))
    end)

    it("sends the length of an empty POST", function()
        ask("/ok", { method = "POST" })
        assert.truthy(ask("/last").body:find("\r\nContent%-Length: 0\r\n"))
    end)

    it("sends DELETE and PATCH, with a body or without", function()
        ask("/ok", { method = "DELETE" })
        assert.truthy(ask("/last").body:find("^DELETE /ok "))
        ask("/ok", { method = "PATCH", body = "{}" })
        assert.truthy(ask("/last").body:find("^PATCH /ok .*{}$"))
    end)

    it("does not follow redirects", function()
        local answer = ask("/redirect")
        assert.equal(302, answer.status)
        assert.equal("/ok", answer.headers("Location"))
    end)

    it("drops the headers of 100 Continue", function()
        local answer = ask("/continue")
        assert.equal("late", answer.body)
        assert.is_nil(answer.headers("X-Early"))
    end)

    it("uses one connection for requests that follow each other", function()
        local _, before = ask("/counts").body:match("(%d+) (%d+)")
        for _ = 1, 10 do
            ask("/ok")
        end
        local _, after = ask("/counts").body:match("(%d+) (%d+)")
        assert.equal(before, after)
    end)

    local faults = {
        { "is unknown when the connection is reset", "/reset", "unknown" },
        { "is unknown when the connection is closed without an answer", "/close", "unknown" },
        { "is unknown when the body is cut short", "/truncated", "unknown" },
        { "is unknown when the answer is no HTTP", "/junk", "unknown" },
    }
    for _, fault in ipairs(faults) do
        local name, path, expected = unpack(fault)
        it(name, function()
            local answer = ask(path, { method = "POST", body = "x" })
            assert.equal(expected, answer.outcome)
            assert.is_string(answer.problem)
            assert.is_nil(answer.status)
            assert.is_nil(answer.body)
        end)
    end

    it("is unknown when no answer comes in time", function()
        local began_us = clock.monotonic_us()
        assert.equal("unknown", ask("/hang", { method = "POST", timeout_ms = 200 }).outcome)
        local ms = took_ms(began_us)
        assert.is_true(ms >= 190 and ms < 20000)
    end)

    it("is not sent when nobody listens", function()
        local answer = fetch.request({ url = closed_port_url() .. "/ok", plain = true })
        assert.equal("not_sent", answer.outcome)
    end)

    it("is not sent when the name does not exist", function()
        local url = "http://nobody.invalid/"
        assert.equal("not_sent", fetch.request({ url = url, plain = true }).outcome)
    end)

    it("is not sent when TLS meets a server without it", function()
        local url = base_url:gsub("^http:", "https:") .. "/ok"
        local answer = fetch.request({ url = url, timeout_ms = 300 })
        assert.equal("not_sent", answer.outcome)
    end)

    it("answers though a kept connection was closed in between", function()
        assert.equal("once", ask("/once").body)
        assert.equal("ok", ask("/ok", { method = "POST", body = "x" }).body)
    end)

    it("is unknown when a kept connection lost it and no other can be made", function()
        assert.equal("once", ask("/last_once").body)
        local answer = ask("/ok", { method = "POST", body = "x" })
        assert.equal("unknown", answer.outcome)
        process:close()
        start_server()
    end)

    it("refuses a declared body above the limit before it arrives", function()
        local began_us = clock.monotonic_us()
        local answer = ask("/declared/2000000", { timeout_ms = 5000 })
        assert.equal("too_large", answer.outcome)
        assert.is_true(took_ms(began_us) < 4900)
    end)

    it("refuses an undeclared body above the limit", function()
        assert.equal("too_large", ask("/endless/1100000").outcome)
        assert.equal("too_large", ask("/endless/1001", { answer_max_bytes = 1000 }).outcome)
        assert.equal("answered", ask("/endless/1000", { answer_max_bytes = 1000 }).outcome)
    end)

    it("refuses headers above 64 KiB", function()
        assert.equal("too_large", ask("/headers/80000").outcome)
    end)

    it("does not count waiting for its turn as part of the timeout", function()
        -- 32 run at once: 64 of a second need two turns, more than the timeout of one.
        local jobs = {}
        for i = 1, 64 do
            jobs[i] = function()
                return ask("/slow/1000", { timeout_ms = 1900 }).outcome
            end
        end
        local began_us = clock.monotonic_us()
        for _, result in ipairs(parallel(unpack(jobs))) do
            assert.equal("answered", result.value)
        end
        assert.is_true(took_ms(began_us) >= 1950)
    end)

    it("refuses what does not fit in the queue", function()
        -- 32 run and 1024 wait: 1280 at once do not fit.
        local group = {}
        for i = 1, 64 do
            group[i] = function()
                return ask("/ok", { timeout_ms = 20000 }).outcome
            end
        end
        local groups = {}
        for i = 1, 20 do
            groups[i] = function()
                return parallel(unpack(group))
            end
        end
        local counts = { answered = 0, refused = 0 }
        for _, results in ipairs(parallel(unpack(groups))) do
            for _, result in ipairs(results.value) do
                counts[result.value] = counts[result.value] + 1
            end
        end
        assert.is_true(counts.refused > 0 and counts.answered >= 1056)
        assert.equal(1280, counts.refused + counts.answered)
    end)

    local refused = {
        { "plain HTTP unless allowed", { plain = false } },
        { "another protocol", { url = "file:///etc/passwd" } },
        { "an empty address", { url = "" } },
        { "a line end in a header", { headers = { ["X-A"] = "1\r\nX-B: 2" } } },
        { "a method that is no word", { method = "GET / HTTP/1.1\r\nX: y\r\n\r\nGET" } },
        { "an empty method", { method = "" } },
    }
    for _, case in ipairs(refused) do
        local name, changes = unpack(case)
        it("refuses " .. name, function()
            local answer = ask("/ok", changes)
            assert.equal("refused", answer.outcome)
            assert.is_string(answer.problem)
        end)
    end

    it("raises for arguments of the wrong kind", function()
        for _, request in ipairs({
            {},
            { url = 7 },
            { url = "http://a\0b" },
            { url = "http://a", body = {} },
            { url = "http://a", headers = "X: y" },
            { url = "http://a", headers = { X = {} } },
            { url = "http://a", timeout_ms = -1 },
            { url = "http://a", timeout_ms = 0 / 0 },
        }) do
            assert.has_error(function()
                fetch.request(request)
            end)
        end
    end)
end)
