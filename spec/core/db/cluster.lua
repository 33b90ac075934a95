--- A PostgreSQL cluster of the spec's own, for faults that would hit others: made below /tmp,
-- where socket paths stay short.
local shell = require("spec.support.shell")

local cluster = {}
cluster.__index = cluster

local BIN = "/usr/lib/postgresql/15/bin/"

--- PostgreSQL refuses to run as root.
local function as_pg(line)
    if shell.must("id -u") == "0\n" then
        line = "setpriv --reuid=postgres --regid=postgres --init-groups -- " .. line
    end
    return shell.must("cd / && " .. line)
end

--- options: more of postgresql.conf, as text.
function cluster.start(options)
    local dir = shell.must("mktemp -d /tmp/souk-db-XXXXXX"):gsub("\n", "")
    shell.must(("chown postgres %s 2>/dev/null || true"):format(dir))
    as_pg(BIN .. "initdb --no-sync -A trust -U souk -E UTF8 --locale=C -D " .. dir .. "/data")
    local conf = shell.read(dir .. "/data/postgresql.conf")
    shell.write(dir .. "/data/postgresql.conf", conf .. ([[

listen_addresses = ''
unix_socket_directories = '%s'
fsync = off
shared_buffers = 16MB
%s
]]):format(dir, options or ""))
    local url = ("host='%s' user=souk dbname=postgres"):format(dir)
    local self = setmetatable({ dir = dir, url = url }, cluster)
    self:up()
    return self
end

function cluster:up()
    as_pg(("%spg_ctl -D %s/data -l %s/log -w -t 30 start"):format(BIN, self.dir, self.dir))
    self.is_up = true
end

--- mode: fast, immediate. Does not wait for new programs, only for the server's end.
function cluster:down(mode)
    self.is_up = false
    as_pg(("%spg_ctl -D %s/data -m %s -w stop"):format(BIN, self.dir, mode))
end

--- Sends a signal to the postmaster and all its children.
function cluster:signal(name)
    local pid = shell.read(self.dir .. "/data/postmaster.pid"):match("%d+")
    shell.must(("kill -%s %s $(cat /proc/%s/task/%s/children)"):format(name, pid, pid, pid))
end

function cluster:psql(sql)
    local line = BIN .. "psql -X -q -A -t -d " .. shell.quote(self.url)
    return shell.must(line .. " -c " .. shell.quote(sql))
end

--- Fails when a secret was left in it (spec/support/secrets.sh).
function cluster:remove()
    local leaked = self.is_up
        and shell.must("sh spec/support/secrets.sh " .. shell.quote(self.url)) or ""
    pcall(self.down, self, "immediate")
    shell.must("rm -rf " .. self.dir)
    assert(leaked == "", leaked)
end

return cluster
