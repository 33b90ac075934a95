--- The emulator itself is killed: what it has answered must be there again. (When the server under
-- test is killed and not the emulator, see crash specs.)
local client = require("spec.support.client")
local emulator = require("spec.support.emulator")
local json = require("core.json")
local shell = require("spec.support.shell")

local BUYERS = 4
local KILLS = 6

--- Buyers, each a shell loop of its own: every answer that arrived whole is a line of its file.
local BUYER = [[
n=0
while [ ! -e %s/stop ]; do
    n=$((n + 1))
    curl -s -m 5 -u %s: -H "Idempotency-Key: %s-$n" http://127.0.0.1:%d/v1/payment_intents \
        -d amount=1000 -d currency=usd -d confirm=true -d payment_method=pm_card_visa \
        -w "\n%%{http_code} %s-$n\n" >%s/answer.%s 2>/dev/null &&
        tail -n 1 %s/answer.%s | grep '^200 ' >/dev/null &&
        { head -n -1 %s/answer.%s | tr -d '\n'; echo; tail -n 1 %s/answer.%s; } >>%s/buyer.%s ||
        { n=$((n - 1)); sleep 0.05; }
done
]]

local function start_buyer(process, folder, name)
    local f = folder
    local script = BUYER:format(f, emulator.KEY, name, process.port, name, f, name, f, name, f,
        name, f, name, f, name)
    shell.write(folder .. "/" .. name .. ".sh", script)
    shell.run(("sh %s/%s.sh >/dev/null 2>&1 &"):format(folder, name))
end

--- {key, intent} of everything that a buyer was told.
local function told(folder, name)
    local out = {}
    local text = shell.read(folder .. "/buyer." .. name) or ""
    for body, key in text:gmatch("([^\n]+)\n200 (%S+)\n") do
        out[#out + 1] = { key = key, intent = assert(json.decode(body)) }
    end
    return out
end

--- How many answers all of them have.
local function answers(folder)
    local count = 0
    for number = 1, BUYERS do
        count = count + #told(folder, "b" .. number)
    end
    return count
end

local function count_executions(process, one)
    local journal = client.request({ port = process.port,
        path = "/_emu/journal?executed=true&idempotency_key=" .. one.key })
    return #journal.json.data
end

describe("The Stripe emulator, killed again and again while it is bought from", function()
    local process, folder
    setup(function()
        process = emulator.start({
            webhook_url = "http://127.0.0.1:9/unreachable",
            set = { ["emulator.state_file"] = "emulator.state" },
        })
        folder = process.home .. "/buyers"
        shell.must("mkdir -p " .. shell.quote(folder))
    end)

    teardown(function()
        shell.write(folder .. "/stop", "")
        process:stop()
    end)

    local function kill_under_load()
        for number = 1, BUYERS do
            start_buyer(process, folder, "b" .. number)
        end
        for round = 1, KILLS do
            shell.wait_until("answers", 60, function()
                return answers(folder) > round * (BUYERS + 1)
            end)
            process:signal("KILL")
            shell.wait_until("the emulator is gone", 10, function()
                return process:exit_code()
            end)
            process:restart()
        end
        shell.write(folder .. "/stop", "")
        shell.wait_until("the buyers are gone", 30, function()
            return select(2, shell.run("pgrep -f " .. shell.quote("^sh " .. folder .. "/b"))) ~= 0
        end)
    end

    it("has everything that it answered, once", function()
        kill_under_load()
        local count, keys = 0, {}
        for number = 1, BUYERS do
            for _, one in ipairs(told(folder, "b" .. number)) do
                count = count + 1
                assert.is_nil(keys[one.key], one.key)
                keys[one.key] = true
                local path = "/v1/payment_intents/" .. one.intent.id
                local now = emulator.call(process, "GET", path)
                assert.equal(200, now.status, one.key)
                assert.same(one.intent, now.json)
                assert.equal(1, count_executions(process, one), one.key)
            end
        end
        assert.is_true(count > BUYERS * KILLS, ("only %d answers"):format(count))
        local webhooks = client.request({ port = process.port, path = "/_emu/webhooks" }).json
        local waiting = webhooks.waiting
        assert.is_true(#waiting >= count * 3, ("%d deliveries wait"):format(#waiting))
    end)

    it("replays them under their keys", function()
        for _, one in ipairs(told(folder, "b1")) do
            local again = emulator.call(process, "POST", "/v1/payment_intents",
                "amount=1000&currency=usd&confirm=true&payment_method=pm_card_visa",
                { ["Idempotency-Key"] = one.key })
            assert.equal("true", again.headers["idempotent-replayed"])
            assert.equal(one.intent.id, again.json.id)
        end
    end)
end)

--- What a client and souk see when it dies at each border: is the intent made under the key there
-- after the restart, and does a hook that takes events still hear of it.
local BORDERS = {
    { "emulator.executed", answered = false, made = 0 },
    { "emulator.saved", answered = false, made = 1 },
    { "emulator.answered", answered = true, made = 1 },
    { "emulator.delivered", answered = true, made = 1 },
}

describe("The Stripe emulator, killed at", function()
    local process
    before_each(function()
        process = emulator.start({
            webhook_url = "http://127.0.0.1:9/unreachable",
            set = { ["emulator.state_file"] = "emulator.state" },
        })
    end)

    after_each(function()
        process:stop()
    end)

    for _, border in ipairs(BORDERS) do
        local label = border[1]
        it(label .. ", knows what it answered and no half of anything", function()
            shell.write(process.home .. "/crash.at", label)
            local function create()
                return emulator.call(process, "POST", "/v1/payment_intents",
                    "amount=1000&currency=usd", { ["Idempotency-Key"] = "k" })
            end
            local is_answered, first = pcall(create)
            is_answered = is_answered and first.status == 200
            assert.equal(border.answered, is_answered)
            shell.wait_until("its death", 10, function()
                return process:exit_code()
            end)
            process:restart()
            local list = emulator.call(process, "GET", "/v1/payment_intents").json.data
            assert.equal(border.made, #list)
            local again = create()
            assert.equal(200, again.status)
            assert.equal(border.made == 1 and "true" or nil, again.headers["idempotent-replayed"])
            assert.equal(1, #emulator.call(process, "GET", "/v1/payment_intents").json.data)
            local events = emulator.call(process, "GET", "/v1/events").json.data
            assert.same({ 1, 1 }, { #events, events[1].pending_webhooks })
            shell.wait_until("its event is on its way", 10, function()
                local webhooks = client.request({ port = process.port, path = "/_emu/webhooks" })
                return #webhooks.json.waiting == 1 and webhooks.json.waiting[1].attempts > 0
            end)
        end)
    end
end)
