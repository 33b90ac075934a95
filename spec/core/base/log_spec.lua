local client = require("spec.support.client")
local emulator = require("spec.support.emulator")
local json = require("core.json")

--- The lines of a log as tables; raises for a line that is none.
local function lines_of(text)
    local lines = {}
    for line in text:gmatch("[^\n]+") do
        lines[#lines + 1] = assert(json.decode(line), line)
    end
    return lines
end

-- The emulator is the smallest process that logs: no database, one worker.
describe("the log of a process", function()
    local process, lines

    setup(function()
        process = emulator.start()
        for _, path in ipairs({
            "/v1/balance",
            '/v1/"quoted"',
            "/v1/caf%C3%A9",
            "/v1/back%5Cslash",
            "/v1/new%0Aline",
            "/v1/two%20words=1%20level=error",
            "/v1/" .. ("long"):rep(1500),
            "/v1/last",
        }) do
            client.request({ port = process.port, path = path })
        end
        process:logged("/v1/last", true) -- or the master's last words may come before it
        process:stop()
        lines = lines_of(process:log())
    end)

    it("is JSON line by line, whatever clients send", function()
        assert.is_true(#lines >= 9)
    end)

    it("says when, how bad and what in every line", function()
        local levels = { debug = true, info = true, warn = true, error = true }
        for _, line in ipairs(lines) do
            assert.truthy(line.ts:find("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$"))
            assert.is_true(levels[line.level])
            assert.truthy(line.event:find("^[%l%d_.]+$"))
        end
    end)

    it("has times that do not go back", function()
        for i = 2, #lines do
            assert.is_true(lines[i].ts >= lines[i - 1].ts)
        end
    end)

    it("has numbers as numbers", function()
        assert.equal("worker.serving", lines[1].event)
        assert.equal(process.port, lines[1].port)
    end)

    it("has no line above 4 KiB", function()
        for line in process:log():gmatch("[^\n]+") do
            assert.is_true(#line < 4096)
        end
    end)

    it("never holds the key of a request", function()
        assert.is_nil(process:log():find(emulator.KEY, 1, true))
    end)
end)
