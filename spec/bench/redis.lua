--- Redis beside the index: the same points in a geo set, asked over its socket. It has neither a
-- filter nor the k nearest of all, and knows no place within five degrees of the poles.
local machine = require("spec.bench.machine")
local socket = require("socket")
local unix = require("socket.unix")

local redis = {}

local FOLDER = os.getenv("SOUK_BENCH_PEERS_HOME") or ""
local WAIT_S = 10
local RUN = ("LD_LIBRARY_PATH=%s/usr/lib/x86_64-linux-gnu %s/usr/bin/redis-"):format(FOLDER, FOLDER)

function redis.is_there()
    return machine.read(FOLDER .. "/usr/bin/redis-server") ~= nil
end

local function connect(path)
    local ends_s = socket.gettime() + WAIT_S
    while true do
        local client = unix()
        if client:connect(path) then
            client:settimeout(WAIT_S)
            return client
        end
        assert(socket.gettime() < ends_s, "redis-server does not answer at " .. path)
        socket.sleep(0.05)
    end
end

--- Reads one answer, whatever is in it.
local function receive(client)
    local line = assert(client:receive("*l"))
    local kind, count = line:sub(1, 1), tonumber(line:sub(2))
    assert(kind ~= "-", line)
    if kind == "*" then
        for _ = 1, count do
            receive(client)
        end
    elseif kind == "$" and count >= 0 then
        assert(client:receive(count + 2))
    end
end

--- points: a file of lines "lng lat id". ask: what is wanted after GEOSEARCH points FROMLONLAT lng
-- lat. centers: list of {lat, lng}. Returns what each took, in us.
function redis.measure(home, points, centers, ask)
    local path = home .. "/redis.sock"
    -- run.sh ends what has a file of this kind, should this not come to its end.
    machine.sh(("%sserver --port 0 --unixsocket %s --save '' --daemonize yes --dir %s "
        .. "--pidfile %s/../redis.peer >/dev/null"):format(RUN, path, home, home))
    local client = connect(path)
    machine.sh(("sed 's/^/GEOADD points /; s/$/\\r/' %s | %scli -s %s --pipe >/dev/null"):format(
        points, RUN, path))
    local took = {}
    for i, center in ipairs(centers) do
        local line = ("GEOSEARCH points FROMLONLAT %s %s %s\r\n"):format(
            center[2], center[1], ask)
        local began_s = socket.gettime()
        assert(client:send(line))
        receive(client)
        took[i] = (socket.gettime() - began_s) * 1e6
    end
    client:send("SHUTDOWN NOSAVE\r\n")
    client:close()
    return took
end

return redis
