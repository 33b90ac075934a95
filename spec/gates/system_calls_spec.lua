--- How often one request of each hot route enters the kernel, as strace tells it.
local gate = require("spec.gates.gate")
local shell = require("spec.support.shell")

local WARM, COUNT = 30, 120
--- Of a hundred requests so many do nothing but their own work, however busy the machine is: an
--- answer of PostgreSQL that comes in pieces, or a timer between, only adds.
local UNDISTURBED_PERCENT = 10

--- System calls of each request, in their order: those until its answer is sent.
local function by_request(trace)
    local counts, count = {}, 0
    for line in trace:gmatch("[^\n]+") do
        if not line:find(" resumed>", 1, true) and line:find("^%d+ +[%l_]") then
            count = count + 1
        end
        if line:find('"HTTP/1.1 ', 1, true) then
            counts[#counts + 1], count = count, 0
        end
    end
    table.remove(counts, 1) -- it had begun before
    return counts
end

--- System calls a request, or nil and why they cannot be counted.
local function system_calls(pid, ask)
    local out = os.getenv("SOUK_HOME") .. "/strace.out"
    os.remove(out)
    os.execute(("strace -f -p %d -o %s 2>%s.log & echo $! >%s.pid"):format(pid, out, out, out))
    local attached = pcall(shell.wait_until, "strace", 20, function()
        return (shell.read(out .. ".log") or ""):find("attached")
    end)
    if not attached then
        return nil, shell.read(out .. ".log")
    end
    ask()
    local tracer = shell.read(out .. ".pid"):match("%d+")
    shell.run("kill -INT " .. tracer)
    local is_over = pcall(shell.wait_until, "the end of strace", 20, function()
        return select(2, shell.run("kill -0 " .. tracer)) ~= 0
    end)
    if not is_over then
        shell.run("kill -KILL " .. tracer)
        return nil, "it did not end within 20 s"
    end
    local counts = by_request(shell.read(out))
    table.sort(counts)
    return counts[math.ceil(#counts * UNDISTURBED_PERCENT / 100)], "it told of no answer"
end

describe("one request", function()
    it("makes no more system calls than its budget", function()
        local db = gate.marketplace()
        local buyers, shelf = gate.buyers(db, WARM + COUNT), gate.shelf(db, 40)
        local server = gate.server({ db = db, set = { ["cache.size_mb"] = 0 } })
        local conn = gate.connect(server.port)
        for _, route in ipairs(gate.routes(shelf, buyers)) do
            gate.prepare(route, { db = db, conn = conn, shelf = shelf, buyers = buyers })
            conn:ask_route(route, WARM, 0)
            local calls, why = system_calls(server:workers()[1], function()
                conn:ask_route(route, COUNT, WARM)
            end)
            if not calls then
                print("skipped: SYSTEM CALLS ARE NOT COUNTED: strace may not attach: " .. why)
                break
            end
            gate.check("system calls", route[1], calls, 0.1)
        end
        conn:close()
        server:stop()
        gate.finish()
    end)
end)
