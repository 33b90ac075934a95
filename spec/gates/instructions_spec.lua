--- Instructions of one request that no writing is part of, as callgrind counts them: what CPU time
--- means where the machine is shared. The worker is measured while nothing else happens; the least
--- of several windows is taken, since timers, collections of garbage and traces being compiled only
--- add.
local gate = require("spec.gates.gate")
local shell = require("spec.support.shell")

local WARM, COUNT, WINDOWS = 250, 20, 6
local SLACK = 0.05
local WANTED = {
    ["a route without database"] = true, ["GET /api/products/{id}"] = true,
    ["GET /api/products"] = true, ["GET /api/vendors/nearby"] = true, [gate.SOLD_OUT] = true,
}

local function command(pid, words)
    return shell.run(("vgdb --pid=%d %s"):format(pid, words))
end

describe("one request", function()
    it("takes no more instructions than its budget", function()
        if not select(1, shell.run("command -v valgrind")):find("valgrind") then
            print("skipped: INSTRUCTIONS ARE NOT COUNTED: valgrind is not installed")
            return
        end
        local out = os.getenv("SOUK_HOME") .. "/callgrind"
        local db = gate.marketplace()
        local server = gate.server({
            db = db, set = { ["cache.size_mb"] = 0 }, attempts = 4,
            wrapper = ("setarch -R valgrind -q --tool=callgrind --trace-children=yes "
                .. "--instr-atstart=no --callgrind-out-file=%s.%%p"):format(out),
        })
        local pid, dumps = server:workers()[1], 0

        --- Instructions since the last call.
        local function instructions()
            dumps = dumps + 1
            command(pid, "dump")
            local path = ("%s.%d.%d"):format(out, pid, dumps)
            return tonumber(shell.wait_until("callgrind's file", 20, function()
                return (shell.read(path) or ""):match("\ntotals: (%d+)")
            end))
        end

        local conn = gate.connect(server.port)
        local shelf, buyers = gate.shelf(db, 40), gate.buyers(db, 8)
        for _, route in ipairs(gate.routes(shelf, buyers)) do
            if WANTED[route[1]] then
                gate.prepare(route, { db = db, conn = conn, shelf = shelf, buyers = buyers })
                conn:ask_route(route, WARM, 0)
                command(pid, "instrumentation on")
                conn:ask_route(route, COUNT, 0)
                local best = math.huge
                for _ = 1, WINDOWS do
                    instructions()
                    conn:ask_route(route, COUNT, 0)
                    best = math.min(best, instructions() / COUNT)
                end
                command(pid, "instrumentation off")
                gate.check("instructions", route[1], math.floor(best), SLACK)
            end
        end
        conn:close()
        server:stop()
        gate.finish()
    end)
end)
