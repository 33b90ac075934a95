--- Who souk is measured against. What is not installed is left out of the table and told.
local machine = require("spec.bench.machine")
local place = require("spec.bench.place")

local peers = {}

local FOLDER = os.getenv("SOUK_BENCH_PEERS_HOME")

local function has(command)
    return os.execute("command -v " .. command .. " >/dev/null 2>&1") == 0
end

local function socket_folder()
    return (place.url("x"):match("host='([^']+)'"))
end

local function pids_of_master(pid)
    return function()
        return machine.children(pid)
    end
end

local running = {}

--- nginx with Debian's Lua module, from packages unpacked beside the bench: {port, pids()} or nil.
function peers.nginx_lua(database)
    local module = FOLDER .. "/usr/lib/nginx/modules/ngx_http_lua_module.so"
    if not machine.read(module) or not has("nginx") then
        return nil
    end
    local key = "nginx_lua " .. database
    if running[key] then
        return running[key]
    end
    local port = place.port()
    local home = place.HOME .. "/nginx" .. port
    machine.sh("mkdir -p " .. home)
    machine.write(home .. "/nginx.conf", (machine.read("spec/bench/nginx.conf"):gsub("@(%w+)@", {
        home = home, port = port, folder = FOLDER, socket = socket_folder(), database = database,
        bench = machine.sh("pwd"):match("[^\n]+") .. "/spec/bench",
    })))
    local pid = place.start("nginx" .. port, ("env LD_LIBRARY_PATH=%s/usr/lib/x86_64-linux-gnu "
        .. "nginx -p %s -c %s/nginx.conf"):format(FOLDER, home, home))
    place.wait_for("nginx" .. port, pid, port, "/fixed")
    running[key] = { port = port, pids = pids_of_master(pid) }
    return running[key]
end

--- node:http and pg, no framework: {port, pids()} or nil.
function peers.node(database)
    local modules = FOLDER .. "/node_modules"
    if not machine.read(modules .. "/pg/package.json") or not has("node") then
        return nil
    end
    local key = "node " .. database
    if running[key] then
        return running[key]
    end
    local port = place.port()
    local pid = place.start("node" .. port, ("env NODE_PATH=%s SOCKET=%s DATABASE=%s PORT=%d "
        .. "NODE_ENV=production node spec/bench/peer.js"):format(modules,
        machine.quote(socket_folder()), database, port))
    place.wait_for("node" .. port, pid, port, "/")
    running[key] = { port = port, pids = function() return { pid } end }
    return running[key]
end

--- What is missing, in words, for the notes.
function peers.missing()
    local missing = {}
    if not machine.read(FOLDER .. "/usr/lib/nginx/modules/ngx_http_lua_module.so") then
        missing[#missing + 1] = "nginx + lua"
    end
    if not machine.read(FOLDER .. "/node_modules/pg/package.json") then
        missing[#missing + 1] = "node:http + pg"
    end
    return missing
end

return peers
