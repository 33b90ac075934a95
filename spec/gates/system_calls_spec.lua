--- How often one request of each hot route enters the kernel, as strace counts it.
local gate = require("spec.gates.gate")
local shell = require("spec.support.shell")

local WARM, COUNT, WINDOWS = 30, 30, 6

--- System calls a request, or nil and why they cannot be counted.
local function system_calls(pid, ask)
    local out = os.getenv("SOUK_HOME") .. "/strace.out"
    os.remove(out)
    os.execute(("strace -c -f -p %d -o %s 2>%s.log & echo $! >%s.pid"):format(pid, out, out, out))
    local attached = pcall(shell.wait_until, "strace", 5, function()
        return (shell.read(out .. ".log") or ""):find("attached")
    end)
    if not attached then
        return nil, shell.read(out .. ".log")
    end
    ask()
    shell.run("kill -INT " .. shell.read(out .. ".pid"))
    local is_told = pcall(shell.wait_until, "strace's table", 10, function()
        return (shell.read(out) or ""):find("total")
    end)
    if not is_told then
        shell.run("kill -KILL " .. shell.read(out .. ".pid"))
        return nil, "it did not end within 10 s"
    end
    local total = 0
    for calls in shell.read(out):gmatch("\n *[%d.]+ +[%d.]+ +%d+ +(%d+)[^\n]*") do
        total = math.max(total, tonumber(calls))
    end
    return total
end

--- The least of the windows: an answer of PostgreSQL that comes in pieces only adds. nil and why
--- when none could be counted.
local function least(pid, conn, route)
    local best, problem
    for window = 0, WINDOWS - 1 do
        local calls, why = system_calls(pid, function()
            conn:ask_route(route, COUNT, WARM + window * COUNT)
        end)
        if calls then
            best = math.min(best or math.huge, calls / COUNT)
        else
            problem = why
        end
    end
    return best, problem
end

describe("one request", function()
    it("makes no more system calls than its budget", function()
        local db = gate.marketplace()
        local buyers, shelf = gate.buyers(db, WARM + WINDOWS * COUNT), gate.shelf(db, 40)
        local server = gate.server({ db = db, set = { ["cache.size_mb"] = 0 } })
        local conn = gate.connect(server.port)
        for _, route in ipairs(gate.routes(shelf, buyers)) do
            if route[1]:find("checkout") then
                gate.fill_carts(db, buyers, shelf)
                conn:greet(buyers)
            end
            conn:ask_route(route, WARM, 0)
            local best, why = least(server:workers()[1], conn, route)
            if not best then
                print("skipped: SYSTEM CALLS ARE NOT COUNTED: strace may not attach: " .. why)
                break
            end
            gate.check("system calls", route[1], best, 0.1)
        end
        conn:close()
        server:stop()
        gate.finish()
    end)
end)
