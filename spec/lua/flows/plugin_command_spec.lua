--- An author's and an operator's way at the shell, with a server that follows.
local shell = require("spec.support.shell")
local world = require("spec.support.world")

describe("souk plugin", function()
    local w, folder

    setup(function()
        folder = os.getenv("SOUK_HOME") .. "/own_plugins"
        shell.must("mkdir -p " .. shell.quote(folder))
        w = world.start({ set = { ["plugins.dir"] = folder } })
    end)
    teardown(function()
        w:stop()
    end)

    local function refusal(arguments)
        local is_ok, problem = pcall(w.server.command, w.server, arguments)
        assert.is_false(is_ok)
        return problem
    end

    local function status()
        return w:request("GET", "/api/plugins/notebook/notes", w:admin()).status
    end

    it("writes a plugin, checks it, switches it on and off while souk serves", function()
        assert.matches("is written", w.server:command("plugin new notebook"), 1, true)
        assert.matches("2 routes, needs db event:order.confirmed",
            w.server:command("plugin check notebook"), 1, true)
        assert.equal(404, status())
        w.server:command("plugin enable notebook --grant all")
        assert.equal(200, status())
        assert.matches("notebook +1.0.0 +ENABLED", w.server:command("plugin list"))
        w.server:command("plugin disable notebook")
        assert.equal(404, status())
        assert.matches("DISABLED", w.server:command("plugin list"), 1, true)
    end)

    it("grants nothing by itself, and says what to do", function()
        assert.matches("needs 'event:order.confirmed': grant it by --grant all",
            refusal("plugin enable notebook --grant db"), 1, true)
    end)

    it("says file and line of a plugin that does not load", function()
        shell.must("mkdir -p " .. shell.quote(folder .. "/broken"))
        shell.write(folder .. "/broken/plugin.lua", "local x = 1\nlocal y = = 2\n")
        assert.matches("plugins/broken/plugin.lua:2:", refusal("plugin check broken"), 1, true)
        assert.matches("plugins/broken/plugin.lua:2:", w.server:command("plugin list"), 1, true)
    end)

    it("refuses what uses more than it says, in words that begin with its file", function()
        shell.must("mkdir -p " .. shell.quote(folder .. "/broken"))
        for _, word in ipairs({ "fetch", "db" }) do
            shell.write(folder .. "/broken/plugin.lua", ('require("souk.%s")\n'):format(word)
                .. 'return { name = "broken", version = "1.0.0", api = 1, needs = { "timers" } }\n')
            local problem = ("plugins/broken/plugin.lua: souk.%s needs '%s' in needs")
                :format(word, word)
            assert.matches("%f[%w]" .. problem:gsub("%.", "%%."), refusal("plugin check broken"))
            assert.is_nil(refusal("plugin enable broken"):find("loader.lua", 1, true))
        end
    end)

    it("refuses names that are none, and folders that are there", function()
        assert.matches("lower-case letters", refusal("plugin new No-Name"), 1, true)
        assert.matches("is there already", refusal("plugin new notebook"), 1, true)
        assert.matches("usage: souk plugin list", refusal("plugin dance"), 1, true)
    end)
end)
