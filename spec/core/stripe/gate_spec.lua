--- Which call goes when. The gate of this process: 16 at once, 500 a second, open for a second.
local clock = require("core.clock")
local fetch = require("core.fetch")
local parallel = require("core.parallel")
local sleep = require("core.sleep")
local stripe = require("core.stripe")

local process, base_url

local function send(path, changes)
    local call = { url = base_url .. path, plain = true, timeout_ms = 5000, deadline_ms = 10000 }
    for name, value in pairs(changes or {}) do
        call[name] = value
    end
    return stripe.send(call)
end

local function sender(path, changes)
    return function()
        local answer = send(path, changes)
        return answer.outcome == "refused" and answer.problem or answer.status or answer.outcome
    end
end

--- Runs senders at once: {[result] = how many}, and the milliseconds it took.
local function all(senders)
    local began_us = clock.monotonic_us()
    local counts = {}
    for _, result in ipairs(parallel(unpack(senders))) do
        counts[result.value] = (counts[result.value] or 0) + 1
    end
    return counts, (clock.monotonic_us() - began_us) / 1000
end

local function times(count, made)
    local list = {}
    for i = 1, count do
        list[i] = made
    end
    return list
end

describe("core.stripe.send", function()
    setup(function()
        process = assert(io.popen("exec luajit spec/core/fetch/raw_server.lua"))
        base_url = "http://127.0.0.1:" .. assert(process:read("*l"), "no raw server")
    end)

    teardown(function()
        fetch.request({ url = base_url .. "/quit", plain = true, timeout_ms = 2000 })
        process:close()
    end)

    it("gives what core.fetch gives", function()
        local answer = send("/ok", {
            method = "POST", body = "a=1", headers = { ["Idempotency-Key"] = "k" },
        })
        assert.same({ "answered", 200, "ok", "spaced" },
            { answer.outcome, answer.status, answer.body, answer.headers("X-Mixed-Case") })
        local sent = fetch.request({ url = base_url .. "/last", plain = true }).body
        assert.truthy(sent:find("\r\nIdempotency%-Key: k\r\n"))
        assert.equal("a=1", sent:sub(-3))
    end)

    it("runs sixteen at once, and waiting is no part of anybody's time-out", function()
        local counts, took_ms = all(times(64, sender("/slow/500", { timeout_ms = 1900 })))
        assert.same({ [200] = 64 }, counts)
        assert.is_true(took_ms >= 1950, took_ms)
    end)

    it("refuses what would come too late for who waits", function()
        local senders = times(16, sender("/slow/400"))
        senders[17] = sender("/ok", { deadline_ms = 150 })
        local counts = all(senders)
        assert.same({ [200] = 16, waited = 1 }, counts)
    end)

    it("takes a waiting client's deadline as the limit of the answer too", function()
        assert.equal("unknown", send("/slow/4000", { deadline_ms = 200 }).outcome)
    end)

    it("sends calls of one lane one after the other, others beside them", function()
        local lane = { lane = "acct_1" }
        local counts, took_ms = all(times(3, sender("/slow/150", lane)))
        assert.same({ [200] = 3 }, counts)
        assert.is_true(took_ms >= 420, took_ms)
        counts, took_ms = all({
            sender("/slow/1000", lane), sender("/slow/1000", { lane = "acct_2" }),
            sender("/slow/1000"),
        })
        assert.same({ [200] = 3 }, counts)
        assert.is_true(took_ms < 1950, took_ms)
    end)

    it("keeps places for clients while jobs take theirs", function()
        local client_ms
        local senders = times(17, sender("/slow/1000", { background = true }))
        senders[18] = function()
            local _, took_ms = all({ sender("/slow/1") })
            client_ms = took_ms
            return 0
        end
        local counts = all(senders)
        assert.equal(17, counts[200])
        assert.is_true(client_ms < 950, client_ms)
    end)

    it("refuses what has no room to wait", function()
        local rows = times(20, function()
            local counts = all(times(64, sender("/ok")))
            return counts.queue_full or 0
        end)
        local refused = 0
        for _, row in ipairs(parallel(unpack(rows))) do
            refused = refused + row.value
        end
        assert.equal(20 * 64 - 1000, refused)
    end)

    it("leaves a failing Stripe alone, tries once, and goes on (scenario 25)", function()
        assert.equal(0, stripe.away_s())
        local asked = 0
        while stripe.away_s() == 0 and asked < 3000 do
            send("/status/500")
            asked = asked + 1
        end
        assert.equal(1, stripe.away_s())
        assert.same({ breaker_open = 20 }, (all(times(20, sender("/ok")))))
        sleep(1100)
        assert.same({ [200] = 1, breaker_open = 19 }, (all(times(20, sender("/ok")))))
        assert.equal(0, stripe.away_s())
        assert.same({ [200] = 20 }, (all(times(20, sender("/ok")))))
    end)

    it("counts what never arrived and 429 as failures, and a refusal as an answer", function()
        local rounds = 0
        while stripe.away_s() == 0 and rounds < 100 do
            send("", { url = "http://127.0.0.1:1/" })
            send("/status/429")
            rounds = rounds + 1
        end
        assert.equal(1, stripe.away_s())
        sleep(1100)
        assert.equal(402, send("/status/402").status)
        assert.equal(0, stripe.away_s())
        for _ = 1, 30 do
            send("/status/404")
        end
        assert.equal(0, stripe.away_s())
    end)
end)
