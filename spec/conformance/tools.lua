--- What the conformance specs need of the machine: node, npm, the packages, the running binary. A
-- spec that cannot run says so in a line "skipped: …".
local tools = {}

local FOLDER = "spec/conformance"
local NODE_MAJOR_MIN = 18
local UNREACHABLE = {
    "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH",
    "EHOSTUNREACH", "network", "E403", "E404", "E5",
}

local function run(command)
    local pipe = assert(io.popen(command .. " 2>&1; echo $?"))
    local text = pipe:read("*a")
    pipe:close()
    local output, code = text:match("^(.-)(%d+)\n$")
    return tonumber(code), output
end

local function node_missing()
    local code, version = run("node --version")
    local major = code == 0 and tonumber(version:match("^v(%d+)"))
    if not major or major < NODE_MAJOR_MIN then
        return ("no node of version %d or later"):format(NODE_MAJOR_MIN)
    elseif run("npm --version") ~= 0 then
        return "no npm"
    end
end

--- Installs the locked packages once; two specs that start together wait for each other.
local function packages_missing()
    local install = "npm ci --no-audit --no-fund --loglevel=error --fetch-retries=1 "
        .. "--fetch-timeout=15000 --fetch-retry-mintimeout=500 --fetch-retry-maxtimeout=2000"
    local code, output = run(("cd %s && flock package.json sh -c '"
        .. "[ node_modules/.package-lock.json -nt package-lock.json ] || %s'")
        :format(FOLDER, install))
    if code == 0 then
        return nil
    end
    local why = "npm ci failed: " .. output:gsub("%s+", " "):sub(1, 300)
    for _, sign in ipairs(UNREACHABLE) do
        if output:find(sign, 1, true) then
            return why
        end
    end
    -- Anything but a registry out of reach is a fault of ours: skipping would hide it.
    error(why, 0)
end

--- Why a conformance spec cannot run here, or nil. needs_browser: the page's needs chromium too.
function tools.missing(needs_browser)
    local why = node_missing()
    if not why and needs_browser and run("command -v chromium") ~= 0 then
        why = "no chromium"
    end
    return why or packages_missing()
end

function tools.skip(why)
    print("skipped: " .. why)
end

--- Runs a script of this folder against the binary that runs this spec: exit code, output.
function tools.node(script)
    local _, binary = run("readlink /proc/$PPID/exe")
    return run(("SOUK_BINARY=%s node %s/%s"):format(binary:gsub("%s+$", ""), FOLDER, script))
end

return tools
