local plugin_folder = require("spec.support.plugin_folder")
local shell = require("spec.support.shell")
local world = require("spec.support.world")

local function hello(name)
    return {
        ["plugin.lua"] = plugin_folder.manifest(name, ([[
            needs = { "db" }, static = true,
            settings = s.object({ word = s.optional(s.string({ max = 20 }), "hello") }),
            routes = { {
                id = "%s.say", method = "GET", path = "/api/plugins/%s/word", summary = "A word",
                roles = false, answers = { [200] = s.object({ word = s.string() }) },
                handler = function()
                    return { word = require("souk.settings").word }
                end,
            } },
        ]]):format(name, name)),
        ["static/index.html"] = "<p>hello</p>",
    }
end

describe("admin plugins", function()
    local w, admin

    setup(function()
        w = world.start({ set = { ["plugins.dir"] = plugin_folder.write({
            greeter = hello("greeter"),
            broken = { ["plugin.lua"] = "return { name = 'other', version = '1', api = 1 }" },
        }) } })
        admin = w:admin()
    end)
    teardown(function()
        w:stop()
    end)

    local function switch(status, name, action, body)
        return w:expect(status, "POST", ("/api/admin/plugins/%s/%s"):format(name, action), admin,
            body or {})
    end

    it("list every folder, and why one cannot be used", function()
        local data = w:expect(200, "GET", "/api/admin/plugins", admin).data
        assert.same({ "broken", "greeter" }, { data[1].name, data[2].name })
        assert.matches("name must be 'broken'", data[1].problem, 1, true)
        assert.equal("AVAILABLE", data[2].state)
    end)

    it("are switched on with what they need, at once in every worker, and off again", function()
        switch(409, "greeter", "enable")
        assert.equal("ENABLED", switch(200, "greeter", "enable", { grant = { "db" } }).state)
        for _ = 1, 8 do
            assert.equal("hello", w:expect(200, "GET", "/api/plugins/greeter/word").word)
        end
        local document = w:expect(200, "GET", "/api/openapi.json")
        assert.is_table(document.paths["/api/plugins/greeter/word"])
        switch(200, "greeter", "enable", { settings = { word = "hi" } })
        assert.equal("hi", w:expect(200, "GET", "/api/plugins/greeter/word").word)
        assert.equal("DISABLED", switch(200, "greeter", "disable").state)
        assert.equal(404, w:request("GET", "/api/plugins/greeter/word").status)
    end)

    it("refuse settings that their schema does not know", function()
        local refused = switch(409, "greeter", "enable",
            { grant = { "db" }, settings = { wrod = "hi" } })
        assert.matches("wrod", refused.message, 1, true)
    end)

    it("show their static files", function()
        switch(200, "greeter", "enable", { grant = { "db" } })
        local answer = w:request("GET", "/api/plugins/greeter/static/index.html")
        assert.equal("<p>hello</p>", answer.body)
        assert.matches("text/html", answer.headers["content-type"], 1, true)
        assert.equal(404, w:request("GET", "/api/plugins/greeter/static/plugin.lua").status)
        assert.are_not.equal(200,
            w:request("GET", "/api/plugins/greeter/static/..%2fplugin.lua").status)
        switch(200, "greeter", "disable")
    end)

    --- The same route twice: each manifest is right, together they cannot be served.
    it("are as they were when the server refuses to serve them", function()
        local folder = w.server.set["plugins.dir"] .. "/greeter/plugin.lua"
        local text = shell.read(folder)
        switch(200, "greeter", "enable", { grant = { "db" }, settings = { word = "one" } })
        local function assert_as_before()
            assert.equal("one", w:expect(200, "GET", "/api/plugins/greeter/word").word)
            local row = w.db:query("select is_enabled, settings ->> 'word' from plugins")[1]
            assert.same({ "t", "one" }, row)
        end
        shell.write(folder, (text:gsub("routes = {", "%0 { id = 'greeter.other', method = 'GET', "
            .. "path = '/api/plugins/greeter/word', summary = 'A word', roles = false, answers = "
            .. "{ [200] = true }, handler = function() end },", 1)))
        local refused = w:request("POST", "/api/admin/plugins/greeter/enable", admin,
            { settings = { word = "two" } })
        assert.equal(409, refused.status, refused.body)
        assert.matches("the plugin is as it was", refused.json.message, 1, true)
        assert_as_before()
        local ok, told = pcall(w.server.command, w.server,
            "plugin enable greeter --setting word=two")
        assert.is_false(ok)
        assert.matches("greeter is as it was", told, 1, true)
        assert_as_before()
        w.db:query("delete from plugins")
        w:expect(409, "POST", "/api/admin/plugins/greeter/enable", admin, { grant = { "db" } })
        assert.equal(0, w.db:value("select count(*) from plugins"))
        shell.write(folder, text)
        w:expect(200, "POST", "/api/admin/reload", admin, {})
    end)

    it("are not for others", function()
        w:expect(403, "POST", "/api/admin/plugins/greeter/enable", w:buyer(), {})
        switch(404, "nothing", "enable")
    end)
end)
