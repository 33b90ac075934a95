--- Programs run by specs: quoting, output, background processes with their exit codes.
local info = require("core.info")
local socket = require("socket")

local shell = {}

function shell.quote(text)
    return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

--- Runs a command line; its output (stderr too) and exit code.
function shell.run(line)
    local pipe = assert(io.popen("{ " .. line .. "\n} 2>&1; echo \"|$?\"", "r"))
    local output = pipe:read("*a")
    pipe:close()
    local text, code = output:match("^(.*)|(%d+)\n$")
    return text, tonumber(code)
end

--- The output of a command line that must end with 0.
function shell.must(line)
    local text, code = shell.run(line)
    if code ~= 0 then
        error(("%s\nended with %s:\n%s"):format(line, code, text), 2)
    end
    return text
end

function shell.read(path)
    local file = io.open(path, "rb")
    if not file then
        return nil
    end
    local text = file:read("*a")
    file:close()
    return text
end

function shell.write(path, text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
end

--- Calls is_there() until it is true; error after timeout_s.
function shell.wait_until(what, timeout_s, is_there)
    local deadline_s = socket.gettime() + timeout_s
    repeat
        local found = is_there()
        if found then
            return found
        end
        socket.sleep(0.02)
    until socket.gettime() > deadline_s
    error(("%s: not within %s s"):format(what, timeout_s), 2)
end

--- Waits for midnight UTC when it is less than seconds away: for what is counted by days or months.
function shell.keep_off_midnight(seconds)
    local left_s = 86400 - os.time() % 86400
    if left_s < seconds then
        socket.sleep(left_s + 1)
    end
end

local PORT_LEAST, BLOCKS, BLOCK = 11000, 300, 30
local METRICS_AHEAD = 10000

-- The first port of a block is listened on as long as this process lives: the block is its own.
local blocks, first_port, ports_given = {}, nil, 0

local function claim_block()
    for i = 0, BLOCKS - 1 do
        local first = PORT_LEAST + (info.pid + i) % BLOCKS * BLOCK
        local claim = socket.bind("127.0.0.1", first)
        if claim then
            blocks[#blocks + 1] = claim
            first_port, ports_given = first, 0
            return
        end
    end
    error("all ports from " .. PORT_LEAST .. " on are in use: end other runs of the specs")
end

local function is_free(port)
    local probe = socket.bind("127.0.0.1", port)
    if probe then
        probe:close()
    end
    return probe ~= nil
end

--- A port that nobody listens on, and its neighbour for /metrics. Both lie below what the kernel
--- gives to clients. No other process draws from the same block: between this look and the server
--- that listens is a second in which two that share a port would both start, and answer in turn.
function shell.free_port()
    while true do
        if not first_port or ports_given == BLOCK - 1 then
            claim_block()
        end
        ports_given = ports_given + 1
        local port = first_port + ports_given
        if is_free(port) and is_free(port + METRICS_AHEAD) then
            return port
        end
    end
end

--- Starts a command line in a session of its own, its output in <folder>/log. Files tell the rest:
-- <folder>/pid while it runs (run_file.sh ends what a broken spec leaves), <folder>/rc after it.
function shell.background(folder, line)
    shell.write(folder .. "/start.sh", table.concat({
        "rm -f " .. shell.quote(folder .. "/rc"),
        line .. " >>" .. shell.quote(folder .. "/log") .. " 2>&1 </dev/null &",
        "echo $! >" .. shell.quote(folder .. "/pid"),
        "wait $!",
        "echo $? >" .. shell.quote(folder .. "/rc"),
    }, "\n") .. "\n")
    os.remove(folder .. "/pid")
    os.execute("setsid sh " .. shell.quote(folder .. "/start.sh") .. " >/dev/null 2>&1 &")
    return shell.wait_until("a process", 30, function()
        return tonumber((shell.read(folder .. "/pid") or ""))
    end)
end

return shell
