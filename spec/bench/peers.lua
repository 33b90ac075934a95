--- Who souk is measured against. What is not installed is left out of the table and told.
local machine = require("spec.bench.machine")
local place = require("spec.bench.place")
local tokens = require("spec.bench.tokens")

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

--- A server in node, for this database; path: answered when it is ready. {port, pids()} or nil.
local function in_node(name, database, is_there, words, path)
    if not machine.read(is_there) or not has("node") then
        return nil
    end
    local key = name .. " " .. database
    if not running[key] then
        local port = place.port()
        local pid = place.start(name .. port, ("env SOCKET=%s DATABASE=%s PORT=%d SECRET=%s "
            .. "NODE_ENV=production %s"):format(machine.quote(socket_folder()), database, port,
            tokens.KEY, words))
        place.wait_for(name .. port, pid, port, path)
        running[key] = { port = port, is_node = true, pids = function() return { pid } end }
    end
    return running[key]
end

local NODE_THERE = FOLDER .. "/node_modules/pg/package.json"
local NESTJS_THERE = FOLDER .. "/nestjs/dist/server.js"

--- node:http and pg, no framework: {port, pids()} or nil.
function peers.node(database)
    return in_node("node", database, NODE_THERE,
        ("env NODE_PATH=%s/node_modules node spec/bench/peer.js"):format(FOLDER), "/")
end

--- NestJS on Express with Prisma, as their guides have it: {port, pids()} or nil.
function peers.nestjs(database)
    return in_node("nestjs", database, NESTJS_THERE, "node " .. NESTJS_THERE, "/products")
end

--- What is missing, in words, for the notes.
function peers.missing()
    local missing = {}
    if not machine.read(FOLDER .. "/usr/lib/nginx/modules/ngx_http_lua_module.so") then
        missing[#missing + 1] = "nginx + lua"
    end
    if not machine.read(NODE_THERE) then
        missing[#missing + 1] = "node:http + pg"
    end
    if not machine.read(NESTJS_THERE) then
        missing[#missing + 1] = "NestJS"
    end
    return missing
end

return peers
