--- What the bench knows of the machine: commands, and the CPU and memory of processes by /proc.
local machine = {}

function machine.quote(text)
    return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

--- The output of a command line; raises with it when it did not end with 0.
function machine.sh(line)
    local pipe = assert(io.popen("{ " .. line .. "\n} 2>&1; echo \"|$?\"", "r"))
    local text, code = pipe:read("*a"):match("^(.*)|(%d+)\n$")
    pipe:close()
    if code ~= "0" then
        error(("%s\nended with %s:\n%s"):format(line, code, text), 2)
    end
    return text
end

function machine.read(path)
    local file = io.open(path, "rb")
    local text = file and file:read("*a")
    if file then
        file:close()
    end
    return text
end

function machine.write(path, text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
end

function machine.children(pid)
    local pids = {}
    local text = machine.read(("/proc/%d/task/%d/children"):format(pid, pid)) or ""
    for child in text:gmatch("%d+") do
        pids[#pids + 1] = tonumber(child)
    end
    return pids
end

local TICK_NS = 1e7

--- Of children that have ended and were waited for: counted in ticks, there is nothing finer.
local function ended_children_ns(pid)
    local stat = machine.read(("/proc/%d/stat"):format(pid))
    local after = stat and stat:match(".*%) (.*)")
    local n, sum = 0, 0
    for word in (after or ""):gmatch("%S+") do
        n = n + 1
        if n == 14 or n == 15 then
            sum = sum + tonumber(word)
        end
    end
    return sum * TICK_NS
end

--- CPU time of these processes so far, all threads, in ns as the scheduler counts it.
function machine.cpu_ns(pids)
    local sum = 0
    for _, pid in ipairs(pids) do
        local pipe = io.popen(("cat /proc/%d/task/*/schedstat 2>/dev/null"):format(pid))
        for line in pipe:lines() do
            sum = sum + tonumber(line:match("^%d+"))
        end
        pipe:close()
        sum = sum + ended_children_ns(pid)
    end
    return sum
end

--- Resident memory of a process in KiB.
function machine.rss_kb(pid)
    local text = machine.read(("/proc/%d/status"):format(pid)) or ""
    return tonumber(text:match("VmRSS:%s*(%d+)")) or 0
end

local function first_line(line)
    return (machine.sh(line):match("^[^\n]*"))
end

--- The machine in words: for the head of the table.
function machine.about()
    return {
        cpu = first_line("sed -n 's/^model name.*: //p' /proc/cpuinfo"),
        cores = tonumber(first_line("nproc")),
        memory_gb = math.floor(tonumber(first_line("sed -n 's/MemTotal: *\\([0-9]*\\).*/\\1/p' "
            .. "/proc/meminfo")) / 1e6 + 0.5),
        kernel = first_line("uname -sr"),
        postgres = first_line("/usr/lib/postgresql/15/bin/postgres --version"):match("[%d.]+"),
    }
end

function machine.load()
    return machine.read("/proc/loadavg"):match("^%S+")
end

return machine
