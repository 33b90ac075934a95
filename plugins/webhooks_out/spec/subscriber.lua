--- Somebody who is told (receiver.lua), and an administrator who looks after it, for specs.
local client = require("spec.support.client")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local subscriber = { PATH = "/api/plugins/webhooks_out/endpoints" }
subscriber.__index = subscriber

local README = assert(shell.read("plugins/webhooks_out/README.md"))
--- Three tries, a second or two apart.
local SETTINGS = " --setting attempts=3 --setting firstPauseS=1 --setting timeoutMs=4000"

subscriber.WAIT_S = 60

--- A marketplace with the plugin on.
function subscriber.world(set)
    return world.start({ set = set, plugins = { "webhooks_out" .. SETTINGS } })
end

--- One, in a marketplace that lets it be on this machine.
function subscriber.start()
    local process = assert(io.popen("exec luajit plugins/webhooks_out/spec/receiver.lua"))
    local port = tonumber((assert(process:read("*l"), "the receiver did not start")))
    local w = subscriber.world({ ["plugins.private_addresses"] = "true" })
    return setmetatable({ process = process, port = port, w = w, made = 0 }, subscriber)
end

function subscriber:stop()
    self.w:stop()
    client.request({ port = self.port, method = "POST", path = "/_quit", body = "" })
    self.process:close()
end

--- Says what a path answers from now on.
function subscriber:answer(path, answers)
    local told = client.request({
        port = self.port, method = "POST", path = "/_answers",
        body = { path = path, answers = answers },
    })
    assert(told.status == 200)
end

--- An endpoint with a path of its own, told of a type of its own unless events says else:
--- {id, path, type, secret, at}.
function subscriber:endpoint(answers, events)
    self.made = self.made + 1
    local path, event_type = "/hook" .. self.made, "spec.happened_" .. ("x"):rep(self.made)
    if answers then
        self:answer(path, answers)
    end
    local answered = self.w:expect(201, "POST", subscriber.PATH, self.w:admin(), {
        url = ("http://127.0.0.1:%d%s"):format(self.port, path), events = events or { event_type },
    })
    return {
        id = answered.endpoint.id, path = path, type = event_type, secret = answered.secret,
        at = subscriber.PATH .. "/" .. answered.endpoint.id,
    }
end

--- Events {n = 1}, {n = 2}, …, as if they had just happened.
function subscriber:happen(event_type, count)
    self.w.db:query(("select event_emit('%s', jsonb_build_object('n', n)) "
        .. "from generate_series(1, %d) n"):format(event_type, count or 1))
end

function subscriber:wait_for(what, is_there)
    return shell.wait_until(what, self.WAIT_S, is_there)
end

--- What has come to the endpoint so far: {headers, body, json, status, at}.
function subscriber:seen(hook)
    local list = {}
    for _, one in ipairs(client.request({ port = self.port, path = "/_seen" }).json.seen) do
        if one.path == hook.path then
            one.json = client.json.decode(one.body)
            list[#list + 1] = one
        end
    end
    return list
end

--- The same once it is so many.
function subscriber:come(hook, count)
    self:wait_for(("%d at %s"):format(count, hook.path), function()
        return #self:seen(hook) >= count
    end)
    return self:seen(hook)
end

--- What has come as "number:answered" each.
function subscriber.numbers(list)
    local text = {}
    for i, one in ipairs(list) do
        text[i] = ("%d:%d"):format(one.json.data.n, one.status)
    end
    return table.concat(text, " ")
end

function subscriber:log(hook, query)
    return self.w:expect(200, "GET", hook.at .. "/deliveries" .. (query or ""), self.w:admin()).data
end

function subscriber:read(hook)
    return self.w:expect(200, "GET", hook.at, self.w:admin())
end

function subscriber:change(hook, body)
    return self.w:expect(200, "PATCH", hook.at, self.w:admin(), body)
end

function subscriber:remove(hook)
    self.w:expect(204, "DELETE", hook.at, self.w:admin())
end

function subscriber:wait_until_done(hook, count)
    self:wait_for(("%d of %s are through"):format(count, hook.path), function()
        return #self:log(hook, "?state=DONE") == count
    end)
end

function subscriber:wait_until_paused(hook)
    self:wait_for(hook.path .. " is paused", function()
        return not self:read(hook).isActive
    end)
    return self:read(hook)
end

--- The README's block in a language.
local function snippet(language)
    return assert(README:match("## Checking one.-```" .. language .. "\n(.-)```"))
end

--- What the README's two ways of checking say of a delivery.
function subscriber.checked(secret, one, now_s)
    local folder = shell.must("mktemp -d"):gsub("%s+$", "")
    shell.write(folder .. "/body", one.body)
    shell.write(folder .. "/headers.json", client.json.encode(one.headers))
    shell.write(folder .. "/check.js", snippet("js") .. ([[
const fs = require('node:fs');
const headers = JSON.parse(fs.readFileSync(process.argv[2] + '/headers.json', 'utf8'));
const body = fs.readFileSync(process.argv[2] + '/body');
console.log(verify(process.argv[3], headers, body%s));
]]):format(now_s and ", " .. now_s or ""))
    local by_node = shell.must(("node %s/check.js %s %s"):format(folder, folder,
        shell.quote(secret))):gsub("%s+$", "")
    local by_hand = shell.must(("secret=%s id=%s timestamp=%s body=%s/body\n%s"):format(
        shell.quote(secret), one.headers["webhook-id"], one.headers["webhook-timestamp"], folder,
        snippet("sh"))):gsub("%s+$", "")
    shell.must("rm -r " .. folder)
    return by_node == "true",
        (" " .. one.headers["webhook-signature"]):find(" v1," .. by_hand, 1, true) ~= nil
end

return subscriber
